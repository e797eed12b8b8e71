"""Runs `import_checkpoint`: reads, compares, writes, reports."""

import logging
from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf import absent
from realm_tf import errors
from realm_tf import files
from realm_tf import suggestions
from realm_tf.checkpoints import comparison
from realm_tf.checkpoints import names
from realm_tf.checkpoints import reading
from realm_tf.checkpoints import realm_comparison
from realm_tf.checkpoints import weight_source
from realm_tf.checkpoints.formats import google_realm
from realm_tf.checkpoints.formats import hugging_face_realm
from realm_tf.checkpoints.formats import imported
from realm_tf.checkpoints.formats import sentence_transformers
from realm_tf.configs import schema
from realm_tf.data.corpus import corpora
from realm_tf.data.corpus import corpus_manifest
from realm_tf.data.ingest import sources
from realm_tf.training.recipes import imported_encoder
from realm_tf.training.recipes import imported_realm
from realm_tf.training.recipes import imported_vectors
from realm_tf.training.recipes import released_answers

_log = logging.getLogger(__name__)

_FIELDS = (
  "num_layers",
  "hidden_size",
  "num_heads",
  "intermediate_size",
  "activation",
)


def run(
  path: str,
  output: str,
  peer_python: str,
  corpus: str = "",
  overrides: Mapping[str, Any] | None = None,
  passage_tower: str = "",
) -> None:
  """Imports public weights into a folder that `init_checkpoint` takes.

  That of a sentence encoder is a run, too, whose retriever it is. A whole
  fine-tuned REALM becomes a run of `finetune`.

  Args:
    path: Anything that `reading.read` reads, runs aside.
    output: A new folder.
    peer_python: See `comparison.compare`.
    corpus: Folder of the corpus that a smaller projection is computed from,
      and that an encoder searches by default; empty for none. If it is in the
      order of its records, vectors that came with the encoder are its index.
    overrides: Fields of `schema.ImportedConfig` that take precedence over what
      the source says; None for none.
    passage_tower: Of a whole fine-tuned REALM, the embedder that it was
      fine-tuned from; else empty.

  Raises:
    errors.UserError: If the source cannot be read, the output is there, or
      cannot be written; nothing is left of it then.
  """
  if reading.is_run(path) or reading.is_imported_encoder(path):
    raise errors.UserError(
      f"source={path} is a run: `init_checkpoint` takes it as it is."
    )
  if tf.io.gfile.exists(output) and (
    not tf.io.gfile.isdir(output) or tf.io.gfile.listdir(output)
  ):
    raise absent.new_folder(output)
  try:
    is_whole = imported_realm.is_whole(path)
    found = None if is_whole else reading.read(path)
  except errors.UserError as e:
    raise errors.UserError(f"`source`: {e}") from e
  if found is None:
    _import_realm(
      imported_realm.gather(path, passage_tower, corpus, overrides or {}),
      path,
      output,
      peer_python,
    )
    return
  if passage_tower:
    raise errors.UserError(
      f"passage_tower={passage_tower} belongs to a whole fine-tuned REALM, and "
      f"source={path} is none ({found.format}): leave it out."
    )
  found = imported_encoder.with_settings(found, overrides or {})
  opened = corpora.Corpus.open(corpus) if corpus else None
  vectors = _vectors(found, opened)
  if vectors is not None:
    overrides = {"index_dtype": "float32", **(overrides or {})}
  config: schema.ImportedConfig | None = None
  if found.encoder is not None:
    config = imported_encoder.make_config(found, overrides or {})
    imported_encoder.check(found, config, opened)
    if vectors is not None and opened is not None:
      imported_vectors.check(vectors, opened, corpus, path)
  _log.info(f"import_checkpoint {path} -> {output}")
  for line in describe(found, config):
    _log.info(f"  {line}")
  if vectors is not None and opened is not None and config is not None:
    _log_index(vectors, opened, config)
  comparisons = [_compare(found, peer_python)]
  if found.format == sentence_transformers.FORMAT and peer_python:
    comparisons.append(comparison.compare_embeddings(found, peer_python))
  _report(comparisons)
  try:
    with files.new_folder(output, imported.CONFIG) as new:
      if config is None:
        imported.write(found, new)
      else:
        imported_encoder.write(found, config, opened, new, vectors)
  except tf.errors.OpError as e:
    raise errors.UserError(f"Cannot write output={output}: {e.message}") from e
  following = "\n  ".join(
    _next(found, config, output, corpus, has_index=vectors is not None)
  )
  _log.info(
    f"Wrote {output}. Next"
    f"{'' if corpus else ', here on the embedded encyclopedia'}:\n"
    f"  {following}"
  )


