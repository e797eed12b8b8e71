import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.configs import loading
from realm_tf.models import orqa
from realm_tf.training import optimizers
from tests import synthetic
from tests.training import small_runs


def rate(config, step):
  schedule = optimizers.make_optimizer(config).learning_rate
  return float(schedule(tf.constant(step, tf.int64)))


@pytest.mark.parametrize(
  ("step", "expected"),
  [
    (0, 0.0),
    (1, 0.9e-3 / 100),
    (50, 0.45e-3),
    (100, 0.9e-3),  # linear decay: 1 - 100 / 1000
    (250, 0.75e-3),
    (500, 0.5e-3),
    (999, 0.001e-3),
    (1000, 0.0),
  ],
)
def test_warm_up_and_decay_by_hand(step, expected):
  config = synthetic.realm_config(
    learning_rate=1e-3, train_steps=1_000, warmup_steps=-1
  )
  assert rate(config, step) == pytest.approx(expected, rel=1e-4, abs=1e-9)


def test_without_warm_up_the_rate_starts_at_its_peak():
  config = synthetic.realm_config(
    learning_rate=1e-3, train_steps=100, warmup_steps=0
  )
  assert rate(config, 0) == pytest.approx(1e-3)
  assert rate(config, 25) == pytest.approx(0.75e-3)


def test_the_papers_schedule():
  config = synthetic.realm_config(
    learning_rate=3e-5, train_steps=200_000, warmup_steps=-1
  )
  assert rate(config, 5_000) == pytest.approx(3e-5 * 0.95 / 2, rel=1e-4)
  assert rate(config, 10_000) == pytest.approx(3e-5 * 0.95, rel=1e-4)
  assert rate(config, 105_000) == pytest.approx(3e-5 * 95 / 200, rel=1e-4)


def test_a_run_no_longer_than_its_warm_up_still_learns():
  # max(100, steps / 10) is 100.
  config = synthetic.realm_config(train_steps=60, warmup_steps=-1)
  assert rate(config, 30) > 0


# Every variable that is trained, by part, of one layer: those that decay, and
# those that do not.
BERT = (
  {
    "word_embeddings/embeddings",
    "position_embedding/embeddings",
    "type_embeddings/embeddings",
    "transformer/layer_0/self_attention/query/kernel",
    "transformer/layer_0/self_attention/key/kernel",
    "transformer/layer_0/self_attention/value/kernel",
    "transformer/layer_0/self_attention/attention_output/kernel",
    "transformer/layer_0/intermediate/kernel",
    "transformer/layer_0/output/kernel",
  },
  {
    "embeddings/layer_norm/gamma",
    "embeddings/layer_norm/beta",
    "transformer/layer_0/self_attention/query/bias",
    "transformer/layer_0/self_attention/key/bias",
    "transformer/layer_0/self_attention/value/bias",
    "transformer/layer_0/self_attention/attention_output/bias",
    "transformer/layer_0/self_attention_layer_norm/gamma",
    "transformer/layer_0/self_attention_layer_norm/beta",
    "transformer/layer_0/intermediate/bias",
    "transformer/layer_0/output/bias",
    "transformer/layer_0/output_layer_norm/gamma",
    "transformer/layer_0/output_layer_norm/beta",
  },
)
EMBEDDER = (
  BERT[0] | {"pooler_transform/kernel", "projection/kernel"},
  BERT[1]
  | {
    "pooler_transform/bias",
    "projection/bias",
    "layer_norm/gamma",
    "layer_norm/beta",
  },
)
MASKED_LANGUAGE_MODEL = (
  BERT[0] | {"transform/dense/kernel"},
  BERT[1]
  | {
    "transform/dense/bias",
    "transform/LayerNorm/gamma",
    "transform/LayerNorm/beta",
    "output_bias/bias",
  },
)
SPAN_READER = (
  BERT[0] | {"start/kernel", "end/kernel", "kernel"},
  BERT[1] | {"start/bias", "gamma", "beta", "bias"},
)
TAGGER = (BERT[0] | {"kernel"}, BERT[1] | {"bias"})
GOLDEN = {
  "pretrain_mlm": {"reader": MASKED_LANGUAGE_MODEL},
  "pretrain_ict": {"retriever": EMBEDDER},
  "pretrain": {"retriever": EMBEDDER, "reader": MASKED_LANGUAGE_MODEL},
  "finetune": {"retriever": EMBEDDER, "reader": SPAN_READER},
  "train_tagger": {"tagger": TAGGER},
}


def parts_of(task):
  """The models that a task trains, and its config."""
  if task != "finetune":
    config, trained, _ = small_runs.make(task, weight_decay=0.5)
    return config, trained.parts
  config = synthetic.orqa_config(weight_decay=0.5)
  model = orqa.OrqaModel.of_task(config, small_runs.VOCAB, synthetic.SEP)
  return config, {"retriever": model.retriever, "reader": model.reader}


