"""A sentence encoder, imported and used without training."""

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import errors
from realm_tf.answering import run_retriever
from realm_tf.checkpoints import reading
from realm_tf.configs import schema
from realm_tf.data.corpus import corpora
from realm_tf.data.ingest import build
from realm_tf.evaluation import evaluation_options
from realm_tf.evaluation import evaluation_run
from realm_tf.index.job import follow
from realm_tf.index.versions import index_store
from realm_tf.training.init import orqa_init
from realm_tf.training.recipes import importing
from tests import people
from tests import synthetic
from tests.checkpoints import formats
from tests.checkpoints import sentence_folders
from tests.launch import suggested

pytestmark = pytest.mark.usefixtures("eagerly", "embeds_here")

# Of letters, as the tiny BERT's vocabulary is.
ARTICLES = [
  ("ada", "oslo is a city"),
  ("boris", "a b c 1 2 3"),
  ("clara", "was born in turin"),
  ("", "no title 9"),
  ("felix", "wrote 2 books."),
  ("greta", "leiden, 1801"),
]
QUESTIONS = [("who wrote 2 books?", "wrote 2"), ("where is oslo?", "oslo")]
_VOCAB = formats.TINY_BERT / "vocab.txt"


def build_corpus(folder, articles, vocab=_VOCAB):
  records = [{"title": title, "text": text} for title, text in articles]
  build.build(
    build.BuildOptions(
      inputs=[people.write_jsonl(folder.with_suffix(".jsonl"), records)],
      output=str(folder),
      vocab=str(vocab),
      max_passage_tokens=34,
      num_shards=2,
    )
  )
  return corpora.Corpus.open(str(folder))


def imported(folder, **more):
  importing.run(
    str(folder / "st"),
    str(folder / more.pop("name", "encoder")),
    "",
    more.pop("corpus", ""),
    more,
  )


@pytest.fixture(scope="module")
def place(tmp_path_factory):
  """A source, two corpora, questions, and the imported encoder."""
  root = tmp_path_factory.mktemp("imported")
  sentence_folders.write(root / "st")
  build_corpus(root / "corpus", ARTICLES)
  build_corpus(root / "other", ARTICLES[:3])
  asked = [{"question": q, "answer": [a]} for q, a in QUESTIONS]
  people.write_jsonl(root / "questions.jsonl", asked)
  imported(root)
  return root


def in_order(corpus):
  """Titles and bodies by row."""
  titles, bodies = corpus.read_texts(np.arange(corpus.num_passages))
  return list(zip(titles, bodies, strict=True))


def by_hand(corpus):
  """The embeddings of a corpus's passages by NumPy's arithmetic."""
  return np.array(
    [
      sentence_folders.embed(f"{title} {body}")
      for title, body in in_order(corpus)
    ]
  )


def reduction(passages, size):
  """The projection of a corpus's embeddings, by NumPy's decomposition."""
  _, values, rows = np.linalg.svd(passages)
  return rows[:size].T * values[:size] ** -0.25


def error_of(function, *args, **more):
  with pytest.raises(errors.UserError) as error:
    function(*args, **more)
  assert "\n" not in str(error.value)
  return str(error.value)


def test_an_encoder_finds_what_it_finds_by_hand(place, capsys):
  corpus = corpora.Corpus.open(str(place / "corpus"))
  model_dir = str(place / "encoder")
  options = follow.RefreshOptions(model_dir=model_dir, corpus=corpus.path)
  follow.run_job(options, follow.prepare(options, print))
  assert "index 0 published" in capsys.readouterr().out
  passages = by_hand(corpus)
  store = index_store.find_store(model_dir, corpus.fingerprint)
  version = store.open(0, corpus.fingerprint, corpus.num_passages)
  stored = version.load_matrix()
  np.testing.assert_allclose(stored, passages, atol=1e-3)  # float16
  retriever = run_retriever.Retriever.from_run(model_dir, corpus=corpus.path)
  questions = [question for question, _ in QUESTIONS]
  queries = np.array([sentence_folders.embed(q) for q in questions])
  np.testing.assert_allclose(
    retriever.embed_queries(questions), queries, atol=1e-5
  )
  for hits, query in zip(retriever.search(questions, 3), queries, strict=True):
    best = np.argsort(-(passages @ query))[:3]
    wanted = [in_order(corpus)[row] for row in best]
    assert [(h.passage.title, h.passage.text) for h in hits] == wanted
    np.testing.assert_allclose(
      [h.score for h in hits], np.sort(passages @ query)[::-1][:3], atol=1e-3
    )


