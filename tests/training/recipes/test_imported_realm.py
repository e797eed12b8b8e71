"""A whole released REALM, imported with its passages and their vectors."""

import dataclasses
import os
import shutil

import numpy as np
import pytest

from realm_tf import errors
from realm_tf.answering import open_qa
from realm_tf.data.corpus import corpora
from realm_tf.data.ingest import build
from realm_tf.index.job import follow
from realm_tf.index.versions import index_store
from realm_tf.index.versions import run_index
from realm_tf.models import encoders
from realm_tf.models import masked_lm
from realm_tf.runs import run_config
from realm_tf.training.init import first_weights
from realm_tf.training.init import orqa_init
from realm_tf.training.recipes import importing
from realm_tf.training.recipes import released_answers
from tests.checkpoints import realm_folders

pytestmark = pytest.mark.usefixtures("eagerly", "embeds_here")

# Not in the order of their texts, and two are the same.
TEXTS = [f"{w} was {n} in 1{n}" for n, w in enumerate("zebra cat dog".split())]
TEXTS += ["a b c", "", "oslo is old, and cold", "a b c", "ada wrote 2 books"]
QUESTIONS = ["who wrote 2?", "where is it cold", "zebra"]


def write_records(path, texts):
  array = np.empty(len(texts), object)
  array[:] = [text.encode() for text in texts]
  np.save(path, array)


def build_corpus(folder, records, vocab):
  build.build(
    build.BuildOptions(
      inputs=[str(records)], output=str(folder), vocab=str(vocab), num_shards=3
    )
  )


def imported(place, name="run", **more):
  given = {
    "corpus": str(place / "corpus"),
    "passage_tower": str(place / "tower"),
  }
  given |= {k: more.pop(k) for k in list(given) if k in more}
  importing.run(
    str(place / more.pop("source", "openqa")),
    str(place / name),
    "",
    given["corpus"],
    more,
    given["passage_tower"],
  )
  return str(place / name)


@pytest.fixture(scope="module")
def vectors():
  rng = np.random.default_rng(3)
  size = [len(TEXTS), realm_folders.SIZE]
  return rng.normal(size=size).astype(np.float32)


@pytest.fixture(scope="module")
def place(tmp_path_factory, vectors):
  """A released model, its passage tower, its corpus, and the run of them."""
  root = tmp_path_factory.mktemp("realm")
  source = realm_folders.write(
    root / "openqa",
    realm_folders.openqa(vectors),
    pickled=True,
    num_block_records=len(TEXTS),
  )
  write_records(source / "block_records.npy", TEXTS)
  realm_folders.write(root / "tower", realm_folders.embedder(9))
  build_corpus(
    root / "corpus", source / "block_records.npy", source / "vocab.txt"
  )
  imported(root)
  return root


def answer_by_hand(arrays, vectors, tokenizer, question, beam=5):
  """Row and wordpieces (first, number) of the best span."""
  bodies = tokenizer.tokenize(TEXTS).to_list()
  [asked] = tokenizer.tokenize([question]).to_list()
  tower = below(arrays, "embedder.")
  reader = below(arrays, "reader.")
  relevance = vectors @ realm_folders.embed(tower, asked)
  best = (-np.inf, None)
  for row in np.argsort(-relevance)[:beam]:
    room = realm_folders.POSITIONS - 3 - len(asked)
    scores = realm_folders.span_scores(reader, asked, bodies[row][:room])
    for span, score in scores.items():
      best = max(best, (score + relevance[row], (int(row), *span)))
  return best


def below(arrays, scope):
  return {
    name.removeprefix(scope): array
    for name, array in arrays.items()
    if name.startswith(scope)
  }


def test_answers_are_those_of_the_arrays(place, vectors):
  qa = open_qa.OpenQA.from_run(str(place / "run"))
  tokenizer = qa.corpus.tokenizer
  _, found = qa.find_answers(QUESTIONS, 5, 1)
  bodies = tokenizer.tokenize(TEXTS).to_list()
  for number, question in enumerate(QUESTIONS):
    score, (row, first, length) = answer_by_hand(
      realm_folders.openqa(vectors), vectors, tokenizer, question
    )
    total = found.retriever_score[number, 0] + found.reader_score[number, 0]
    np.testing.assert_allclose(total, score, atol=1e-4)
    assert found.row[number, 0] == row
    _, starts, limits = tokenizer.tokenize_with_offsets(TEXTS)
    assert len(bodies[row]) >= first + length
    assert found.byte_start[number, 0] == starts[row][first]
    assert found.byte_limit[number, 0] == limits[row][first + length - 1]


def test_transformers_answers_the_same(place):
  peer = os.environ.get("REALM_TF_PEER_PYTHON")
  if not peer:
    pytest.skip("needs REALM_TF_PEER_PYTHON, a Python with transformers")
  found = released_answers.compare(
    str(place / "run"), str(place / "openqa"), peer, QUESTIONS
  )
  assert str(found) == "3 of 3 questions are answered the same"


def test_the_index_has_the_very_vectors(place, vectors):
  run = run_config.read(str(place / "run"))
  corpus = corpora.Corpus.open(run.corpus)
  version = run_index.open_index(run, corpus, str(place / "run"))
  assert version.manifest.dtype == "float32"
  version.verify()
  np.testing.assert_array_equal(version.load_matrix(), vectors)


