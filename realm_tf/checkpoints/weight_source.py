"""The common form of all formats: a BERT as arrays, with its vocabulary."""

import dataclasses
from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np

from realm_tf import errors
from realm_tf.checkpoints import names
from realm_tf.checkpoints import sentence_encoder
from realm_tf.checkpoints import span_weights
from realm_tf.configs import schema
from realm_tf.text import wordpiece

_REQUIRED = (names.EMBEDDINGS, names.LAYERS)


@dataclasses.dataclass(frozen=True)
class Source:
  """A BERT read from a file or folder.

  Attributes:
    path: As the user named it.
    format: Its name, for messages.
    config: Its sizes, and the first of `activations`.
    activations: Those its own program may compute, of those of `EncoderConfig`;
      two where its config says "gelu" for either.
    variables: float32 arrays by the names of `names`. All of the embeddings
      and of the layers; all or nothing of the pooler and of the MLM head.
    vocabulary: Its wordpieces, by id.
    lower_case: Whether its text was lower-cased and stripped of accents.
    unused: Its other tensors, by its own names.
    notes: Lines that the user should see.
    encoder: How it makes embeddings; None of a BERT that makes none.
    span_scorer: How it scores spans; None of a BERT that scores none.
  """

  path: str
  format: str
  config: schema.EncoderConfig
  activations: tuple[str, ...]
  variables: Mapping[str, np.ndarray]
  vocabulary: tuple[str, ...]
  lower_case: bool
  unused: tuple[str, ...] = ()
  notes: tuple[str, ...] = ()
  encoder: sentence_encoder.SentenceEncoder | None = None
  span_scorer: span_weights.SpanScorer | None = None

  @property
  def roles(self) -> set[str]:
    """The parts it holds, of `names.ROLES`."""
    return {names.role(name) for name in self.variables}

  @property
  def vocab_size(self) -> int:
    """Number of wordpieces."""
    return len(self.vocabulary)

  def tokenizer(self) -> wordpiece.Tokenizer:
    """Returns the tokenizer that its weights were trained with."""
    return wordpiece.Tokenizer(
      self.vocabulary,
      lower_case=self.lower_case,
      source=f"{self.path}'s vocabulary",
    )


def make(
  path: str,
  format_name: str,
  *,
  sizes: Mapping[str, int],
  activations: tuple[str, ...],
  arrays: Mapping[str, np.ndarray],
  vocabulary: Sequence[str],
  lower_case: bool,
  unused: Collection[str] = (),
  notes: Sequence[str] = (),
) -> Source:
  """Checks what a reader has read, and builds a source of it.

  Args:
    path: As the user named it.
    format_name: For messages.
    sizes: Fields of `schema.EncoderConfig`, as the source states them.
    activations: See `Source`.
    arrays: Any float arrays by the names of `names`; those of the attention
      may lack the axis of the heads.
    vocabulary: Its wordpieces, by id.
    lower_case: See `Source`.
    unused: See `Source`.
    notes: See `Source`.

  Raises:
    errors.UserError: If a variable is missing, is not of the stated size, or
      holds no numbers.
  """
  try:
    config = schema.EncoderConfig(**sizes, activation=activations[0])
  except errors.UserError as e:
    raise errors.UserError(f"{path} is no BERT that we know: {e}") from e
  arrays, notes = dict(arrays), list(notes)
  rows = len(arrays.get(names.WORDS, vocabulary))
  if rows > len(vocabulary):
    notes.append(
      f"{rows - len(vocabulary)} rows of its word embeddings are beyond its "
      f"vocabulary of {len(vocabulary):,} and left out"
    )
    for name in {names.WORDS, names.HEAD_BIAS} & arrays.keys():
      arrays[name] = arrays[name][: len(vocabulary)]
  if config.num_layers > len(arrays):  # Before as many names are listed.
    raise errors.UserError(
      f"{path} says that it has {config.num_layers:,} layers, but holds "
      f"{len(arrays)} variables."
    )
  wanted = names.shapes(config, len(vocabulary))
  roles = {names.role(name) for name in arrays} | set(_REQUIRED)
  variables = {}
  for name, shape in wanted.items():
    if names.role(name) not in roles:
      continue
    if name not in arrays:
      raise errors.UserError(f"{path} lacks the variable {name} {list(shape)}.")
    variables[name] = _with_heads(path, name, arrays.pop(name), shape)
  if arrays:
    name = min(arrays)
    raise errors.UserError(
      f"{path} holds the variable {name} {list(arrays[name].shape)}, more than "
      f"its {config.num_layers} layers."
    )
  return Source(
    path=path,
    format=format_name,
    config=config,
    activations=activations,
    variables=variables,
    vocabulary=tuple(vocabulary),
    lower_case=lower_case,
    unused=tuple(sorted(unused)),
    notes=tuple(notes),
  )


def _with_heads(
  path: str, name: str, array: np.ndarray, shape: tuple[int, ...]
) -> np.ndarray:
  """Returns an array as float32, with an axis for the attention's heads."""
  if "/self_attention/" in name and array.shape == _joined(name, shape):
    array = array.reshape(shape)
  if array.shape != shape:
    raise errors.UserError(
      f"{path}: the variable {name} is {list(array.shape)}, but its config and "
      f"vocabulary make it {list(shape)}."
    )
  if array.dtype.kind != "f":
    raise errors.UserError(
      f"{path}: the variable {name} is of {array.dtype}, not of floats."
    )
  if not np.isfinite(array).all():
    raise errors.UserError(
      f"{path}: the variable {name} holds values that are infinite or no "
      "numbers: download or save it again."
    )
  return np.asarray(array, np.float32)


def _joined(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
  """Returns a shape of the attention with heads and their width joined."""
  if name.endswith("attention_output/bias"):
    return shape
  if name.endswith("attention_output/kernel"):
    return (shape[0] * shape[1], shape[2])
  return (*shape[:-2], shape[-2] * shape[-1])
