"""The weight of the hybrid retriever: chosen, recorded and used."""

import json

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import errors
from realm_tf.answering import asking
from realm_tf.answering import open_qa
from realm_tf.answering import run_retriever
from realm_tf.answering.retrievers import hybrid_searcher
from realm_tf.data.questions import qa_datasets
from realm_tf.evaluation import evaluation_options
from realm_tf.evaluation import evaluation_run
from realm_tf.evaluation import hybrid_choice
from tests import people
from tests import synthetic

pytestmark = pytest.mark.usefixtures("eagerly")

BODIES = ["a rose", "a tulip", "an oak", "an elm"]


class Corpus:
  tokenizer = synthetic.make_tokenizer()

  def read_texts(self, rows):
    return [""] * len(rows), [BODIES[row] for row in rows]


class Proposed:
  """A retriever whose candidates are all passages, the last of them unsound."""

  step = 12

  def __init__(self, dense, sparse):
    self._scores = [tf.constant(part, tf.float32) for part in (dense, sparse)]

  def candidates(self, texts):
    assert len(texts) == len(self._scores[0])
    for scores in zip(*self._scores, strict=True):
      dense, sparse = (tf.repeat(part[None], 6, axis=1) for part in scores)
      # Each passage six times, as otherwise all are among the twenty best.
      yield hybrid_searcher.Candidates(
        tf.repeat([[0, 1, 2, 3]], 6, axis=1), dense, sparse, dense > -9
      )


def questions(*answers):
  examples = [
    qa_datasets.Example(str(i), f"question {i}?", (answer,))
    for i, answer in enumerate(answers)
  ]
  return qa_datasets.QaDataset(
    "flowers", "dev", tuple(examples), None, True, {}
  )


def test_the_weight_that_finds_most_is_chosen():
  # Dense scores alone have the rose first, BM25's alone have it last.
  retriever = Proposed([[3, 2, 1, -10]] * 2, [[0, 4, 5, 99]] * 2)
  choice = hybrid_choice.choose(
    retriever,
    questions("rose", "none such"),
    synthetic.orqa_config(query_length=12),
    Corpus(),
  )
  # Standard scores: 1.22, 0, -1.22, and -1.39, 0.46, 0.93: the rose passes the
  # tulip where 1.22 w - 1.39 (1 - w) > 0.46 (1 - w), from 0.602 on.
  assert choice.settings.weight == 0.7
  assert choice.settings.source == "chosen on 2 questions of flowers dev"
  assert choice.step == 12
  np.testing.assert_allclose(
    list(choice.recall.values()),
    # Twelfth, thirteenth or first: at 20, or at 1, 5 and 20, of one of two.
    [1 / 6] * 7 + [1 / 2] * 4,
  )


def evaluate(model_dir, **fields):
  evaluation_run.run(
    evaluation_options.Options(model_dir=str(model_dir), **fields)
  )
  [*_, newest] = sorted(
    (model_dir / "evaluation").glob("*hybrid*/summary.json"),
    key=lambda path: path.stat().st_mtime_ns,
  )
  return newest.parent, json.loads(newest.read_text())


