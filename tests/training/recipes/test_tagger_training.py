"""Training a tagger from labelled files to an export, with a tiny model."""

import json

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import errors
from realm_tf.checkpoints import reading
from realm_tf.checkpoints.formats import own_run
from realm_tf.evaluation import entities
from realm_tf.export import tagger_export
from realm_tf.models import token_tagger
from realm_tf.text import model_tagger
from realm_tf.text import wordpiece
from realm_tf.training import loop
from realm_tf.training import training_checkpoints
from realm_tf.training.recipes import tagger_training
from tests import synthetic
from tests.checkpoints import formats
from tests.data import small_corpora
from tests.launch import suggested

pytestmark = pytest.mark.usefixtures("eagerly")

# Eight sentences; the label of "may" depends on what is beside it.
_SENTENCES = """
the/O cat/O ran/O to/O oslo/B-LOC ./O
ann/B-PER lee/I-PER sat/O in/O oslo/B-LOC ./O
may/B-PER lee/I-PER ran/O home/O ./O
the/O dog/O may/O ran/O ./O
acme/B-ORG ./I-ORG inc/I-ORG sat/O far/O away/O
in/O new/B-LOC york/I-LOC ann/B-PER sat/O ./O
the/O french/B-MISC cat/O may/O sat/O in/O acme/B-ORG
lee/B-PER ,/O ann/B-PER ,/O may/B-PER ./O
"""
CONFIG = synthetic.tagger_config(
  max_length=32,
  hidden_size=32,
  intermediate_size=64,
  learning_rate=1e-2,
  train_steps=120,
  warmup_steps=5,
  weight_decay=0.0,
  evaluate_every_steps=40,
  checkpoint_every_steps=40,
  summary_every_steps=40,
  patience=0,
)


