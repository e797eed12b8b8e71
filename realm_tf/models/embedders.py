"""Embed_input and Embed_doc (paper, section 3.2)."""

import functools
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
from official.nlp.modeling.networks import bert_encoder

from realm_tf.configs import schema
from realm_tf.models import configured
from realm_tf.models import encoders
from realm_tf.models import length_groups
from realm_tf.models import prompts as prompts_lib
from realm_tf.models import scratch

_ACTIVATIONS: Mapping[str, Callable[[tf.Tensor], tf.Tensor] | None] = {
  "none": None,
  "tanh": tf.math.tanh,
  "relu": tf.nn.relu,
  "gelu": functools.partial(tf.nn.gelu, approximate=False),
}


@tf.keras.utils.register_keras_serializable(package="realm_tf")
class Embedder(configured.NamedModel):
  """One vector a text: BERT's last layer pooled, projected and normalised.

  By default as in the paper: the pooled [CLS], a linear projection, a layer
  norm. With other settings the sentence encoders of sentence-transformers.

  Attributes:
    encoder: BERT.
    projection: The dense layer behind the pooling; None for none.
    layer_norm: Of the embeddings; None for none.
  """

  encoder: bert_encoder.BertEncoderV2
  projection: tf.keras.layers.Dense | None
  layer_norm: tf.keras.layers.LayerNormalization | None

  def __init__(
    self,
    encoder: schema.EncoderConfig,
    retriever: schema.RetrieverConfig,
    vocab_size: int,
    sep_id: int,
    name: str = "embedder",
    prompt: Sequence[int] = (),
    like: "Embedder | None" = None,
  ):
    """Builds the layers with their variables.

    Args:
      encoder: Gives the shape.
      retriever: Says how to pool, project and normalise, and whether a
        passage's body is a segment of its own.
      vocab_size: Wordpieces of the vocabulary.
      sep_id: The id of [SEP].
      name: Of the Keras model.
      prompt: Wordpieces to put before each text; see `prompts`.
      like: An embedder of the same settings, whose layers are this one's too;
        None for layers of its own.
    """
    encoder = schema.EncoderConfig.of(encoder)
    retriever = schema.RetrieverConfig.of(retriever)
    super().__init__(
      name=name,
      encoder=encoder,
      retriever=retriever,
      vocab_size=vocab_size,
      sep_id=sep_id,
      prompt=list(prompt),
    )
    self._prompt = tuple(prompt)
    self._pooling = retriever.pooling
    self._normalization = retriever.normalization
    self._passage_segments = retriever.passage_segments
    self._passage_separator = retriever.passage_separator
    self._sep_id = sep_id
    if like is not None:
      self.encoder = like.encoder
    else:
      self.encoder = encoders.build_encoder(
        encoder,
        vocab_size,
        name="encoder",
        output_range=None if self._pooling == "mean" else 1,
      )
      scratch.prepare_for_scratch(self.encoder)
    if not self.reads_pooler:
      self.encoder.pooler_layer.trainable = False  # nothing reads it
    self.projection = (
      like.projection if like else _projection(encoder, retriever)
    )
    self.layer_norm = like.layer_norm if like else _layer_norm(retriever)
    self(tf.zeros([1, 1], tf.int32))  # creates the head's variables

  @property
  def reads_pooler(self) -> bool:
    """Whether BERT's pooler has a part in the embeddings."""
    return self._pooling == "cls"

  def call(self, token_ids: tf.Tensor, training: bool = False) -> tf.Tensor:
    """Embeds texts.

    Args:
      token_ids: <int32>[batch, L], `[CLS] query [SEP]` or `[CLS] title [SEP]
        body [SEP]`, padded with 0.
      training: Whether dropout is active.

    Returns:
      <float32>[batch, embedding_size]: `projection_size` or, without a
      projection, `hidden_size`.
    """
    return self.project(self.pool(token_ids, training=training))

  def pool(self, token_ids: tf.Tensor, *, training: bool) -> tf.Tensor:
    """Returns what of the last layer stands for each text.

    Args:
      token_ids: See `call`.
      training: Whether dropout is active.

    Returns:
      <floating>[batch, hidden_size]: neither projected nor normalised.
    """
    # An encoder that stays as it is embeds as the index does: without dropout.
    training &= self.encoder.trainable

    def pooled(token_ids: tf.Tensor) -> tf.Tensor:
      return self._pool(token_ids, training=training)

    found = length_groups.apply(pooled, [token_ids], training=training)
    return found if self.encoder.trainable else tf.stop_gradient(found)

  def project(self, pooled: tf.Tensor) -> tf.Tensor:
    """Makes embeddings of what `pool` returns.

    Args:
      pooled: <floating>[batch, hidden_size].

    Returns:
      <float32>[batch, embedding_size].
    """
    if self.projection is not None:
      pooled = self.projection(pooled)
    if self.layer_norm is not None:
      return self.layer_norm(pooled)
    embedded = tf.cast(pooled, tf.float32)
    if self._normalization == "l2":
      embedded = tf.math.l2_normalize(embedded, axis=-1)
    return embedded

  def _pool(self, token_ids: tf.Tensor, *, training: bool) -> tf.Tensor:
    """Pools rows that are computed together."""
    if not self._passage_separator:
      token_ids = join_texts(token_ids, self._sep_id)
    token_ids = self._with_prompt(token_ids)
    segment_ids = tf.zeros_like(token_ids)
    if self._passage_segments:
      segment_ids = pair_segments(token_ids, self._sep_id)
    outputs = encoders.encode(
      self.encoder, token_ids, segment_ids, training=training
    )
    if self._pooling == "cls":
      return outputs["pooled_output"]
    hidden = tf.cast(outputs["sequence_output"], tf.float32)
    if self._pooling == "cls_hidden":
      return hidden[:, 0]
    weights = tf.cast(token_ids != 0, tf.float32)[..., None]  # [batch, L, 1]
    return tf.math.divide_no_nan(
      tf.reduce_sum(weights * hidden, axis=1), tf.reduce_sum(weights, axis=1)
    )

  def _with_prompt(self, token_ids: tf.Tensor) -> tf.Tensor:
    """Puts the prompt behind [CLS]."""
    if not self._prompt:
      return token_ids
    prompt = tf.constant([self._prompt], tf.int32)  # [1, P]
    prompt = tf.tile(prompt, [tf.shape(token_ids)[0], 1])
    return tf.concat([token_ids[:, :1], prompt, token_ids[:, 1:]], axis=1)


