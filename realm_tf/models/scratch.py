"""First weights from which an encoder learns in minutes.

BERT took a million steps to learn the structure that these weights start with.
They follow mimetic initialisation (Trockman and Kolter, 2023): they imitate the
weights of trained transformers.
"""

import numpy as np
import tensorflow as tf
from official.nlp.modeling.networks import bert_encoder

from realm_tf.models import encoders

# The longest wave of the position embeddings is this many radians a position.
_SLOWEST_RATE = 1 / 512
# Attention logits of a first-layer head: this times the sum of the cosines of
# all waves, which is largest at the neighbour that the head looks for.
_LOCALITY = 4.0
# Attention logit of a token with itself in the layers above.
_SELF_MATCH = 4.0
# The share of the random weights that is kept below the structured ones.
_RANDOM_PART = 0.3


def prepare_for_scratch(encoder: bert_encoder.BertEncoderV2) -> None:
  """Sets first weights that learn quickly in a built encoder.

  * Positions are waves in the first quarter of the width, where word
    embeddings begin at zero, so that neither blurs the other.
  * Each head of the first layer attends to one neighbour: the word before, the
    word after, the second before, and so on.
  * The heads above attend to whatever looks alike: a [MASK] between two words
    finds the place where those words stand.
  * Attention passes on its input: each output projection is the transpose of
    the value projection, their product close to the identity.

  Together these are the circuit that copies a name out of a passage. From
  random weights a model of two layers does not find it within an hour.

  Args:
    encoder: A built encoder.
  """
  table = encoder.get_embedding_table()
  width = table.shape[-1]
  place_width = width // 8 * 2  # a quarter, and even
  rates = _SLOWEST_RATE ** (np.arange(0, place_width, 2) / place_width)
  # Words and waves weigh the same in the sum of the two.
  deviation = np.std(table.numpy())
  table.assign(tf.pad(table[:, place_width:], [[0, 0], [place_width, 0]]))
  positions = encoders.position_embeddings(encoder)
  waves = _waves(np.arange(positions.shape[0]), rates)
  positions.assign(
    np.pad(waves, [(0, 0), (0, width - place_width)]) * deviation * 2**0.5
  )
  for number, layer in enumerate(encoder.transformer_layers):
    query, key, value, output = encoders.attention_kernels(layer)
    if number == 0:
      look, show = _look_at_neighbours(query.shape, rates)
      query.assign(_RANDOM_PART * query + look)
      key.assign(_RANDOM_PART * key + show)
    else:
      stddev = (_SELF_MATCH / (width * query.shape[2] ** 0.5)) ** 0.5
      alike = _draw(query.shape, stddev)
      query.assign(alike)
      key.assign(alike)
    values = _draw(value.shape, width**-0.5)
    value.assign(values)
    output.assign(tf.transpose(values, [1, 2, 0]))


def _draw(shape: tf.TensorShape, stddev: float) -> tf.Tensor:
  """Draws from the generator that all first weights are drawn from.

  `config.seed` seeds it, where a run is set up.
  """
  return tf.keras.initializers.RandomNormal(stddev=stddev)(shape)


def _waves(places: np.ndarray, rates: np.ndarray) -> np.ndarray:
  """Returns sines and cosines in turn, <float64>[places, 2 * rates]."""
  angles = places[:, None] * rates
  waves = np.stack([np.sin(angles), np.cos(angles)], axis=-1)
  return waves.reshape(len(places), -1)


def _look_at_neighbours(
  shape: tf.TensorShape, rates: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """Returns kernels with which each head attends to one neighbour.

  The key shows its own waves. The query shows its own, turned to the phase
  that they have at the neighbour's place.

  Args:
    shape: [width, heads, head width] of both kernels.
    rates: <float64>[waves]. Radians a position.

  Returns:
    The query's and the key's kernel, <float32>, of that shape.
  """
  query, key = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
  heads, head_width = shape[1], shape[2]
  scale = (_LOCALITY / 2 * head_width**0.5) ** 0.5
  waves = min(len(rates), head_width // 2)
  sine = np.arange(waves) * 2
  for head in range(heads):
    neighbour = (head // 2 + 1) * (1 if head % 2 else -1)
    turn = rates[:waves] * neighbour
    key[sine, head, sine] = key[sine + 1, head, sine + 1] = scale
    query[sine, head, sine] = query[sine + 1, head, sine + 1] = scale * np.cos(
      turn
    )
    query[sine + 1, head, sine] = scale * np.sin(turn)
    query[sine, head, sine + 1] = -scale * np.sin(turn)
  return query, key