def write_data(folder, text=_SENTENCES):
  folder.mkdir(exist_ok=True)
  rows = "\n\n".join(
    "\n".join(pair.replace("/", "\t") for pair in line.split())
    for line in text.strip().splitlines()
  )
  for split in ("train", "valid"):
    (folder / f"{split}.conll").write_text(rows + "\n")
  return str(folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
  return tmp_path_factory.mktemp("tagger")


@pytest.fixture(scope="module")
def options(folder):
  return tagger_training.DataOptions(
    data=[write_data(folder / "data")],
    vocab=small_corpora.write_vocabulary(folder),
  )


def train(options, model_dir, config=CONFIG, init_checkpoint=""):
  return tagger_training.run(
    config,
    options,
    init_checkpoint=init_checkpoint,
    model_dir=str(model_dir),
    tpu="",
  )


@pytest.fixture(scope="module")
def trained(options, folder):
  return folder / "run", train(options, folder / "run")


def test_eight_sentences_are_learned_by_heart(trained):
  model_dir, scores = trained
  assert scores[entities.ALL] == entities.Score(1.0, 1.0, 1.0, 12)
  assert set(scores) == {"PER", "LOC", "ORG", "MISC", entities.ALL}
  report = json.loads((model_dir / tagger_training.REPORT).read_text())
  (by_type,) = report["files"].values()
  assert by_type["PER"] == {
    "precision": 1.0, "recall": 1.0, "f1": 1.0, "entities": 6,
  }  # fmt: skip
  assert training_checkpoints.best(str(model_dir), "f1") == (
    1.0,
    report["step"],
  )


def test_the_export_tags_raw_text(trained):
  model_dir, _ = trained
  tagger = model_tagger.ModelTagger(str(model_dir))
  text = "Ann Lee sat in Oslo. In New York Ann sat."
  (found,) = tagger.tag([text])
  spans = [(text[s.start : s.limit], s.type) for s in found]
  assert spans == [
    ("Ann Lee", "PER"), ("Oslo", "LOC"), ("New York", "LOC"), ("Ann", "PER"),
  ]  # fmt: skip


def test_a_finished_run_is_reported_again(trained, options, capsys):
  model_dir, scores = trained
  assert train(options, model_dir) == scores
  shown = capsys.readouterr().out
  assert "Nothing to do" in shown
  flags = suggested.check(shown, "build_corpus", "annotate_spans")
  assert f"--tagger={model_dir}" in flags


def test_a_run_goes_on_from_the_weights_of_another(trained, options, folder):
  model_dir, _ = trained
  config = synthetic.tagger_config(
    hidden_size=32, intermediate_size=64, train_steps=3, warmup_steps=0,
    learning_rate=1e-9, evaluate_every_steps=3, max_length=32,
  )  # fmt: skip
  # Its vocabulary comes along.
  options = tagger_training.DataOptions(data=options.data)
  scores = train(options, folder / "next", config, str(model_dir))
  assert scores[entities.ALL].f1 == 1.0


def test_it_stops_where_f1_no_longer_grows(options, folder, monkeypatch):
  config = synthetic.tagger_config(
    train_steps=40, warmup_steps=0, learning_rate=1e-9, patience=2,
    evaluate_every_steps=4, checkpoint_every_steps=40, summary_every_steps=4,
  )  # fmt: skip
  steps = []
  save = loop.train

  def spy(*args):
    result = save(*args)
    steps.append(result.step)
    return result

  monkeypatch.setattr(loop, "train", spy)
  train(options, folder / "stops", config)
  train(options, folder / "stops", config)
  # Best at step 0, and nothing better at 4 and 8; that is kept, though no
  # checkpoint was due.
  assert steps == [8, 8]
  assert training_checkpoints.best(str(folder / "stops"), "f1")[1] == 0


def test_another_source_may_decide(options, folder):
  other = write_data(folder / "other", "the/O cat/B-MISC")
  config = synthetic.tagger_config(
    train_steps=2, warmup_steps=0, evaluate_every_steps=2
  )
  decided = tagger_training.DataOptions(
    options.data, [other], vocab=options.vocab
  )
  scores = train(decided, folder / "decided", config)
  assert scores[entities.ALL].entities == 1
  report = json.loads((folder / "decided" / tagger_training.REPORT).read_text())
  assert len(report["files"]) == 2


def test_public_weights_bring_vocabulary_and_casing(options, folder):
  bert = formats.hugging_face(folder / "bert")
  # Against what the vocabulary, which has no capitals, looks like.
  casing = json.dumps({"do_lower_case": False})
  (bert / "tokenizer_config.json").write_text(casing)
  config = synthetic.tagger_config(
    num_layers=2, hidden_size=32, num_heads=4, intermediate_size=48,
    max_positions=40, activation="gelu", train_steps=2, warmup_steps=0,
    learning_rate=1e-9, evaluate_every_steps=2,
  )  # fmt: skip
  bare = tagger_training.DataOptions(options.data)
  train(bare, folder / "warm", config, str(bert))
  found = reading.read(str(folder / "warm"))
  assert list(found.vocabulary) == formats.VOCABULARY
  assert not found.lower_case
  wanted = reading.read(str(bert)).variables
  for name in found.variables:
    np.testing.assert_allclose(found.variables[name], wanted[name], atol=1e-6)
  # And from that run on to another.
  train(bare, folder / "warmer", config, str(folder / "warm"))
  assert not reading.read(str(folder / "warmer")).lower_case


def test_mistakes_are_named(options, folder, trained):
  def error_of(options, config=CONFIG, init_checkpoint="", name="new"):
    with pytest.raises(errors.UserError) as error:
      train(options, folder / name, config, init_checkpoint)
    message = str(error.value)
    assert "\n" not in message
    assert not (folder / "new").exists()
    return message

  no_vocab = tagger_training.DataOptions(options.data)
  assert "`vocab` is missing" in error_of(no_vocab)
  bad = write_data(folder / "bad", "the/O cat/I-PER\na/B-PER b/O")
  unruly = tagger_training.DataOptions([bad], vocab=options.vocab)
  assert "train.conll, line 2" in error_of(unruly)
  model_dir = str(trained[0])
  other = synthetic.tagger_config()
  message = error_of(options, other, model_dir)
  assert "hidden_size=32" in message
  vocab = folder / "other_vocab.txt"
  vocab.write_text("\n".join(synthetic.VOCABULARY) + "\n")
  another = tagger_training.DataOptions(options.data, vocab=str(vocab))
  message = error_of(another, init_checkpoint=model_dir)
  assert "another vocabulary than vocab=" in message
  assert "names several" in error_of(options, init_checkpoint="a,b")
  changed = tagger_training.DataOptions(
    [write_data(folder / "less", "a/O")], vocab=options.vocab
  )
  assert "holds another run" in error_of(changed, name="run")


def test_cased_vocabularies_keep_capitals(folder):
  cased = [*wordpiece.SPECIAL_TOKENS, "Oslo", "oslo", "Ann", "##n", "a"]
  path = folder / "cased.txt"
  path.write_text("\n".join(cased) + "\n")
  tokenizer = wordpiece.Tokenizer.from_file(str(path), lower_case=None)
  assert not tokenizer.lower_case
  ids = tokenizer.tokenize(tf.constant(["Oslo oslo Ann"])).to_list()
  assert ids == [[5, 6, 7]]


def test_export_equals_the_model(trained, options):
  """The graph's labels of raw text are the model's of the same words."""
  model_dir, _ = trained
  loaded = tf.saved_model.load(
    str(model_dir.joinpath(*model_tagger.EXPORT_FOLDER))
  )
  texts = ["Ann lee sat in oslo .", "", "the french cat", "acme . inc sat"]
  outputs = loaded.signatures["tag"](texts=tf.constant(texts))
  tokenizer = wordpiece.Tokenizer.from_file(options.vocab)
  tagger = token_tagger.Tagger(CONFIG, tokenizer.vocab_size, 9)
  path, _ = own_run.weights_path(str(model_dir))
  tf.train.Checkpoint(tagger=tagger).read(path).expect_partial()
  text_tagger = tagger_export.TextTagger(tagger, tokenizer, CONFIG)
  ours = text_tagger.tag(tf.constant(texts))
  for name, value in outputs.items():
    if value.dtype == tf.float32:
      np.testing.assert_allclose(value, ours[name], atol=1e-5)
    else:
      np.testing.assert_array_equal(value, ours[name])
  splits = outputs["splits"].numpy().tolist()
  assert splits[0] == 0
  assert splits[1] == splits[2] == 2  # the empty text has none
  # By hand: the first text alone, its labels decoded in Python.
  ids = tokenizer.tokenize(tf.constant(texts[:1])).to_list()[0]
  row = tf.constant([[tokenizer.cls_id, *ids, tokenizer.sep_id]])
  capital = tf.one_hot([1], len(ids) + 2, dtype=tf.int32)  # "A" of "Ann"
  probs = tf.nn.softmax(tagger(row, capital))[0, 1:-1].numpy()
  words = probs[[0, 3]]  # "a ##n ##n l ##e ##e"
  assert words.argmax(-1).tolist() == [1, 2]  # B-PER I-PER
  score = np.mean(words[:, 1:3].sum(-1))
  np.testing.assert_allclose(outputs["score"][0], score, atol=1e-4)