def _projection(
  encoder: schema.EncoderConfig, retriever: schema.RetrieverConfig
) -> tf.keras.layers.Dense | None:
  """Returns the dense layer behind the pooling; None for none."""
  if not retriever.projection_size:
    return None
  return tf.keras.layers.Dense(
    retriever.projection_size,
    activation=_ACTIVATIONS[retriever.projection_activation],
    kernel_initializer=encoders.kernel_initializer(encoder),
    name="projection",
  )


def _layer_norm(
  retriever: schema.RetrieverConfig,
) -> tf.keras.layers.LayerNormalization | None:
  """Returns the layer norm of the embeddings; None for none."""
  if retriever.normalization != "layer_norm":
    return None
  return tf.keras.layers.LayerNormalization(
    epsilon=1e-12, dtype=tf.float32, name="layer_norm"
  )


def join_texts(token_ids: tf.Tensor, sep_id: int) -> tf.Tensor:
  """Leaves out the [SEP] between a passage's title and its body.

  Args:
    token_ids: <int32>[batch, L], each text ended by [SEP], padded with 0.
    sep_id: The id of [SEP].

  Returns:
    <int32>[batch, L]: rows of one text as they are; of two, what follows the
    first [SEP] has moved up by one place.
  """
  ends = tf.cast(token_ids == sep_id, tf.int32)
  are_two = tf.reduce_sum(ends, axis=1, keepdims=True) > 1  # [batch, 1]
  moves = are_two & (tf.cumsum(ends, axis=1) > 0)  # [batch, L]
  return tf.where(moves, tf.pad(token_ids[:, 1:], [[0, 0], [0, 1]]), token_ids)