def own_name(variable, expected):
  """The longest expected name that a variable's name ends with."""
  name = variable.name.removesuffix(":0")
  ends = [e for e in expected if f"/{name}".endswith(f"/{e}")]
  assert ends, f"{variable.name} is not listed"
  return max(ends, key=len)


@pytest.mark.parametrize("task", loading.TASKS)
def test_decay_spares_biases_and_layer_norms_alone(task):
  config, parts = parts_of(task)
  assert set(parts) == set(GOLDEN[task])
  config = dataclasses.replace(config, learning_rate=0.5, warmup_steps=0)
  for role, part in parts.items():
    adam = optimizers.make_optimizer(config)
    variables = part.trainable_variables
    for variable in variables:
      variable.assign(tf.ones_like(variable))
    # No gradient: only the decay changes a weight.
    adam.apply_gradients([(tf.zeros_like(v), v) for v in variables])
    decayed, spared = GOLDEN[task][role]
    found = {}
    for variable in variables:
      name = own_name(variable, decayed | spared)
      assert name not in found, f"{name} stands twice"
      found[name] = float(tf.reduce_max(variable))
      assert found[name] == float(tf.reduce_min(variable))
    assert found == dict.fromkeys(decayed, 0.75) | dict.fromkeys(spared, 1.0)


def test_first_step_is_adams():
  config = synthetic.realm_config(
    learning_rate=1e-2, warmup_steps=0, weight_decay=0.0
  )
  variable = tf.Variable([1.0, -2.0], name="kernel")
  adam = optimizers.make_optimizer(config)
  adam.apply_gradients([(tf.constant([0.5, -3.0]), variable)])
  # m / sqrt(v) is the gradient's sign on the first step, whatever its size:
  # nothing clips it here.
  np.testing.assert_allclose(variable, [0.99, -1.99], rtol=1e-4)


def two_rates(variables, make_config=synthetic.orqa_config):
  """A retriever's and another's variable, with rates of 1e-2 and 1e-3."""
  config = make_config(
    learning_rate=1e-3,
    retriever_learning_rate=1e-2,
    warmup_steps=0,
    weight_decay=0.0,
    train_steps=10,
  )

  class Part:
    def __init__(self, variable):
      self.trainable_variables = [variable]

  retriever, reader = variables
  parts = {"retriever": Part(retriever), "reader": Part(reader)}
  return optimizers.make_optimizer(config, parts)


@pytest.mark.parametrize(
  "make_config", [synthetic.orqa_config, synthetic.realm_config]
)
def test_the_retriever_learns_at_its_own_rate(make_config):
  retriever, reader = (
    tf.Variable([1.0, -2.0], name=name) for name in ("kernel", "kernel")
  )
  both = two_rates([retriever, reader], make_config)
  gradient = tf.constant([0.5, -3.0])
  pairs = [(gradient, retriever), (gradient, reader)]
  both.apply_gradients(pairs, experimental_aggregate_gradients=False)
  # On the first step, m / sqrt(v) is the gradient's sign.
  np.testing.assert_allclose(retriever, [0.99, -1.99], rtol=1e-4)
  np.testing.assert_allclose(reader, [0.999, -1.999], rtol=1e-4)
  assert optimizers.learning_rates(both, 5) == {
    "learning_rate": pytest.approx(0.5e-3),
    "retriever_learning_rate": pytest.approx(0.5e-2),
  }
  # On the second, linear decay leaves nine tenths of each.
  both.apply_gradients(pairs, experimental_aggregate_gradients=False)
  np.testing.assert_allclose(retriever, [0.981, -1.981], rtol=1e-4)
  np.testing.assert_allclose(reader, [0.9981, -1.9981], rtol=1e-4)


def test_both_states_are_restored(tmp_path):
  def make():
    variables = [tf.Variable([1.0], name="a"), tf.Variable([1.0], name="b")]
    both = two_rates(variables)
    optimizers.create_slots(both, variables)
    saved = tf.train.Checkpoint(
      optimizer=both, retriever=variables[0], reader=variables[1]
    )
    return variables, both, saved

  def step(variables, both, gradient):
    pairs = [(tf.constant([gradient]), v) for v in variables]
    both.apply_gradients(pairs, experimental_aggregate_gradients=False)

  variables, both, saved = make()
  step(variables, both, 0.5)
  path = saved.write(str(tmp_path / "state"))
  step(variables, both, -0.1)
  again, other, loaded = make()
  loaded.read(path).assert_existing_objects_matched()
  step(again, other, -0.1)
  for one, two in zip(variables, again, strict=True):
    np.testing.assert_array_equal(one, two)


def test_without_a_rate_of_its_own_there_is_one_optimizer():
  config = synthetic.orqa_config()
  model = orqa.OrqaModel.of_task(config, small_runs.VOCAB, synthetic.SEP)
  parts = {"retriever": model.retriever, "reader": model.reader}
  one = optimizers.make_optimizer(config, parts)
  assert not isinstance(one, optimizers.PartOptimizers)
  assert optimizers.learning_rates(one, 2) == {
    "learning_rate": pytest.approx(0.9e-3)
  }