def test_the_run_says_what_the_source_says(place):
  run = run_config.read(str(place / "run"))
  assert run.task == "finetune"
  assert run.config.span_hidden_size == realm_folders.HIDDEN
  assert run.config.reader_length == realm_folders.POSITIONS
  assert run.config.activation == "gelu_tanh"
  assert not run.config.tied_embedders


def test_finetuning_starts_from_all_of_it(place):
  run = run_config.read(str(place / "run"))
  chosen = orqa_init.choose(
    str(place / "run"),
    "",
    "",
    model_dir=str(place / "more"),
    corpus=run.corpus,
    rebuild_index=False,
    config=run.config,
  )
  assert chosen == orqa_init.Sources(
    str(place / "run"), str(place / "run"), str(place / "run"), 0
  )


def test_pretraining_starts_from_its_encoder(place, vectors):
  run = run_config.read(str(place / "run"))
  reader = masked_lm.MaskedLanguageModel(
    run.config, len(realm_folders.VOCABULARY), name="reader"
  )
  starting = dataclasses.replace(
    run, task="pretrain", init_checkpoint=str(place / "run")
  )
  report = first_weights.initialize({"reader": reader}, starting)
  assert report.missing == ["reader's MLM head"]
  arrays = realm_folders.openqa(vectors)
  np.testing.assert_array_equal(
    encoders.position_embeddings(reader.encoder),
    arrays["reader.realm.embeddings.position_embeddings.weight"],
  )


def test_an_index_that_is_lost_is_embedded_by_the_passage_tower(place):
  folder = shutil.copytree(place / "run", place / "lost")
  shutil.rmtree(folder / "index")
  options = follow.RefreshOptions(str(folder))
  context = follow.prepare(options, print)
  assert follow.run_job(options, context) == 0
  store = index_store.IndexStore(str(folder))
  version = store.open(0, context.corpus.fingerprint, len(TEXTS))
  [first] = context.corpus.tokenizer.tokenize(TEXTS[:1]).to_list()
  np.testing.assert_allclose(
    version.load_matrix()[0],
    realm_folders.embed(realm_folders.embedder(9), [], first),
    atol=1e-4,
  )


def refusal(place, **more):
  with pytest.raises(errors.UserError) as error:
    imported(place, "refused", **more)
  assert "\n" not in str(error.value)
  assert not list(place.glob("refused*"))
  return str(error.value)


def test_a_missing_part_is_named(place):
  assert "holds the query tower alone" in refusal(place, passage_tower="")
  assert "block_records.npy" in refusal(place, corpus="")
  reader = realm_folders.write(place / "reader", realm_folders.reader())
  assert "makes no embeddings" in refusal(place, passage_tower=str(reader))


def test_another_passage_tower_is_refused(place):
  arrays = realm_folders.embedder()
  other = realm_folders.write(place / "other", arrays)
  vocabulary = realm_folders.VOCABULARY
  swapped = [*vocabulary[:-2], vocabulary[-1], vocabulary[-2]]
  (other / "vocab.txt").write_text("\n".join(swapped) + "\n")
  assert "another vocabulary" in refusal(place, passage_tower=str(other))
  wider = realm_folders.write(place / "exact", arrays, hidden_act="gelu")
  assert "another shape" in refusal(place, passage_tower=str(wider))


def source(place, name, rows, **changes):
  vectors = np.zeros([rows, realm_folders.SIZE], np.float32)
  if changes.pop("not_finite", False):
    vectors[2, 3] = np.nan
  folder = realm_folders.write(
    place / name, realm_folders.openqa(vectors), **changes
  )
  return {"source": folder.name}


def test_other_numbers_of_passages_are_refused(place):
  fewer = source(place, "fewer", 7)
  assert "vectors of 7 passages" in refusal(place, **fewer)
  announced = source(place, "announced", 8, num_block_records=13_353_718)
  message = refusal(place, **announced)
  assert "announces num_block_records=13,353,718" in message
  assert "has 8 rows" in message


def test_vectors_that_are_not_finite_are_refused(place):
  wrong = source(place, "nan", len(TEXTS), not_finite=True)
  assert "not finite" in refusal(place, **wrong)


def test_vectors_of_another_size_are_refused(place):
  arrays = realm_folders.openqa(np.zeros([8, 5], np.float32))
  folder = realm_folders.write(place / "narrow", arrays)
  assert "block_emb is [8, 5]" in refusal(place, source=folder.name)


def test_a_corpus_in_another_order_is_refused(place, tmp_path):
  texts = tmp_path / "texts.jsonl"
  texts.write_text(
    "".join(f'{{"title": "t{n}", "text": "a {n}"}}\n' for n in range(8))
  )
  vocab = place / "openqa" / "vocab.txt"
  build_corpus(tmp_path / "sorted", texts, vocab)
  corpus = str(tmp_path / "sorted")
  assert "is sorted by title" in refusal(place, corpus=corpus)


def test_settings_that_the_source_has_are_refused(place):
  assert "leave it out" in refusal(place, pooling="mean")


def test_a_passage_tower_of_anything_else_is_refused(place):
  with pytest.raises(errors.UserError, match="leave it out"):
    imported(place, "refused", source="tower")


def test_half_precision_may_be_asked_for(place, vectors):
  folder = imported(place, "half", index_dtype="float16")
  run = run_config.read(folder)
  corpus = corpora.Corpus.open(run.corpus)
  version = run_index.open_index(run, corpus, folder)
  np.testing.assert_array_equal(
    version.load_matrix(), vectors.astype(np.float16)
  )
