"""Google's REALM and ORQA, imported as runs, with the vectors of passages."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import errors
from realm_tf.answering import open_qa
from realm_tf.data.corpus import corpora
from realm_tf.index.job import follow
from realm_tf.index.versions import index_store
from realm_tf.index.versions import run_index
from realm_tf.models import encoders
from realm_tf.models import masked_lm
from realm_tf.runs import run_config
from realm_tf.serving.export import export_run
from realm_tf.training.init import first_weights
from realm_tf.training.recipes import importing
from tests.checkpoints import google_realm_folders
from tests.checkpoints import realm_folders
from tests.launch import suggested
from tests.training.recipes import test_imported_realm

pytestmark = pytest.mark.usefixtures("eagerly", "embeds_here")

TEXTS = test_imported_realm.TEXTS
QUESTIONS = test_imported_realm.QUESTIONS


def imported(place, name, source, corpus="corpus", tower="", **overrides):
  importing.run(
    str(place / source),
    str(place / name),
    "",
    corpus and str(place / corpus),
    overrides,
    tower and str(place / tower),
  )
  return str(place / name)


@pytest.fixture(scope="module")
def vectors():
  rng = np.random.default_rng(3)
  size = [len(TEXTS), realm_folders.SIZE]
  return rng.normal(size=size).astype(np.float32)


@pytest.fixture(scope="module")
def place(tmp_path_factory, vectors):
  """Google's folders, the corpus of their passages, and the runs of them."""
  root = tmp_path_factory.mktemp("realm")
  arrays = realm_folders.embedder(9)
  google_realm_folders.embedder(root / "embedder", arrays, vectors)
  google_realm_folders.finetuned(root / "orqa", num_block_records=len(TEXTS))
  google_realm_folders.bert(root / "bert")
  test_imported_realm.write_records(root / "block_records.npy", TEXTS)
  test_imported_realm.build_corpus(
    root / "corpus",
    root / "block_records.npy",
    root / "embedder" / "assets" / "vocab.txt",
  )
  imported(root, "run", "orqa", tower="embedder")
  imported(root, "retriever", "embedder")
  return root


def test_answers_are_those_of_the_arrays(place, vectors):
  qa = open_qa.OpenQA.from_run(str(place / "run"))
  tokenizer = qa.corpus.tokenizer
  _, found = qa.find_answers(QUESTIONS, 5, 1)
  _, starts, limits = tokenizer.tokenize_with_offsets(TEXTS)
  for number, question in enumerate(QUESTIONS):
    score, (row, first, length) = test_imported_realm.answer_by_hand(
      realm_folders.openqa(vectors), vectors, tokenizer, question
    )
    total = found.retriever_score[number, 0] + found.reader_score[number, 0]
    np.testing.assert_allclose(total, score, atol=1e-4)
    assert found.row[number, 0] == row
    assert found.byte_start[number, 0] == starts[row][first]
    assert found.byte_limit[number, 0] == limits[row][first + length - 1]


def test_the_export_answers_as_the_run(place):
  folder = export_run.run(
    export_run.ExportOptions(
      model_dir=str(place / "run"),
      output=str(place / "export"),
      num_answers=1,
    )
  )
  served = tf.saved_model.load(folder).signatures["answer"]
  made = served(question=tf.constant(QUESTIONS))
  found = open_qa.OpenQA.from_run(str(place / "run"))(QUESTIONS)
  for name, wanted in (
    ("answer", [answer.answer for answer in found]),
    ("passage", [answer.evidence.passage.text for answer in found]),
  ):
    assert [b.decode() for b in made[name].numpy()[:, 0]] == wanted


@pytest.mark.parametrize("name", ["run", "retriever"])
def test_the_index_has_the_very_vectors(place, vectors, name):
  run = run_config.read(str(place / name))
  corpus = corpora.Corpus.open(run.corpus)
  store = run_index.home(run, str(place / name), corpus.fingerprint)
  version = store.open(0, corpus.fingerprint, len(TEXTS))
  assert version.manifest.dtype == "float32"
  version.verify()
  np.testing.assert_array_equal(version.load_matrix(), vectors)


def test_a_refresh_finds_the_index(place):
  options = follow.RefreshOptions(str(place / "retriever"))
  context = follow.prepare(options, print)
  assert follow.run_job(options, context) == 0
  assert context.store.versions() == [0]