def test_evaluate_measures_it_and_names_the_next_command(place, capsys):
  scores = evaluation_run.run(
    evaluation_options.Options(
      model_dir=str(place / "encoder"),
      dataset=str(place / "questions.jsonl"),
      corpus=str(place / "corpus"),
      retriever=("dense", "bm25"),
      retrieval_only=True,
    )
  )
  corpus = corpora.Corpus.open(str(place / "corpus"))
  passages = by_hand(corpus)
  right = [
    answer in in_order(corpus)[int(np.argmax(passages @ query))][1]
    for question, answer in QUESTIONS
    for query in [sentence_folders.embed(question)]
  ]
  found = scores["dense"].figures["recall@1"].value
  assert found == pytest.approx(np.mean(right))
  flags = suggested.check(capsys.readouterr().out, "finetune")
  assert {
    "--config=minilm",  # which pools and normalises so
    f"--config.passage_length={sentence_folders.MAX_LENGTH}",
    f"--init={place / 'encoder'}",
  } <= {*flags}


def test_each_corpus_has_an_index_of_its_own(place):
  model_dir = str(place / "encoder")
  for name, count in (("corpus", 6), ("other", 3), ("corpus", 6)):
    found = run_retriever.Retriever.from_run(
      model_dir, corpus=str(place / name)
    )
    [hits] = found.search(["ada"], k=10)
    assert len(hits) == count


def test_it_needs_a_corpus_of_its_vocabulary(place, tmp_path):
  model_dir = str(place / "encoder")
  message = error_of(run_retriever.Retriever.from_run, model_dir)
  assert "has no corpus of its own" in message
  pieces = _VOCAB.read_text().split("\n")[:-1]
  (tmp_path / "vocab.txt").write_text("\n".join([*pieces, "new"]) + "\n")
  other = build_corpus(tmp_path / "other", ARTICLES[:1], tmp_path / "vocab.txt")
  options = follow.RefreshOptions(model_dir=model_dir, corpus=other.path)
  message = error_of(follow.prepare, options, print)
  assert f"={model_dir} has another vocabulary (80 wordpieces)" in message
  assert f"build_corpus(vocab={model_dir}/vocab.txt)" in message


def test_a_training_is_not_there_to_be_watched(place):
  options = follow.RefreshOptions(
    model_dir=str(place / "encoder"), corpus=str(place / "corpus"), watch=True
  )
  assert "watch=True" in error_of(follow.prepare, options, print)


def test_it_is_read_again_as_it_was(place):
  before = reading.read(str(place / "st"))
  after = reading.read(str(place / "encoder"))
  assert after.encoder == before.encoder
  assert after.config == before.config
  assert after.vocabulary == before.vocabulary
  for name, value in after.variables.items():
    np.testing.assert_array_equal(value, before.variables[name])
  assert "is a run" in error_of(
    importing.run, str(place / "encoder"), str(place / "again"), ""
  )


def test_fewer_dimensions_are_principal_axes_of_the_corpus(place, capsys):
  corpus = corpora.Corpus.open(str(place / "corpus"))
  imported(place, name="small", corpus=corpus.path, projection_size=4)
  assert "4 dimensions" in capsys.readouterr().out
  passages = by_hand(corpus)
  query = sentence_folders.embed("where is oslo?")
  kept = np.array([*passages, query]) @ reduction(passages, 4)
  kept /= np.linalg.norm(kept, axis=1, keepdims=True)
  # From `import_checkpoint --corpus`, the corpus is known.
  found = run_retriever.Retriever.from_run(str(place / "small"))
  [hits] = found.search(["where is oslo?"], k=6)
  np.testing.assert_allclose(
    [hit.score for hit in hits],
    np.sort(kept[:-1] @ kept[-1])[::-1],
    atol=2e-3,
  )
  again = reading.read(str(place / "small")).encoder
  assert again.dense.kernel.shape == (32, 4)


