"""Poolings, projections, normalisations and prompts of an embedder."""

import dataclasses
import itertools

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import errors
from realm_tf.models import embedders
from realm_tf.models import encoders
from realm_tf.models import prompts
from tests import synthetic

VOCAB = len(synthetic.VOCABULARY)
# `[CLS] title [SEP] body [SEP]` with a title, without, the null passage; and a
# query.
PASSAGE = [2, 8, 9, 3, 30, 31, 32, 3, 0]
UNTITLED = [2, 3, 30, 31, 32, 33, 34, 35, 3]
NULL = [2, 3, 3, 0, 0, 0, 0, 0, 0]
QUERY = [2, 8, 30, 4, 9, 3, 0, 0, 0]
ROWS = tf.constant([PASSAGE, UNTITLED, NULL, QUERY])
ST = {"passage_segments": False, "passage_separator": False}


def make(**changes):
  config = synthetic.realm_config(**changes)
  return embedders.Embedder(config, config, VOCAB, synthetic.SEP)


def last_layer(model, token_ids):
  """The whole last layer, of one segment, by Model Garden's encoder."""
  whole = encoders.build_encoder(synthetic.realm_config(), VOCAB, "whole")
  whole.set_weights(model.encoder.get_weights())
  outputs = whole(
    {
      "input_word_ids": token_ids,
      "input_mask": tf.cast(token_ids != 0, tf.int32),
      "input_type_ids": tf.zeros_like(token_ids),
    },
    training=False,
  )
  return outputs["sequence_output"].numpy()


@pytest.mark.parametrize(
  ("pooling", "size", "activation", "normalization"),
  [
    ("mean", 0, "none", "l2"),
    ("mean", 8, "none", "l2"),
    ("mean", 8, "relu", "layer_norm"),
    ("cls_hidden", 8, "tanh", "none"),
    ("cls_hidden", 0, "none", "layer_norm"),
    ("cls", 0, "none", "l2"),
  ],
)
def test_each_shape_computes_what_its_fields_say(
  pooling, size, activation, normalization
):
  model = make(
    pooling=pooling,
    projection_size=size,
    projection_activation=activation,
    normalization=normalization,
    passage_segments=False,
  )
  for variable in model.trainable_variables:
    variable.assign_add(tf.random.normal(variable.shape, stddev=0.1))
  hidden = last_layer(model, ROWS)
  wanted = {
    "mean": [
      row[: np.count_nonzero(ids)].mean(axis=0)
      for row, ids in zip(hidden, ROWS, strict=True)
    ],
    "cls_hidden": hidden[:, 0],
    "cls": model.encoder.pooler_layer(hidden[:, 0]).numpy(),
  }[pooling]
  wanted = np.array(wanted)
  if size:
    wanted = wanted @ model.projection.kernel + model.projection.bias
    wanted = {
      "none": lambda x: x,
      "tanh": np.tanh,
      "relu": lambda x: np.maximum(x, 0),
    }[activation](wanted)
  if normalization == "l2":
    wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
  elif normalization == "layer_norm":
    wanted = wanted - wanted.mean(axis=1, keepdims=True)
    wanted /= np.sqrt((wanted**2).mean(axis=1, keepdims=True) + 1e-12)
    wanted = wanted * model.layer_norm.gamma + model.layer_norm.beta
  assert model(ROWS).dtype == tf.float32
  np.testing.assert_allclose(model(ROWS), wanted, rtol=1e-4, atol=1e-5)
  assert (model.projection is None) == (size == 0)


def test_a_mean_is_of_all_but_padding_in_groups_too():
  model = make(pooling="mean", projection_size=0, normalization="l2")
  tokens = np.random.default_rng(0).integers(5, VOCAB, [60, 40])
  lengths = np.random.default_rng(1).integers(2, 40, [60, 1])
  rows = tf.constant(np.where(np.arange(40) < lengths, tokens, 0), tf.int32)
  one_by_one = [
    model(rows[i : i + 1, : lengths[i, 0]])[0] for i in range(0, 60, 7)
  ]
  grouped = tf.function(model, autograph=False)(rows)
  np.testing.assert_allclose(grouped[::7], one_by_one, rtol=1e-4, atol=1e-5)


