import importlib
import subprocess
import sys

import numpy as np
import pytest

import realm_tf
from realm_tf import errors
from realm_tf.answering import replies
from tests import people

pytestmark = pytest.mark.usefixtures("eagerly")

QUESTIONS = [f"where was {person} born?" for person in people.PEOPLE]


def test_the_import_is_quick_and_brings_no_tensorflow():
  program = (
    "import resource, sys\n"
    "before = resource.getrusage(resource.RUSAGE_SELF)\n"
    "import realm_tf\n"
    "after = resource.getrusage(resource.RUSAGE_SELF)\n"
    "print(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)"
    "\nassert 'numpy' not in sys.modules\n"
    "assert 'tensorflow' not in sys.modules\n"
    "assert 'OpenQA' in dir(realm_tf)\n"
    "realm_tf.serving.Client, realm_tf.UserError\n"
    "assert 'tensorflow' not in sys.modules\n"
  )
  done = subprocess.run(
    [sys.executable, "-c", program], capture_output=True, text=True, check=False
  )
  assert done.returncode == 0, done.stderr
  assert float(done.stdout) < 0.3


@pytest.mark.parametrize("package", ["", ".models", ".index", ".serving"])
def test_each_name_is_loaded_and_others_are_refused(package):
  module = importlib.import_module(f"realm_tf{package}")
  assert set(module.__all__) <= set(dir(module))
  for name in module.__all__:
    assert getattr(module, name).__name__.rpartition(".")[2] == name
  with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
    _ = module.Nothing


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
  """Another working directory than the run was made in."""
  folder = tmp_path_factory.mktemp("elsewhere")
  with pytest.MonkeyPatch.context() as patch:
    patch.chdir(folder)
    yield


@pytest.fixture(scope="module")
def qa(overfitted, elsewhere):
  return realm_tf.OpenQA.from_run(str(overfitted))


def test_one_question_has_one_answer_and_a_list_has_a_list(qa):
  replied = qa(QUESTIONS, count=3)
  assert [reply.answer for reply in replied] == people.PLACES
  assert [reply.question for reply in replied] == QUESTIONS
  one = qa(QUESTIONS[2], count=3)
  assert isinstance(one, replies.Answer)
  assert one.answer == replied[2].answer
  assert one.probability == pytest.approx(replied[2].probability, rel=1e-3)
  assert one.evidence.passage == replied[2].evidence.passage
  assert "[São Paulo]" in one.evidence.mark()
  assert replied[0].evidence.passage.metadata == people.METADATA["Ada"]
  assert replied[0].evidence.passage.link == people.METADATA["Ada"]["url"]
  assert one.evidence.passage.metadata == {}
  assert len(one.further) == 2
  assert qa(tuple(QUESTIONS[:1]))[0].answer == people.PLACES[0]
  assert qa([]) == []


def test_answers_are_those_that_evaluate_scores(qa):
  predicted = qa.answer(people.PEOPLE, QUESTIONS, k=3).predictions
  for prediction, reply in zip(predicted, qa(QUESTIONS, count=1), strict=True):
    assert prediction.answer == reply.answer
    assert prediction.passage_id == reply.evidence.passage.id
    assert prediction.probability == pytest.approx(reply.probability, rel=1e-5)
    assert reply.further == ()


def test_bm25_finds_passages_for_the_same_reader(qa):
  reply = qa(QUESTIONS[7], retriever="bm25")
  assert (reply.answer, reply.evidence.passage.title) == ("New York", "Hugo")
  with pytest.raises(errors.UserError, match="retriever=tfidf"):
    qa(QUESTIONS[7], retriever="tfidf")


@pytest.fixture(scope="module")
def retriever(world, elsewhere):
  return realm_tf.Retriever.from_run(str(world / "realm"))


def test_queries_are_embedded(retriever):
  embedded = retriever.embed_queries(QUESTIONS)
  assert (embedded.shape, embedded.dtype) == ((8, 8), np.float32)
  np.testing.assert_allclose(
    retriever.embed_queries(QUESTIONS[:1]), embedded[:1], rtol=1e-4, atol=1e-5
  )


@pytest.mark.parametrize("name", ["dense", "bm25"])
@pytest.mark.parametrize("k", [3, 100])
def test_hits_are_the_rows_and_scores_of_the_retriever(retriever, name, k):
  rows, scores = retriever.retrievers[name].retrieve(QUESTIONS, min(k, 8))
  titles, texts = retriever.corpus.read_texts()
  found = retriever.search(QUESTIONS, k, retriever=name)
  assert len(found) == len(QUESTIONS)
  for place, hits in enumerate(found):
    wanted = [row for row in rows[place] if row >= 0]
    assert [hit.passage.title for hit in hits] == [titles[r] for r in wanted]
    assert [hit.passage.text for hit in hits] == [texts[r] for r in wanted]
    assert [hit.passage.metadata for hit in hits] == [
      people.METADATA.get(hit.passage.title, {}) for hit in hits
    ]
    assert tuple(hit.passage.id for hit in hits) == retriever.retrievers.ids(
      rows[place]
    )
    np.testing.assert_allclose(
      [hit.score for hit in hits], scores[place][: len(wanted)], rtol=1e-5
    )
    assert [hit.score for hit in hits] == sorted(
      (hit.score for hit in hits), reverse=True
    )
  if name == "bm25":
    assert [hits[0].passage.title for hits in found] == people.PEOPLE
  else:
    assert {len(hits) for hits in found} == {min(k, 8)}


def test_what_nobody_knows_has_no_hits(retriever):
  assert retriever.search(["東京"], retriever="bm25") == [[]]


@pytest.mark.parametrize("name", ["dense", "bm25"])
def test_no_texts_have_no_hits_and_no_embeddings(retriever, name):
  assert retriever.search([], retriever=name) == []
  assert retriever.embed_queries([]).shape == (0, 8)


def test_a_retriever_says_what_it_cannot_do(retriever, world):
  for call in (retriever.search, retriever.embed_queries):
    with pytest.raises(TypeError, match="`texts` must be a list"):
      call(QUESTIONS[0])
  with pytest.raises(errors.UserError, match="retriever=tfidf"):
    retriever.search(QUESTIONS, retriever="tfidf")
  words = realm_tf.Retriever.from_run(str(world / "realm"), dense=False)
  with pytest.raises(errors.UserError, match="dense=True"):
    words.embed_queries(QUESTIONS)
