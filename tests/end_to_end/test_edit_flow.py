"""Knowledge is edited, and a fine-tuned model answers from it, untrained."""

import pytest
import tensorflow as tf

from realm_tf import errors
from realm_tf.answering import open_qa
from realm_tf.data.corpus import corpora
from realm_tf.data.ingest import build
from tests import people
from tests.end_to_end import tiny_runs
from tests.launch import suggested

pytestmark = pytest.mark.usefixtures("eagerly")

_PEOPLE = "Ada Boris Clara Dmitri Elena Felix Greta Hugo".split()
# Wide enough that random weights tell texts of different words apart.
_SHAPE = {"query_length": 24, "projection_size": 32, "max_positions": 64}
_PLACES = "Lisbon Vienna Prague Oslo Geneva Turin Bergen Leiden".split()
_FINETUNING = _SHAPE | {
  "reader_length": 60,
  "reader_beam": 1,
  "train_steps": 3,
  "learning_rate": 1e-6,
}


def article(person, place):
  return {"title": person, "text": f"{person} lived in {place}."}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
  """A corpus and a run, hardly trained: it matches words, no more."""
  tf.keras.utils.set_random_seed(0)
  root = tmp_path_factory.mktemp("world")
  records = list(map(article, _PEOPLE, _PLACES))
  build.build(
    build.BuildOptions(
      inputs=[people.write_jsonl(root / "articles.jsonl", records)],
      output=str(root / "corpus"),
      vocab_size=300,
      max_passage_tokens=32,
      num_shards=2,
    )
  )
  corpus = corpora.Corpus.open(str(root / "corpus"))
  people.write_pretrained(root / "realm", corpus, "pretrain", **_SHAPE)
  questions = [
    {"question": f"{person} lived in?", "answer": [place]}
    for person, place in zip(_PEOPLE, _PLACES, strict=True)
  ]
  people.write_jsonl(root / "questions.jsonl", questions)
  config = people.config_of(**_FINETUNING)
  people.run(root, root / "tuned", config)
  return root


@pytest.fixture(scope="module")
def edited(world):
  """The corpus after an edit by the command, and what that printed."""
  new = [article("Irma", "Bergamo"), article("Jonas", "Toledo")]
  changed = [article("Ada", "Corti")]
  shown = tiny_runs.run(
    "edit_corpus",
    f"--corpus={world}/corpus",
    f"--add={people.write_jsonl(world / 'new.jsonl', new)}",
    f"--replace={people.write_jsonl(world / 'changed.jsonl', changed)}",
    "--remove=Hugo",
    f"--output={world}/edited",
    f"--model_dir={world}/tuned",
  )
  return str(world / "edited"), shown


def ask(answerer, corpus, question):
  """Returns the title of the passage answered from, and all titles found."""
  titles, bodies = corpora.Corpus.open(corpus).read_texts()
  rows = answerer.retrievers.retrieve([question], len(titles), "dense").rows[0]
  (prediction,) = answerer.answer(["1"], [question], k=1).predictions
  body = bodies[titles.index(prediction.passage_title)]
  assert prediction.answer in body
  return prediction.passage_title, [titles[row] for row in rows]


def test_the_command_says_what_it_did_and_what_comes_next(world, edited):
  _, shown = edited
  assert "6 copied and 3 embedded" in shown  # Of eight, six stayed.
  assert suggested.check(shown, "evaluate") == [
    f"--model_dir={world}/tuned",
    f"--corpus={world}/edited",
    f"--dataset={world}/questions.jsonl",
    "--split=dev",
  ]


def test_what_was_added_is_answered_from_at_once(world, edited):
  corpus, _ = edited
  answerer = open_qa.OpenQA.from_run(str(world / "tuned"), corpus=corpus)
  for person, place in (("Irma", "Bergamo"), ("Jonas", "Toledo")):
    title, found = ask(
      answerer, corpus, f"{person}: {person} lived in {place}."
    )
    assert title == found[0] == person
  title, _ = ask(answerer, corpus, "Ada: Ada lived in Corti.")
  assert title == "Ada"
  assert answerer.retrievers.retrieve(["Irma lived"], 1, "bm25").rows[0, 0] >= 0


def test_what_was_removed_is_found_no_longer(world, edited):
  before = open_qa.OpenQA.from_run(str(world / "tuned"))
  title, found = ask(
    before, str(world / "corpus"), "Hugo: Hugo lived in Leiden."
  )
  assert title == "Hugo"
  assert set(found) == set(_PEOPLE)
  corpus, _ = edited
  after = open_qa.OpenQA.from_run(str(world / "tuned"), corpus=corpus)
  title, found = ask(after, corpus, "Hugo: Hugo lived in Leiden.")
  assert "Hugo" not in found
  assert title != "Hugo"
  assert {"Irma", "Jonas"} <= set(found)


def test_another_run_of_the_same_retriever_has_the_index_too(world, edited):
  corpus, _ = edited
  config = people.config_of(**_FINETUNING)
  people.run(world, world / "next", config, corpus=corpus)
  answerer = open_qa.OpenQA.from_run(str(world / "next"))
  titles, _ = corpora.Corpus.open(corpus).read_texts()
  assert (
    len(answerer.retrievers.retrieve(["x"], 99, "dense").rows[0])
    == len(titles)
    == 9
  )


def test_a_corpus_without_an_index_is_told(world, tmp_path):
  people.write_jsonl(tmp_path / "new.jsonl", [article("Kim", "Oslo")])
  tiny_runs.run(
    "edit_corpus",
    f"--corpus={world}/corpus",
    f"--add={tmp_path}/new.jsonl",
    f"--output={tmp_path}/new",
  )
  with pytest.raises(errors.UserError, match="edit_corpus makes"):
    open_qa.OpenQA.from_run(str(world / "tuned"), corpus=str(tmp_path / "new"))