def pair_segments(token_ids: tf.Tensor, sep_id: int) -> tf.Tensor:
  """Returns BERT's segments of one text, or of two.

  As the released code's `separate_candidate_segments`: a passage's body, with
  the [SEP] after it, is the second text. A query has none.

  Args:
    token_ids: <int32>[batch, L], each text ended by [SEP], padded with 0.
    sep_id: The id of [SEP].

  Returns:
    <int32>[batch, L]: 1 for what follows the first [SEP], 0 for padding.
  """
  ends = tf.cast(token_ids == sep_id, tf.int32)
  follows = tf.cumsum(ends, axis=1, exclusive=True) > 0
  return tf.cast(follows & (token_ids != 0), tf.int32)


@tf.keras.utils.register_keras_serializable(package="realm_tf")
class TwoTowers(configured.ConfiguredModel):
  """The two towers of the inner product f(x, z): one embedder, or one each.

  Example:
    towers = TwoTowers(encoder_config, RetrieverConfig(), vocab_size, sep_id)
    queries, passages = towers(query_token_ids, passage_token_ids)

  Attributes:
    query_embedder: Embed_input.
    passage_embedder: Embed_doc; where the towers are tied, the same object, or
      one with the same layers if its prompt is another.
  """

  def __init__(
    self,
    encoder: schema.EncoderConfig,
    retriever: schema.RetrieverConfig,
    vocab_size: int,
    sep_id: int,
    prompts: prompts_lib.PromptIds = prompts_lib.NONE,
  ):
    """Builds the towers; `tied_embedders` says whether they are one.

    Args:
      encoder: See `Embedder`.
      retriever: See `Embedder`.
      vocab_size: Wordpieces of the vocabulary.
      sep_id: The id of [SEP].
      prompts: Wordpieces before each text, of queries and of passages.
    """
    prompts = prompts_lib.PromptIds(*prompts)
    parts: dict[str, Any] = {
      "encoder": schema.EncoderConfig.of(encoder),
      "retriever": schema.RetrieverConfig.of(retriever),
      "vocab_size": vocab_size,
      "sep_id": sep_id,
    }
    super().__init__(
      name="retriever", **parts, prompts=[list(ids) for ids in prompts]
    )
    is_tied = retriever.tied_embedders
    self.query_embedder = Embedder(
      **parts,
      name="embedder" if is_tied else "query_embedder",
      prompt=prompts.query,
    )
    self.passage_embedder = self.query_embedder
    if not is_tied or list(prompts.query) != list(prompts.passage):
      self.passage_embedder = Embedder(
        **parts,
        name="passage_embedder",
        prompt=prompts.passage,
        like=self.query_embedder if is_tied else None,
      )
    self.built = True

  def freeze_encoders(self) -> None:
    """Leaves the projections and layer norms alone to be trained."""
    for tower in (self.query_embedder, self.passage_embedder):
      tower.encoder.trainable = False

  def call(
    self,
    query_token_ids: tf.Tensor,
    passage_token_ids: tf.Tensor,
    training: bool = False,
  ) -> tuple[tf.Tensor, tf.Tensor]:
    """Embeds queries and passages.

    Args:
      query_token_ids: <int32>[queries, query length].
      passage_token_ids: <int32>[passages, passage length].
      training: Whether dropout is active.

    Returns:
      <float32>[queries, D] and <float32>[passages, D].
    """
    return (
      self.query_embedder(query_token_ids, training=training),
      self.passage_embedder(passage_token_ids, training=training),
    )
