"""Runs `import_checkpoint`: reads, compares, writes, reports."""

import logging

import tensorflow as tf

from realm_tf import absent
from realm_tf import errors
from realm_tf import files
from realm_tf import suggestions
from realm_tf.checkpoints import comparison
from realm_tf.checkpoints import names
from realm_tf.checkpoints import reading
from realm_tf.checkpoints import weight_source
from realm_tf.checkpoints.formats import imported
from realm_tf.configs import schema
from realm_tf.data.corpus import corpus_manifest
from realm_tf.data.ingest import sources

_log = logging.getLogger(__name__)

_FIELDS = (
  "num_layers",
  "hidden_size",
  "num_heads",
  "intermediate_size",
  "activation",
)


def run(path: str, output: str, peer_python: str) -> None:
  """Imports public weights into a folder that `init_checkpoint` takes.

  Args:
    path: Anything that `reading.read` reads, runs aside.
    output: A new folder.
    peer_python: See `comparison.compare`.

  Raises:
    errors.UserError: If the source cannot be read, the output is there, or
      cannot be written; nothing is left of it then.
  """
  if reading.is_run(path):
    raise errors.UserError(
      f"source={path} is a run: `init_checkpoint` takes it as it is."
    )
  if tf.io.gfile.exists(output) and (
    not tf.io.gfile.isdir(output) or tf.io.gfile.listdir(output)
  ):
    raise absent.new_folder(output)
  try:
    found = reading.read(path)
  except errors.UserError as e:
    raise errors.UserError(f"`source`: {e}") from e
  _log.info(f"import_checkpoint {path} -> {output}")
  for line in describe(found):
    _log.info(f"  {line}")
  compared = comparison.compare(found, peer_python)
  _log.info(f"  {'compared':<11}{compared.program}")
  for name, difference in compared.differences.items():
    _log.info(f"    {name:<15}largest |difference| {difference:.1e}")
  try:
    with files.new_folder(output, imported.CONFIG) as new:
      imported.write(found, new)
  except tf.errors.OpError as e:
    raise errors.UserError(f"Cannot write output={output}: {e.message}") from e
  config = found.config
  corpus = suggestions.new_folder(output, "corpus")
  building = {
    "input": sources.ENCYCLOPEDIA,
    "vocab": tf.io.gfile.join(output, corpus_manifest.VOCABULARY_NAME),
    "lower_case": None if found.lower_case else False,
    "output": corpus,
  }
  fields = {name: getattr(config, name) for name in _FIELDS}
  # A run may have fewer positions.
  most = min(config.max_positions, schema.EncoderConfig.max_positions)
  training = suggestions.first_training(
    "pretrain_ict",
    corpus,
    **fields,
    max_positions=most,
    init_checkpoint=output,
  )
  _log.info(
    f"Wrote {output}. Next, here on the embedded encyclopedia:\n"
    f"  {suggestions.command('build_corpus', building)}\n"
    f"  {suggestions.command('annotate_spans', {'corpus': corpus})}\n"
    f"  {training}"
  )


def describe(found: weight_source.Source) -> list[str]:
  """Returns lines on a source: its format, sizes and variables by role."""
  config = found.config
  lines = [
    ("format", found.format),
    (
      "encoder",
      f"{config.num_layers} layers x {config.hidden_size}, "
      f"{config.num_heads} heads, feed-forward {config.intermediate_size}, "
      f"{config.max_positions} positions",
    ),
    ("activation", " or ".join(found.activations)),
    (
      "vocabulary",
      f"{found.vocab_size:,} wordpieces, "
      f"{'lower-case' if found.lower_case else 'cased'}",
    ),
  ]
  for role in names.ROLES:
    held = [a for n, a in found.variables.items() if names.role(n) == role]
    numbers = sum(array.size for array in held)
    lines.append(
      (role, f"{len(held)} variables, {numbers:,}" if held else "missing")
    )
  lines.append(("unused", ", ".join(found.unused) or "nothing"))
  lines += [("note", note) for note in found.notes]
  return [f"{name:<11}{value}" for name, value in lines]
