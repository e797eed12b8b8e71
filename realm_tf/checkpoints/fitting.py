"""Refuses a source that does not fit a run's corpus or config."""

from realm_tf import errors
from realm_tf.checkpoints import names
from realm_tf.checkpoints import weight_source
from realm_tf.checkpoints.formats import own_run
from realm_tf.configs import schema
from realm_tf.data.corpus import corpora
from realm_tf.runs import run_config
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
  _check_tokenizer(
    found.tokenizer(), tokenizer, f"{flag}={found.path}", corpus, remedy
  )


def open_corpus(
  path: str, model_dir: str, run: run_config.RunConfig
) -> corpora.Corpus:
  """Opens the corpus that a run is to search.

  Args:
    path: Its folder; empty for the run's own.
    model_dir: The run.
    run: Its config. An imported encoder takes any corpus of its vocabulary.

  Raises:
    errors.UserError: If it cannot be read, or has another vocabulary or casing
      than an imported encoder.
  """
  if not (path or run.corpus):
    raise errors.UserError(
      f"model_dir={model_dir} is an imported encoder, which has no corpus of "
      "its own: name one by `corpus`."
    )
  opened = corpora.Corpus.open(path or run.corpus)
  if run.is_imported:
    wanted = own_run.tokenizer(model_dir, run)
    casing = "" if wanted.lower_case else ", lower_case=False"
    building = f"build_corpus(vocab={model_dir}/vocab.txt{casing})"
    _check_tokenizer(
      wanted,
      opened.tokenizer,
      f"model_dir={model_dir}",
      opened.path,
      f"build the corpus with {building}",
    )
  return opened


def _check_tokenizer(
  wanted: wordpiece.Tokenizer,
  found: wordpiece.Tokenizer,
  source: str,
  corpus: str,
  remedy: str,
) -> None:
  """Raises if the tokenizer of a corpus is not that of some weights."""
  if wanted.sha256 != found.sha256:
    raise errors.UserError(
      f"{source} has another vocabulary ({wanted.vocab_size:,} wordpieces) "
      f"than corpus={corpus} ({found.vocab_size:,}): {remedy}."
    )
  if wanted.lower_case != found.lower_case:
    raise errors.UserError(
      f"{source} was trained on {_casing(wanted.lower_case)} text, "
      f"corpus={corpus} is of {_casing(found.lower_case)} text: {remedy}."
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
