"""Refuses a source that does not fit a run's corpus or config."""

from realm_tf import errors
from realm_tf.checkpoints import names
from realm_tf.checkpoints import weight_source
from realm_tf.configs import schema
from realm_tf.text import wordpiece

_SIZE_FIELDS = ("num_layers", "hidden_size", "num_heads", "intermediate_size")


def check_vocabulary(
  found: weight_source.Source,
  tokenizer: wordpiece.Tokenizer,
  corpus: str,
  flag: str = "init_checkpoint",
) -> None:
  """Raises if a corpus has another vocabulary or casing than the source.

  Args:
    found: The source.
    tokenizer: Of the corpus.
    corpus: The corpus's folder.
    flag: The argument that names the source.

  Raises:
    errors.UserError: If vocabulary or casing differ; says how to build the
      corpus.
  """
  casing = "" if found.lower_case else ", lower_case=False"
  remedy = (
    f"build the corpus with build_corpus(vocab=VOCAB{casing}), VOCAB the "
    "vocab.txt of these weights (import_checkpoint writes one)"
  )
  sha256 = wordpiece.vocabulary_sha256(found.vocabulary)
  if sha256 != tokenizer.sha256:
    raise errors.UserError(
      f"{flag}={found.path} has another vocabulary "
      f"({found.vocab_size:,} wordpieces) than corpus={corpus} "
      f"({tokenizer.vocab_size:,}): {remedy}."
    )
  if found.lower_case != tokenizer.lower_case:
    raise errors.UserError(
      f"{flag}={found.path} was trained on "
      f"{_casing(found.lower_case)} text, corpus={corpus} is of "
      f"{_casing(tokenizer.lower_case)} text: {remedy}."
    )


def _casing(lower_case: bool) -> str:
  return "lower-case" if lower_case else "cased"


def check_config(
  found: weight_source.Source,
  config: schema.EncoderConfig,
  flag: str = "init_checkpoint",
) -> None:
  """Raises if a source's weights do not fit an encoder's config.

  Args:
    found: The source. It may have more positions than the config.
    config: Of the encoder.
    flag: The argument that names the source.

  Raises:
    errors.UserError: If a variable is of another shape, or the activation is
      another; names the variable, both shapes and the fields to set.
  """
  there = names.shapes(found.config, found.vocab_size)
  here = names.shapes(config, found.vocab_size)
  differing = [name for name in _SIZE_FIELDS if _differs(name, found, config)]
  if found.config.max_positions < config.max_positions:
    differing.append("max_positions")
  if differing:
    name = next(
      name
      for name in [*there, *here]
      if there.get(name) != here.get(name)
      and (name != names.POSITIONS or "max_positions" in differing)
    )
    fields = " ".join(
      f"config.{field}={getattr(found.config, field)}" for field in differing
    )
    raise errors.UserError(
      f"{flag}={found.path} is of another size: {name} is "
      f"{_shape(there.get(name))} there and {_shape(here.get(name))} in this "
      f"run. Set {fields}."
    )
  if config.activation not in found.activations:
    raise errors.UserError(
      f"{flag}={found.path} was trained with the activation "
      f"{found.config.activation}, this run has {config.activation}: set "
      f"config.activation={found.config.activation}."
    )


def _differs(
  name: str, found: weight_source.Source, config: schema.EncoderConfig
) -> bool:
  return getattr(found.config, name) != getattr(config, name)


def _shape(shape: tuple[int, ...] | None) -> str:
  return "absent" if shape is None else str(list(shape))