def test_it_is_chosen_once_and_used_wherever_the_run_is_asked(
  overfitted, world
):
  asked = {
    "dataset": str(world / "questions.{split}.jsonl"),
    "retriever": ("hybrid", "dense"),
  }
  test = world / "questions.test.jsonl"
  test.write_text((world / "questions.jsonl").read_text())
  recorded = overfitted / "hybrid.json"
  folder, summary = evaluate(overfitted, **asked)
  [[fingerprint, choice]] = json.loads(recorded.read_text()).items()
  weight = choice["settings"]["weight"]
  assert summary["hybrid"] == (
    f"convex, weight of dense {weight:g}, chosen on 8 questions of "
    f"{world}/questions.jsonl dev"
  )
  assert summary["figures"]["exact_match"]["value"] == 1
  assert "chosen on 8 questions" in (folder / "report.html").read_text()
  assert "hybrid" not in json.loads(
    (folder.parent / "questions-test-dense" / "summary.json").read_text()
  )
  best = max(choice["recall"].values())
  assert choice["recall"][f"{weight:g}"] == best

  choice["settings"]["weight"] = 0.25
  recorded.write_text(json.dumps({fingerprint: choice}))
  _, summary = evaluate(overfitted, retrieval_only=True, **asked)
  assert summary["hybrid"].startswith("convex, weight of dense 0.25, chosen on")
  loaded = open_qa.OpenQA.from_run(str(overfitted))
  assert loaded.retrievers.hybrid.settings.weight == 0.25
  found = asking.load(str(overfitted), retriever="hybrid", count=1)(
    f"where was {people.PEOPLE[2]} born?"
  )
  assert (found.text, found.evidence.passage.title) == ("São Paulo", "Clara")
  retriever = run_retriever.Retriever.from_run(str(overfitted))
  assert retriever.retrievers.hybrid.settings.weight == 0.25
  [hits] = retriever.search(["where was Clara born?"], 2, retriever="hybrid")
  assert hits[0].passage.title == "Clara" and hits[0].score > hits[1].score

  # Another step's weights, or another method: it is chosen anew.
  choice["step"] += 1
  recorded.write_text(json.dumps({fingerprint: choice}))
  _, summary = evaluate(overfitted, retrieval_only=True, **asked)
  assert f"weight of dense {weight:g}," in summary["hybrid"]
  _, summary = evaluate(
    overfitted, retrieval_only=True, hybrid_method="reciprocal_ranks", **asked
  )
  assert summary["hybrid"].startswith("reciprocal ranks, weight of dense")
  [choice] = json.loads(recorded.read_text()).values()
  assert choice["settings"]["method"] == "reciprocal_ranks"


def test_a_weight_that_is_given_is_used_and_not_recorded(world):
  folder, summary = evaluate(
    world / "realm",
    dataset=str(world / "regex.jsonl"),
    retriever=("hybrid", "dense"),
    retrieval_only=True,
    hybrid_weight=1.0,
  )
  assert summary["hybrid"] == "convex, weight of dense 1, as given"
  assert folder.name == "regex-test-hybrid-retrieval_only-weight_1"
  found = [
    [json.loads(line)["retrieved"] for line in path.open()]
    for path in (
      folder / "predictions.jsonl",
      folder.parent / "regex-test-dense-retrieval_only" / "predictions.jsonl",
    )
  ]
  assert found[0] == found[1]
  assert not list((world / "realm").glob("hybrid.json"))


def test_a_run_without_questions_takes_those_that_are_named(world, caplog):
  asked = {
    "dataset": str(world / "questions.jsonl"),
    "retriever": ("hybrid",),
    "retrieval_only": True,
  }
  _, summary = evaluate(world / "realm", **asked)
  assert summary["hybrid"] == "convex, weight of dense 0.5, by default"
  assert "`hybrid_dev`" in caplog.text
  _, summary = evaluate(
    world / "realm", hybrid_dev=str(world / "regex.jsonl"), **asked
  )
  assert "chosen on 8 questions of" in summary["hybrid"]
  assert (world / "realm" / "hybrid.json").exists()


def test_mistakes_are_named(world):
  def error_of(**fields):
    with pytest.raises(errors.UserError) as error:
      evaluate(
        world / "realm", dataset=str(world / "questions.jsonl"), **fields
      )
    return str(error.value)

  assert "`hybrid_weight` goes with" in error_of(hybrid_weight=0.5)
  assert "`hybrid_dev` goes with" in error_of(
    hybrid_dev="dev.jsonl", retriever=("bm25",)
  )
  assert "leave one" in error_of(
    hybrid_dev="dev.jsonl", hybrid_weight=0.0, retriever=("hybrid",)
  )
  hybrid = {"retriever": ("hybrid",), "retrieval_only": True}
  assert "hybrid_weight=2 must be" in error_of(hybrid_weight=2.0, **hybrid)
  said = error_of(hybrid_dev="nowhere.jsonl", **hybrid)
  assert "nowhere.jsonl" in said and "`hybrid_weight`" in said
  with pytest.raises(errors.UserError, match="goes with retriever=hybrid"):
    asking.load(str(world / "realm"), hybrid_weight=0.5)
