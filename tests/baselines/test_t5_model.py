"""Model Garden's T5 as it is used here: what it writes, and its dropout."""

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.baselines import t5_model
from realm_tf.baselines import t5_options

END, VOCAB = 3, 12
SIZE = t5_options.Size(2, 16, 2, 8, 32)
INPUTS = tf.constant([[5, 6, 7, END, 0], [8, END, 0, 0, 0], [9, 5, 9, 5, END]])


@pytest.fixture(scope="module")
def model():
  tf.keras.utils.set_random_seed(1)
  return t5_model.T5(SIZE, VOCAB, END, 0.5)


def log_probs(model, inputs, written):
  """Of what follows a text, read anew as a whole."""
  targets = np.array([*written, 1])  # What stands last is not read.
  logits = model.module(
    encoder_input_tokens=inputs[None],
    decoder_input_tokens=tf.constant([[0, *written]], tf.int32),
    decoder_target_tokens=tf.constant(targets[None], tf.int32),
  )["logits"]
  return tf.nn.log_softmax(logits[0, -1]).numpy()


def test_it_writes_what_is_likeliest_as_if_read_anew_each_time(model):
  written, scores = model.write(INPUTS, 4)
  for row, ids in enumerate(written.numpy()):
    total, before = 0.0, []
    for place in range(4):
      if before and before[-1] == END:
        assert not ids[place:].any()
        break
      found = log_probs(model, INPUTS[row], before)
      best = 1 + int(found[1:].argmax())
      assert ids[place] == best
      total += found[best]
      before.append(best)
    assert float(scores[row]) == pytest.approx(total, abs=1e-4)


def test_the_loss_is_that_of_the_targets_alone(model):
  targets = tf.constant([[7, END, 0]])
  first = log_probs(model, INPUTS[0], [])[7]
  second = log_probs(model, INPUTS[0], [7])[END]
  loss = model.loss(INPUTS[:1], targets)
  assert float(loss) == pytest.approx(-(first + second) / 2, abs=1e-4)


def test_dropout_follows_the_seed(model):
  targets = tf.constant([[7, END], [8, END], [9, END]])

  def loss(seed):
    model.seed = tf.constant([seed, 0])
    return float(model.loss(INPUTS, targets, training=True))

  assert loss(1) == loss(1)
  assert loss(1) != loss(2)
  assert float(model.loss(INPUTS, targets)) != loss(1)


def test_sizes_are_those_of_the_paper():
  base = t5_options.SIZES["base"]
  attention = base.num_heads * base.head_width
  layer = 4 * base.width * attention + 2 * base.width * base.inner_width
  decoder_layer = layer + 4 * base.width * attention
  # 220 million with 32,128 wordpieces (Raffel et al., section 3.1.2).
  total = base.num_layers * (layer + decoder_layer) + 32_128 * base.width
  assert 218e6 < total < 225e6