def test_vectors_that_came_along_are_not_embedded_next(place, tmp_path, caplog):
  (tmp_path / "embedder").symlink_to(place / "embedder")
  (tmp_path / "corpus").symlink_to(place / "corpus")
  for corpus, wanted in (
    ("corpus", ["evaluate"]),
    ("", ["build_corpus", "refresh_index", "evaluate"]),
  ):
    caplog.clear()
    imported(tmp_path, f"run of {corpus}", "embedder", corpus=corpus)
    found = suggested.commands(caplog.text)
    assert [command for command, _ in found] == wanted


def test_an_embedder_alone_embeds_any_corpus(place):
  folder = imported(place, "alone", "embedder", corpus="")
  options = follow.RefreshOptions(folder, corpus=str(place / "corpus"))
  context = follow.prepare(options, print)
  assert follow.run_job(options, context) == 0
  store = index_store.store_of_corpus(folder, context.corpus.fingerprint)
  version = store.open(0, context.corpus.fingerprint, len(TEXTS))
  [first] = context.corpus.tokenizer.tokenize(TEXTS[:1]).to_list()
  np.testing.assert_allclose(
    version.load_matrix()[0],
    realm_folders.embed(realm_folders.embedder(9), [], first),
    atol=2e-2,  # of an index in float16
  )


def test_pretraining_starts_from_reader_and_embedder(place):
  run = run_config.read(str(place / "run"))
  size = len(realm_folders.VOCABULARY)
  reader = masked_lm.MaskedLanguageModel(run.config, size, name="reader")
  starting = dataclasses.replace(
    run, task="pretrain", init_checkpoint=str(place / "bert")
  )
  report = first_weights.initialize({"reader": reader}, starting)
  assert not report.missing
  np.testing.assert_array_equal(
    encoders.position_embeddings(reader.encoder),
    realm_folders.encoder()["realm.embeddings.position_embeddings.weight"],
  )


def refusal(place, source="orqa", **more):
  with pytest.raises(errors.UserError) as error:
    imported(place, "refused", source, **more)
  assert "\n" not in str(error.value)
  assert not list(place.glob("refused*"))
  return str(error.value)


def test_a_missing_part_is_named(place, tmp_path):
  assert "cc_news_pretrained/embedder" in refusal(place)
  message = refusal(place, corpus="", tower="embedder")
  assert "input=blocks.tfr,titles.tfr" in message
  assert "makes no embeddings" in refusal(place, tower="bert")
  google_realm_folders.embedder(place / "bare")
  assert "has no vectors" in refusal(place, tower="bare")


def test_other_numbers_of_passages_are_refused(place, vectors):
  fewer = np.concatenate([vectors, vectors])
  google_realm_folders.embedder(place / "other", vectors=fewer)
  assert "vectors of 16 passages" in refusal(place, "other")
  message = refusal(place, tower="other")
  assert "announces num_block_records=8" in message
  assert "has 16 rows" in message


def test_vectors_that_are_cut_off_leave_nothing(place, vectors):
  folder = google_realm_folders.embedder(place / "cut", vectors=vectors)
  file = folder / "encoded" / "encoded.ckpt.data-00000-of-00001"
  file.write_bytes(file.read_bytes()[:-4])
  assert str(file) in refusal(place, "cut")
  assert str(file) in refusal(place, tower="cut")


def test_a_fine_tuned_checkpoint_that_is_cut_off_is_named(place):
  folder = google_realm_folders.finetuned(place / "short")
  [file] = folder.glob("export/best_default/checkpoint/*.data-*")
  content = file.read_bytes()
  file.write_bytes(content[: len(content) // 4])
  assert "damaged" in refusal(place, "short", tower="embedder")


def test_another_vocabulary_is_refused(place):
  folder = google_realm_folders.embedder(place / "swapped")
  vocabulary = realm_folders.VOCABULARY
  swapped = [*vocabulary[:-2], vocabulary[-1], vocabulary[-2]]
  text = "\n".join(swapped) + "\n"
  (folder / "assets" / "vocab.txt").write_text(text)
  assert "another vocabulary" in refusal(place, "swapped")


def test_fewer_dimensions_do_not_fit_the_vectors(place):
  assert "projection_size" in refusal(place, "embedder", projection_size=4)