def _import_realm(
  parts: imported_realm.Parts, path: str, output: str, peer_python: str
) -> None:
  """Imports a whole fine-tuned REALM as a run; see `run`.

  Nobody else may hold `parts`, whose weights are let go before the index is
  built.
  """
  _describe_and_compare(parts, output, peer_python)
  try:
    with files.new_folder(output, imported.CONFIG) as new:
      rest = imported_realm.write_weights(parts, new)
      del parts
      imported_realm.write_rest(rest, new)
  except tf.errors.OpError as e:
    raise errors.UserError(f"Cannot write output={output}: {e.message}") from e
  if peer_python and hugging_face_realm.is_realm(path):
    agreement = released_answers.compare(output, path, peer_python, None)
    _log.info(f"  {'compared':<11}{agreement}")
  asking = {"model_dir": output}
  evaluating = {**asking, "dataset": "QUESTIONS.jsonl"}
  _log.info(
    f"Wrote {output}. Next:\n"
    f"  {suggestions.command('ask', asking)}\n"
    f"  {suggestions.command('evaluate', evaluating)}"
  )


def _describe_and_compare(
  parts: imported_realm.Parts, output: str, peer_python: str
) -> None:
  """Logs what a whole REALM holds, and how its own program differs."""
  found = parts.found
  _log.info(f"import_checkpoint {found.path} -> {output}")
  for name, source in (
    ("query tower", found.embedder),
    ("passage tower", parts.tower),
    ("reader", found.reader),
  ):
    _log.info(f" {name}: {source.path}")
    for line in describe(source, None):
      _log.info(f"  {line}")
  _log_index(found.block_embeddings, parts.corpus, parts.config)
  _report(
    _compare(source, peer_python) for source in (found.embedder, found.reader)
  )


def _vectors(
  found: weight_source.Source, corpus: corpora.Corpus | None
) -> np.ndarray | None:
  """Returns the vectors that came with an embedder, for a corpus in order."""
  if found.encoder is None or corpus is None or not corpus.manifest.in_order:
    return None
  return google_realm.vectors(found.path, found)


def _log_index(
  vectors: np.ndarray,
  corpus: corpora.Corpus,
  config: schema.OrqaConfig | schema.ImportedConfig,
) -> None:
  """Logs a line on the vectors of an index."""
  described = imported_vectors.describe(vectors, corpus, config)
  _log.info(f"  {'index':<11}{described}")


def _report(comparisons: Iterable[comparison.Comparison]) -> None:
  """Logs how our outputs differ from those of a source's own program."""
  for compared in comparisons:
    _log.info(f"  {'compared':<11}{compared.program}")
    for name, difference in compared.differences.items():
      _log.info(f"    {name:<19}largest |difference| {difference:.1e}")


def _compare(
  found: weight_source.Source, peer_python: str
) -> comparison.Comparison:
  """Compares a source with its own program."""
  if found.format.startswith(hugging_face_realm.FORMAT):
    return realm_comparison.compare(found, peer_python)
  return comparison.compare(found, peer_python)


def _next(
  found: weight_source.Source,
  config: schema.ImportedConfig | None,
  output: str,
  corpus: str,
  *,
  has_index: bool,
) -> list[str]:
  """Returns the commands that may come next."""
  commands = []
  if not corpus:
    corpus = suggestions.new_folder(output, "corpus")
    building = {
      "input": sources.ENCYCLOPEDIA,
      "vocab": tf.io.gfile.join(output, corpus_manifest.VOCABULARY_NAME),
      "lower_case": None if found.lower_case else False,
      "output": corpus,
    }
    commands.append(suggestions.command("build_corpus", building))
  if config is not None:
    asking = {
      "retrieval_only": True,
      "model_dir": output,
      "corpus": corpus,
      "dataset": sources.ENCYCLOPEDIA,
      "split": "dev",
    }
    if not has_index:
      embedding = {"model_dir": output, "corpus": corpus}
      commands.append(suggestions.command("refresh_index", embedding))
    return [*commands, suggestions.command("evaluate", asking)]
  # A run may have fewer positions.
  most = min(found.config.max_positions, schema.EncoderConfig.max_positions)
  training = suggestions.first_training(
    "pretrain_ict",
    corpus,
    **{name: getattr(found.config, name) for name in _FIELDS},
    max_positions=most,
    init_checkpoint=output,
  )
  annotating = suggestions.command("annotate_spans", {"corpus": corpus})
  return [*commands, annotating, training]


def describe(
  found: weight_source.Source, retriever: schema.ImportedConfig | None
) -> list[str]:
  """Returns lines on a source: its format, sizes and variables by role.

  Args:
    found: The source.
    retriever: How it makes embeddings; None if it makes none.
  """
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
  if found.span_scorer is not None:
    size = found.span_scorer.hidden_size
    lines.append(("reader", f"scores spans by {size} hidden units"))
  if retriever is not None:
    fields = ("pooling", "projection_size", "normalization", "passage_length")
    settings = ", ".join(f"{n}={getattr(retriever, n)}" for n in fields)
    lines.append(
      ("retriever", f"{retriever.embedding_size} dimensions; {settings}")
    )
  lines.append(("unused", ", ".join(found.unused) or "nothing"))
  lines += [("note", note) for note in found.notes]
  return [f"{name:<11}{value}" for name, value in lines]
