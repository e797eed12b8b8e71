"""Assigns a source's weights to Keras models, and reports what it took."""

import dataclasses
from collections.abc import Collection
from collections.abc import Sequence

import tensorflow as tf
from official.nlp.modeling.networks import bert_encoder

from realm_tf import errors
from realm_tf.checkpoints import names
from realm_tf.checkpoints import sentence_encoder
from realm_tf.checkpoints import weight_source
from realm_tf.models import embedders
from realm_tf.models import masked_lm
from realm_tf.models import span_reader

ENCODER_ROLES = (names.EMBEDDINGS, names.LAYERS, names.POOLER)
TAGGER_ROLES = (names.EMBEDDINGS, names.LAYERS)
SPAN_READER_ROLES = (names.EMBEDDINGS, names.LAYERS)
READER_ROLES = (names.EMBEDDINGS, names.LAYERS, names.MLM_HEAD)


@dataclasses.dataclass(frozen=True)
class Report:
  """The report on what a model took from a source.

  Attributes:
    taken: Variables by role, of `names.ROLES`.
    missing: Roles that the source lacks: the model's own are unchanged.
    notes: Lines that the user should see.
  """

  taken: dict[str, int]
  missing: list[str]
  notes: list[str]


def initialize_encoder(
  encoder: bert_encoder.BertEncoderV2,
  found: weight_source.Source,
  roles: Sequence[str] = ENCODER_ROLES,
) -> Report:
  """Assigns a source's weights to an encoder.

  Args:
    encoder: Built: its variables exist.
    found: The source.
    roles: The parts of the encoder that are read.

  Raises:
    errors.UserError: If a variable is of another shape; names both.
  """
  return _assign(encoder.weights, found, roles)


def initialize_embedder(
  embedder: embedders.Embedder,
  found: weight_source.Source,
  dense: sentence_encoder.Dense | None = None,
  layer_norm: sentence_encoder.LayerNorm | None = None,
) -> Report:
  """Assigns a source's weights to an embedder.

  Args:
    embedder: Built: its variables exist.
    found: The source.
    dense: Its projection; None leaves that as it is.
    layer_norm: That of its embeddings; None leaves it as it is.

  Raises:
    errors.UserError: If a variable is of another shape; names both.
  """
  roles = ENCODER_ROLES if embedder.reads_pooler else TAGGER_ROLES
  report = _assign(embedder.encoder.weights, found, roles)
  if embedder.projection is not None and dense is not None:
    embedder.projection.kernel.assign(dense.kernel)
    embedder.projection.bias.assign(dense.bias)
  if embedder.layer_norm is not None and layer_norm is not None:
    embedder.layer_norm.gamma.assign(layer_norm.gamma)
    embedder.layer_norm.beta.assign(layer_norm.beta)
  return report


def initialize_reader(
  reader: masked_lm.MaskedLanguageModel, found: weight_source.Source
) -> Report:
  """Assigns a source's weights to a masked language model.

  Its pooler, which nothing reads, is not changed. If the source lacks the MLM
  head, the head is not changed either, which is reported.

  Args:
    reader: The model.
    found: The source.

  Raises:
    errors.UserError: If a variable is of another shape; names both.
  """
  return _assign(reader.weights, found, READER_ROLES)


def initialize_span_reader(
  reader: span_reader.SpanReader, found: weight_source.Source
) -> Report:
  """Assigns a source's weights to a reader of spans.

  If the source scores no spans, the scorer is not changed.

  Args:
    reader: The model.
    found: The source. Its span scorer, if it has one, is of the reader's size.

  Raises:
    errors.UserError: If a variable is of another shape; names both.
  """
  report = _assign(reader.encoder.weights, found, SPAN_READER_ROLES)
  if found.span_scorer is not None:
    given, scorer = found.span_scorer, reader.scorer
    for variable, value in (
      (scorer.start.kernel, given.start_kernel),
      (scorer.start.bias, given.bias),
      (scorer.end.kernel, given.end_kernel),
      (scorer.layer_norm.gamma, given.gamma),
      (scorer.layer_norm.beta, given.beta),
      (scorer.output_layer.kernel, given.output_kernel),
      (scorer.output_layer.bias, given.output_bias),
    ):
      variable.assign(value)
  return report


def unused(found: weight_source.Source, roles: Collection[str]) -> list[str]:
  """Returns a line on the weights that no model took.

  Args:
    found: The source.
    roles: Those that models took.
  """
  parts = [r for r in names.ROLES if r in found.roles and r not in roles]
  return [*parts, *found.unused]


def _assign(
  weights: Sequence[tf.Variable],
  found: weight_source.Source,
  roles: Sequence[str],
) -> Report:
  """Assigns a source's variables of some roles to a model."""
  variables = {
    name: variable
    for variable in weights
    if (name := names.from_keras(variable.name)) and names.role(name) in roles
  }
  taken: dict[str, int] = {}
  notes = list(found.notes)
  for name, variable in variables.items():
    value = found.variables.get(name)
    role = names.role(name)
    if value is None and role not in found.roles:
      continue
    if value is not None and name == names.POSITIONS:
      rows = variable.shape[0]
      if len(value) > rows:
        notes.append(
          f"of its {len(value)} positions, the first {rows} are used"
        )
        value = value[:rows]
    if value is None or value.shape != tuple(variable.shape):
      there = "absent" if value is None else list(value.shape)
      raise errors.UserError(
        f"{found.path} does not fit: {name} is {there} there and "
        f"{variable.shape.as_list()} in this model."
      )
    variable.assign(value)
    taken[role] = taken.get(role, 0) + 1
  spare = [
    name
    for name in found.variables
    if names.role(name) in roles and name not in variables
  ]
  if spare:
    shape = list(found.variables[spare[0]].shape)
    raise errors.UserError(
      f"{found.path} does not fit: {spare[0]} is {shape} there and absent in "
      "this model."
    )
  return Report(taken, [r for r in roles if r not in found.roles], notes)
