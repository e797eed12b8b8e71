"""Trainings that start from a folder of sentence-transformers."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import errors
from realm_tf.checkpoints import reading
from realm_tf.configs import schema
from realm_tf.models import embedders
from realm_tf.models import masked_lm
from realm_tf.models import prompts
from realm_tf.training.init import first_weights
from tests import synthetic
from tests.checkpoints import formats
from tests.checkpoints import sentence_folders

TEXTS = ("who wrote it?", "a b c 1 2 3")
DENSE = [sentence_folders.random_dense(1, 32, 6, sentence_folders.TANH)]
LINEAR = [sentence_folders.random_dense(1, 32, 6, sentence_folders.IDENTITY)]
_ENCODER = schema.EncoderConfig.of(reading.read(str(formats.TINY_BERT)).config)


def config_of(**changes):
  """ICT with the tiny BERT, as an encoder that means and normalises."""
  fields = {
    **vars(_ENCODER),
    "dropout": 0.0,
    "query_length": 20,
    "passage_length": 30,
    "pooling": "mean",
    "projection_size": 0,
    "normalization": "l2",
    "passage_segments": False,
    "passage_separator": False,
  }
  return synthetic.ict_config(**(fields | changes))


def start(source, config, corpus=""):
  """Starts a retriever from a source; returns it and the report."""
  tokenizer = reading.read(str(source)).tokenizer()
  run = synthetic.make_run(
    "pretrain_ict",
    config,
    init_checkpoint=str(source),
    corpus=str(corpus),
    vocab_sha256=tokenizer.sha256,
  )
  first_weights.check_sources(run, tokenizer)
  towers = embedders.TwoTowers(
    config,
    config,
    tokenizer.vocab_size,
    tokenizer.sep_id,
    prompts.of(config, tokenizer),
  )
  return towers, first_weights.initialize({"retriever": towers}, run)


def rows(text):
  ids = sentence_folders.pieces(text)
  return tf.constant([[sentence_folders.CLS, *ids, sentence_folders.SEP]])


@pytest.mark.parametrize(
  ("shape", "changes"),
  [
    ({}, {"max_positions": 32, "tied_embedders": False}),
    (
      {"dense": DENSE, "pooling": "cls_token", "norm": False},
      {
        "pooling": "cls_hidden",
        "projection_size": 6,
        "projection_activation": "tanh",
        "normalization": "none",
      },
    ),
    ({"prompts": {"query": "q "}}, {"query_prompt": "q "}),
  ],
)
def test_a_retriever_starts_as_the_encoder(tmp_path, shape, changes):
  source = sentence_folders.write(tmp_path / "st", **shape)
  towers, report = start(source, config_of(**changes))
  prompt = changes.get("query_prompt", "")
  wanted = {k: v for k, v in shape.items() if k != "prompts"}
  for text in TEXTS:
    for tower, asked in (
      (towers.query_embedder, prompt),
      (towers.passage_embedder, ""),
    ):
      embedding = sentence_folders.embed(asked + text, **wanted)
      np.testing.assert_allclose(tower(rows(text))[0], embedding, atol=1e-5)
  assert report.missing == []
  assert not any("is not the sentence encoder" in n for n in report.notes)


@pytest.mark.parametrize(
  ("shape", "changes", "fields"),
  [
    ({}, {"pooling": "cls_hidden"}, "config.pooling=mean"),
    (
      {},
      {"normalization": "layer_norm", "passage_separator": True},
      "config.normalization=l2 config.passage_separator=False",
    ),
    (
      {"dense": DENSE},
      {"projection_size": 4},
      "config.projection_size=6 config.projection_activation=tanh",
    ),
    ({"dense": LINEAR}, {}, "config.projection_size=6"),
    ({"prompts": {"query": "q "}}, {}, "config.query_prompt='q '"),
  ],
)
def test_a_retriever_that_is_another_is_told_of(
  tmp_path, shape, changes, fields
):
  """As before this was known: the encoder is taken, the rest is random."""
  source = sentence_folders.write(tmp_path / "st", **shape)
  towers, report = start(source, config_of(**changes))
  bert = reading.read(str(formats.TINY_BERT))
  table = towers.query_embedder.encoder.get_embedding_table()
  key = "word_embeddings/embeddings"
  np.testing.assert_array_equal(table, bert.variables[key])
  [note] = [n for n in report.notes if "is not the sentence encoder" in n]
  assert f"with {fields} it would be" in note
  has_projection = bool(changes.get("projection_size"))
  assert report.missing == ["retriever's projection"] * has_projection


def test_a_projection_beyond_the_encoder_is_refused(tmp_path):
  source = sentence_folders.write(tmp_path / "st")
  with pytest.raises(errors.UserError) as error:
    start(source, config_of(projection_size=33))
  assert "beyond the 32 dimensions" in str(error.value)
  assert "\n" not in str(error.value)


def test_a_reader_takes_the_bert_alone(tmp_path):
  source = sentence_folders.write(tmp_path / "st")
  tokenizer = reading.read(str(source)).tokenizer()
  fields = {f.name for f in dataclasses.fields(schema.MlmConfig)}
  config = synthetic.mlm_config(
    **{k: v for k, v in vars(config_of()).items() if k in fields}
    | {"passage_length": 20}
  )
  run = synthetic.make_run(
    "pretrain_mlm",
    config,
    init_checkpoint=str(source),
    vocab_sha256=tokenizer.sha256,
  )
  first_weights.check_sources(run, tokenizer)
  reader = masked_lm.MaskedLanguageModel(
    config, tokenizer.vocab_size, name="reader"
  )
  report = first_weights.initialize({"reader": reader}, run)
  assert report.missing == []  # the tiny BERT has a head
