"""Model Garden's T5 as this package trains it and has it answer.

Raffel et al. (2020): an encoder-decoder with relative positions, which is
trained on the text that it is to write.
"""

from typing import Any

import tensorflow as tf
from official.nlp.modeling.models import t5

from realm_tf.baselines import t5_options

_NONE = -1e9


class Dropout(tf.Module):
  """Drops values by a seed, in the place of Model Garden's.

  That draws from the process's generator, which no checkpoint holds: a resumed
  run would not do what an undisturbed one does.
  """

  def __init__(self, rate: float, number: int, model: "T5"):
    """Takes the rate, a number of its own, and who has the seed."""
    super().__init__(name="stateless_dropout")
    self._rate = rate
    self._number = number
    self._seed_of = lambda: model.seed

  def __call__(
    self, x: tf.Tensor, training: bool, noise_shape: Any = None
  ) -> tf.Tensor:
    """Drops values in training."""
    if not training or not self._rate:
      return x
    return tf.nn.experimental.stateless_dropout(
      x,
      self._rate,
      self._seed_of() + tf.constant([0, self._number]),
      noise_shape=noise_shape,
    )


class T5:
  """A sequence-to-sequence model.

  Attributes:
    module: Model Garden's model, for checkpoints.
    seed: <int32>[2]. Of dropout; set before each training step.
  """

  def __init__(
    self, size: t5_options.Size, vocab_size: int, end_id: int, dropout: float
  ):
    """Makes the weights.

    Args:
      size: The shape.
      vocab_size: Wordpieces.
      end_id: The wordpiece that ends a text; 0 begins and pads one.
      dropout: Rate, in training.
    """
    self.seed = tf.zeros([2], tf.int32)
    self._size = size
    self._end_id = end_id
    self.module = t5.T5Transformer(
      t5.T5TransformerParams(
        num_layers=size.num_layers,
        d_model=size.width,
        d_kv=size.head_width,
        num_heads=size.num_heads,
        d_ff=size.inner_width,
        vocab_size=vocab_size,
        dropout_rate=dropout,
        shared_embedding=True,
        one_hot_embedding=False,
      )
    )
    number = 0
    for module in (self.module, *self.module.submodules):
      for name, value in list(vars(module).items()):
        if isinstance(value, t5.Dropout):
          number += 1
          setattr(module, name, Dropout(dropout, number, self))

  @property
  def weights(self) -> list[tf.Variable]:
    """The weights, each once."""
    return list(self.module.trainable_variables)

  def loss(
    self, inputs: tf.Tensor, targets: tf.Tensor, *, training: bool = False
  ) -> tf.Tensor:
    """Returns the mean of -log p of the targets' wordpieces, <float32>[].

    Args:
      inputs: <int32>[batch, L]. Padded with 0.
      targets: <int32>[batch, M]. With their ends; padded with 0.
      training: Whether dropout is active.
    """
    logits = self.module(
      encoder_input_tokens=inputs,
      decoder_input_tokens=tf.pad(targets, [[0, 0], [1, 0]])[:, :-1],
      decoder_target_tokens=targets,
      training=training,
    )["logits"]
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
    is_target = tf.cast(targets > 0, tf.float32)
    return tf.math.divide_no_nan(
      tf.reduce_sum(losses * is_target), tf.reduce_sum(is_target)
    )

  def write(self, inputs: tf.Tensor, most: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Writes texts, at each place the likeliest wordpiece.

    Keys and values of what is written are kept from one wordpiece to the next.

    Args:
      inputs: <int32>[batch, L]. Padded with 0.
      most: Wordpieces of a text with its end; static.

    Returns:
      Wordpieces <int32>[batch, most], with the end, then 0; and the sum of
      their log-probabilities, <float32>[batch].
    """
    size, batch = self._size, tf.shape(inputs)[0]
    encoded = self.module.encode(encoder_input_tokens=inputs)
    unseen = tf.where(inputs[:, None, None, :] > 0, 0.0, _NONE)
    shape = [batch, most, size.num_heads, size.head_width]
    cache = {
      layer: {part: tf.zeros(shape) for part in ("key", "value")}
      for layer in range(size.num_layers)
    }
    for layer in cache.values():
      for part, value in layer.items():
        layer[part] = tf.ensure_shape(value, [None, *shape[1:]])
    before = tf.zeros([batch, 1], tf.int32)
    total = tf.zeros([batch])
    written: list[tf.Tensor] = []
    # Unrolled: answers are short, and Model Garden changes the cache in place.
    for place in range(most):
      # `T5Transformer.decode` attends to places not yet written, too.
      later = tf.where(tf.range(most) > place, _NONE, 0.0)
      outputs = self.module.decoder(
        before,
        encoded,
        decoder_mask=later[None, None, None, :],
        encoder_decoder_mask=unseen,
        decode=True,
        decode_position=place,
        cache=cache,
        max_decode_len=most,
      )
      cache = outputs["cache"]
      log_probs = tf.nn.log_softmax(outputs["logits"][:, 0])  # [batch, V]
      # Padding is no answer: what comes first is the best of all others.
      best = 1 + tf.argmax(log_probs[:, 1:], axis=1, output_type=tf.int32)
      goes_on = tf.ones([batch], tf.bool)
      if written:
        goes_on = (written[-1] != self._end_id) & (written[-1] != 0)
      chosen = tf.gather(log_probs, best, batch_dims=1)
      total += tf.where(goes_on, chosen, 0.0)
      written.append(tf.where(goes_on, best, 0))
      before = written[-1][:, None]
    return tf.stack(written, axis=1), total