def test_no_part_of_a_mean_is_left_without_a_gradient():
  """The pooler, which nothing reads, is not trained."""
  model = make(pooling="mean", projection_size=0, normalization="l2")
  with tf.GradientTape() as tape:
    loss = tf.reduce_sum(model(ROWS, training=True)[:, 0])
  gradients = tape.gradient(loss, model.trainable_variables)
  assert all(gradient is not None for gradient in gradients)
  names = {variable.name for variable in model.trainable_variables}
  assert not any("pooler" in name for name in names)


def test_pooling_and_norms_are_float32_in_bfloat16(bfloat16):
  model = make(pooling="mean", projection_size=0, normalization="l2")
  assert model.encoder.compute_dtype == "bfloat16"
  found = model(ROWS).numpy()
  assert found.dtype == np.float32
  # Rounded to bfloat16, lengths would be off by a thousandth and more.
  np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)


def test_texts_are_joined_without_the_first_separator():
  joined = embedders.join_texts(ROWS, synthetic.SEP)
  assert joined.numpy().tolist() == [
    [2, 8, 9, 30, 31, 32, 3, 0, 0],
    [2, 30, 31, 32, 33, 34, 35, 3, 0],
    [2, 3, 0, 0, 0, 0, 0, 0, 0],
    QUERY,
  ]
  model = make(pooling="mean", **ST)
  np.testing.assert_allclose(model(ROWS), model(joined), atol=1e-5)


def towers(prompt_ids=prompts.NONE, **changes):
  config = synthetic.realm_config(pooling="mean", **(ST | changes))
  return embedders.TwoTowers(config, config, VOCAB, synthetic.SEP, prompt_ids)


@pytest.mark.parametrize("tied", [True, False])
def test_prompts_stand_behind_cls(tied):
  model = towers(prompts.PromptIds([40, 41], [42]), tied_embedders=tied)
  for tower, prompt in (
    (model.query_embedder, [40, 41]),
    (model.passage_embedder, [42]),
  ):
    plain = embedders.Embedder.from_config(tower.get_config() | {"prompt": []})
    plain.set_weights(tower.get_weights())
    prompted = [
      [row[0], *prompt, *row[1:]] for row in (PASSAGE, UNTITLED, NULL, QUERY)
    ]
    np.testing.assert_allclose(
      tower(ROWS), plain(tf.constant(prompted)), rtol=1e-4, atol=1e-5
    )
  shared = model.query_embedder.encoder is model.passage_embedder.encoder
  assert shared == tied


def test_tied_towers_with_two_prompts_are_saved_and_copied_as_one(tmp_path):
  model = towers(prompts.PromptIds([40], [41]))
  single = towers()
  assert len(model.trainable_variables) == len(single.trainable_variables)
  copy = embedders.TwoTowers.from_config(model.get_config())
  path = tf.train.Checkpoint(retriever=model).write(str(tmp_path / "weights"))
  tf.train.Checkpoint(retriever=copy).read(path).assert_consumed()
  for new, old in zip(copy(ROWS, ROWS), model(ROWS, ROWS), strict=True):
    np.testing.assert_array_equal(new, old)
  queries, passages = model(ROWS, ROWS)
  assert np.abs(queries - passages).max() > 1e-3


def test_prompts_are_those_of_the_config_or_do_not_fit():
  tokenizer = synthetic.make_tokenizer()
  config = synthetic.realm_config(query_prompt="wa wb", passage_prompt="nc")
  ids = [synthetic.VOCABULARY.index(piece) for piece in ("wa", "wb", "nc")]
  found = prompts.of(config, tokenizer)
  assert list(itertools.chain(*found)) == ids
  config = dataclasses.replace(config, passage_length=32)
  most = config.max_positions - 2
  long = synthetic.ict_config(query_prompt="wa wb", query_length=most + 1)
  with pytest.raises(errors.UserError) as error:
    prompts.of(long, tokenizer)
  assert f"Set config.query_length={most} at most" in str(error.value)
