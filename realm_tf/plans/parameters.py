"""How many parameters a task's models have, by its config."""

from collections.abc import Mapping
from typing import NamedTuple

from realm_tf.configs import schema

# What a tagger is usually trained for: CoNLL-2003's four types, B- and I-, and
# O. Other data have other labels; the difference is some thousand parameters.
_TAGGER_LABELS = 9
_SEGMENTS = 2
_BYTES = 4  # of a parameter, whatever is computed in
_COPIES_IN_TRAINING = 4  # weight, gradient, AdamW's two moments


class Parameters(NamedTuple):
  """Parameters of a model.

  Attributes:
    trained: How many are trained.
    frozen: How many are not.
  """

  trained: int
  frozen: int = 0

  def __add__(self, other: object) -> "Parameters":
    """Adds up both kinds."""
    if not isinstance(other, Parameters):
      return NotImplemented
    return Parameters(self.trained + other.trained, self.frozen + other.frozen)

  @property
  def total(self) -> int:
    """All of them."""
    return sum(self)

  @property
  def weight_bytes(self) -> int:
    """Bytes of the weights, float32."""
    return _BYTES * self.total

  @property
  def training_bytes(self) -> int:
    """Bytes on a device while it trains: gradients and AdamW's moments, too."""
    return _BYTES * (_COPIES_IN_TRAINING * self.trained + self.frozen)


def of(config: schema.TaskConfig, vocab_size: int) -> Mapping[str, Parameters]:
  """Returns the parameters of a task's models, by role.

  Args:
    config: Of any training.
    vocab_size: Wordpieces of the vocabulary.

  Raises:
    TypeError: If the config is of no training.
  """
  if isinstance(config, schema.RealmConfig):
    return {
      "retriever": retriever(config, vocab_size),
      "reader": masked_reader(config, vocab_size),
    }
  if isinstance(config, schema.IctConfig):
    return {"retriever": retriever(config, vocab_size)}
  if isinstance(config, schema.MlmConfig):
    return {"reader": _language_model(config, vocab_size)}
  if isinstance(config, schema.OrqaConfig):
    return _orqa(config, vocab_size)
  if isinstance(config, schema.TaggerConfig):
    return {"tagger": _tagger(config, vocab_size)}
  raise TypeError(f"`config` must be of a training, got {config!r}.")


def embedder(config: schema.RetrievalConfig, vocab_size: int) -> Parameters:
  """Returns the parameters of one tower.

  Args:
    config: Its shape.
    vocab_size: Wordpieces of the vocabulary.
  """
  head = 0
  if config.projection_size:
    head += _dense(config.hidden_size, config.projection_size)
  if config.normalization == "layer_norm":
    head += 2 * config.embedding_size
  encoder = _encoder(config, vocab_size, reads_pooler=config.pooling == "cls")
  if not getattr(config, "train_retriever_encoder", True):
    encoder = Parameters(0, encoder.total)
  return encoder + Parameters(head)


def retriever(config: schema.RetrievalConfig, vocab_size: int) -> Parameters:
  """Returns the parameters of both towers, which may be one.

  Args:
    config: Their shape.
    vocab_size: Wordpieces of the vocabulary.
  """
  tower = embedder(config, vocab_size)
  return tower if config.tied_embedders else tower + tower


def masked_reader(config: schema.ModelConfig, vocab_size: int) -> Parameters:
  """Returns the parameters of a BERT with its masked-token head.

  Args:
    config: Its shape.
    vocab_size: Wordpieces of the vocabulary.
  """
  # The projection to the vocabulary is that of the word embeddings.
  head = _dense(config.hidden_size, config.hidden_size)
  head += 2 * config.hidden_size + vocab_size
  return _encoder(config, vocab_size) + Parameters(head)


def _language_model(config: schema.MlmConfig, vocab_size: int) -> Parameters:
  model = masked_reader(config, vocab_size)
  if config.train_encoder:
    return model
  encoder = _encoder(config, vocab_size).total
  return Parameters(model.total - encoder, encoder)


def _orqa(config: schema.OrqaConfig, vocab_size: int) -> dict[str, Parameters]:
  parts = {}
  if config.has_retriever:
    tower = embedder(config, vocab_size)
    fixed = Parameters(0, tower.total)
    parts["retriever"] = (
      retriever(config, vocab_size)
      if config.train_passage_tower
      else tower + fixed
    )
  if config.train_reader:
    width = config.span_hidden_size
    scorer = _dense(config.hidden_size, width) + config.hidden_size * width
    scorer += 2 * width + _dense(width, 1)
    parts["reader"] = _encoder(config, vocab_size) + Parameters(scorer)
  return parts


def _tagger(config: schema.TaggerConfig, vocab_size: int) -> Parameters:
  labels = _dense(config.hidden_size, _TAGGER_LABELS)
  return _encoder(config, vocab_size) + Parameters(labels)


def _encoder(
  config: schema.EncoderConfig, vocab_size: int, *, reads_pooler: bool = False
) -> Parameters:
  """Returns those of a BERT; its pooler is trained where something reads it."""
  width, inner = config.hidden_size, config.intermediate_size
  norm = 2 * width
  embeddings = (vocab_size + config.max_positions + _SEGMENTS) * width + norm
  layer = 4 * _dense(width, width) + norm
  layer += _dense(width, inner) + _dense(inner, width) + norm
  body, pooler = embeddings + config.num_layers * layer, _dense(width, width)
  return Parameters(body + pooler) if reads_pooler else Parameters(body, pooler)


def _dense(inputs: int, outputs: int) -> int:
  return inputs * outputs + outputs