def test_what_an_import_cannot_do_is_said(place, tmp_path):
  def refused(source, **fields):
    corpus = fields.pop("corpus", "")
    return error_of(
      importing.run, str(source), str(tmp_path / "new"), "", corpus, fields
    )

  source, corpus = place / "st", str(place / "corpus")
  message = refused(source, projection_size=4)
  assert "name it by `corpus`" in message
  message = refused(source, projection_size=40, corpus=corpus)
  assert "beyond the 32 dimensions" in message
  message = refused(source, pooling="cls")
  assert "has pooling=mean" in message
  message = refused(formats.TINY_BERT, projection_size=4)
  assert "set config.pooling" in message
  assert not (tmp_path / "new").exists()


def test_a_bert_becomes_an_encoder_if_its_pooling_is_given(tmp_path):
  importing.run(
    str(formats.TINY_BERT),
    str(tmp_path / "encoder"),
    "",
    "",
    {"pooling": "mean", "normalization": "l2", "query_prompt": "q "},
  )
  export = tf.saved_model.load(str(tmp_path / "encoder/exports/embedder/0"))
  [piece] = sentence_folders.pieces("x")
  ids = [[sentence_folders.CLS, piece, sentence_folders.SEP]]
  for name, text in (("query", "q x"), ("passage", "x")):
    [got] = export.signatures[name](token_ids=tf.constant(ids))["embedding"]
    np.testing.assert_allclose(got, sentence_folders.embed(text), atol=1e-5)


def test_fine_tuning_takes_an_encoder_with_or_without_its_index(place):
  def choose(source):
    return orqa_init.choose(
      str(source),
      "",
      "",
      model_dir=str(place / "new"),
      corpus=str(place / "corpus"),
      rebuild_index=False,
      config=synthetic.orqa_config(),
    )

  run_retriever.Retriever.from_run(
    str(place / "encoder"), corpus=str(place / "corpus")
  )
  indexed = choose(place / "encoder")
  assert indexed.index_run == str(place / "encoder")
  assert choose(place / "st").index_run == ""


@pytest.mark.parametrize(("source", "size"), [("encoder", 0), ("st", 4)])
def test_fine_tuning_starts_as_the_encoder(place, source, size, capsys):
  corpus = corpora.Corpus.open(str(place / "corpus"))
  # The imported one brings its index along.
  run_retriever.Retriever.from_run(str(place / "encoder"), corpus=corpus.path)
  people.run(
    place,
    place / f"tuned_{source}",
    tuning(projection_size=size),
    init=str(place / source),
  )
  printed = capsys.readouterr().out
  assert f"the retriever from {place / source}" in printed
  assert "projection" not in printed
  assert ("Embedding the corpus" in printed) == (source == "st")
  texts = [question for question, _ in QUESTIONS]
  vectors = by_hand(corpus)
  made = np.array([*vectors, *map(sentence_folders.embed, texts)])
  if size:
    made = made @ reduction(vectors, size)
  made /= np.linalg.norm(made, axis=1, keepdims=True)
  passages, queries = np.split(made, [len(vectors)])
  tuned = run_retriever.Retriever.from_run(str(place / f"tuned_{source}"))
  for hits, query in zip(tuned.search(texts, 6), queries, strict=True):
    scores = [hit.score for hit in hits]
    wanted = np.sort(passages @ query)[::-1]
    np.testing.assert_allclose(scores, wanted, atol=2e-3)


def tuning(**changes):
  """Fine-tuning from the tiny BERT, which hardly learns."""
  fields = {
    **vars(
      schema.EncoderConfig.of(reading.read(str(formats.TINY_BERT)).config)
    ),
    "dropout": 0.0,
    "query_length": 20,
    "passage_length": sentence_folders.MAX_LENGTH,
    "pooling": "mean",
    "normalization": "l2",
    "passage_segments": False,
    "passage_separator": False,
    "retriever_beam": 6,
    "train_steps": 1,
    "warmup_steps": 0,
    "learning_rate": 1e-9,
  }
  return people.config_of(**(fields | changes))


def test_another_retriever_than_the_encoder_is_refused(place):
  def refused(source, **changes):
    return error_of(
      people.run,
      place,
      place / "refused",
      tuning(**changes),
      init=str(place / source),
    )

  message = refused("st", projection_size=0, pooling="cls")
  assert "set config.pooling=mean." in message
  run_retriever.Retriever.from_run(
    str(place / "encoder"), corpus=str(place / "corpus")
  )
  message = refused("encoder", projection_size=4)  # it has an index
  assert "set config.projection_size=0." in message
  formats.hugging_face(place / "bert")
  assert "is no run, and has no retriever" in refused("bert")
  assert not (place / "refused").exists()
