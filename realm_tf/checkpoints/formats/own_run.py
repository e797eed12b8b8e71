"""Our own runs: finds their weights, and reads their BERT as a source."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from realm_tf import errors
from realm_tf import files
from realm_tf.checkpoints import names
from realm_tf.checkpoints import saved
from realm_tf.checkpoints import sentence_encoder
from realm_tf.checkpoints import weight_source
from realm_tf.checkpoints.formats import json_config
from realm_tf.checkpoints.formats import model_garden
from realm_tf.checkpoints.formats import object_graph
from realm_tf.configs import schema
from realm_tf.data.corpus import corpora
from realm_tf.data.corpus import corpus_manifest
from realm_tf.runs import best_weights
from realm_tf.runs import run_config
from realm_tf.runs import run_folder
from realm_tf.text import wordpiece

# Where each part has its encoder.
_ENCODERS = {
  "reader": ("reader",),
  "tagger": ("tagger", "encoder"),
  "retriever": ("retriever", "query_embedder", "encoder"),
}
# The casing, where a run has a vocabulary of its own.
_CASING_FILE = "tokenizer_config.json"
_CASING = "do_lower_case"
_ADVICE = "Use the config that it was trained with, its run's config.json."


def weights_path(model_dir: str) -> tuple[str, int]:
  """Returns a run's best weights, else its newest, and their step.

  Of each, those that can be read.

  Raises:
    errors.UserError: If it has neither.
  """
  best = _best(model_dir)
  problem = saved.problem(best.prefix) if best else None
  if best and problem is None:
    return best
  newest = saved.newest(run_folder.RunFolder(model_dir).checkpoints)
  if newest is None:
    if best:
      raise errors.UserError(
        f"{best.prefix} {problem}, and {model_dir} holds no checkpoint. Put a "
        "copy back, or train the run anew."
      )
    raise errors.UserError(f"{model_dir} holds no checkpoint yet.")
  if best:
    saved.warn(f"{best.prefix} {problem}: taking {newest.prefix}.")
  return newest


def _best(model_dir: str) -> saved.Saved | None:
  """Returns what a run's best weights are to be; None if it names none."""
  best = best_weights.read(model_dir)
  if best is None:
    return None
  folder = run_folder.RunFolder(model_dir).best
  return saved.Saved(tf.io.gfile.join(folder, best.name), best.step)


def best_facts(model_dir: str) -> Mapping[str, float]:
  """Returns what is known of a run's best weights; empty if it has none."""
  best = best_weights.read(model_dir)
  return best.facts if best else {}


def restore(checkpoint: str, **parts: Any) -> None:
  """Reads all variables of models; ignores the rest of the checkpoint.

  Args:
    checkpoint: Its prefix.
    **parts: Models, built, or checkpoints of such, by their names there.

  Raises:
    errors.UserError: If it lacks a variable, or has it in another shape.
  """
  try:
    status = tf.train.Checkpoint(**parts).read(checkpoint)
    status.assert_existing_objects_matched().expect_partial()
  except AssertionError as e:
    raise errors.UserError(
      f"{checkpoint} lacks weights that the config has. {_ADVICE}"
    ) from e
  except ValueError as e:
    raise errors.UserError(
      f"{checkpoint} has other weights than the config: {e} {_ADVICE}"
    ) from e


def roles(checkpoint: str) -> set[str]:
  """Returns which of "reader", "retriever" and "tagger" a checkpoint holds."""
  files.check_all_readable(checkpoint)
  stored = tf.train.list_variables(checkpoint)
  return {name.split("/")[0] for name, _ in stored} & _ENCODERS.keys()


def write_tokenizer(model_dir: str, tokenizer: wordpiece.Tokenizer) -> None:
  """Writes the tokenizer of a run without a corpus, as Hugging Face does."""
  files.write_json(
    tf.io.gfile.join(model_dir, _CASING_FILE),
    {_CASING: tokenizer.lower_case},
  )
  files.write_bytes(
    tf.io.gfile.join(model_dir, corpus_manifest.VOCABULARY_NAME),
    ("\n".join(tokenizer.vocabulary) + "\n").encode(),
  )


def read(path: str) -> weight_source.Source:
  """Reads the BERT of a run: its reader's, tagger's or query embedder's.

  Args:
    path: The run's folder. Its corpus, if it is of one, must still be where it
      was: it has the vocabulary.

  Raises:
    errors.UserError: If the run holds no checkpoint, its corpus is gone, or the
      vocabulary is another one now.
  """
  run = run_config.read(path)
  checkpoint, _ = weights_path(path)
  held = roles(checkpoint)
  role = next(role for role in _ENCODERS if role in held)
  stored = object_graph.ObjectGraph(checkpoint)
  arrays, _ = stored.bert(*_ENCODERS[role])
  if getattr(run.config, "pooling", "") != "cls" or role != "retriever":
    # Nothing reads the pooler: it is as random as it was.
    arrays = {
      name: array
      for name, array in arrays.items()
      if names.role(name) != names.POOLER
    }
  found = tokenizer(path, run)
  source = weight_source.make(
    path,
    f"{role} of a run",
    sizes=model_garden.sizes(path, arrays),
    activations=(run.config.activation,),
    arrays=arrays,
    vocabulary=found.vocabulary,
    lower_case=found.lower_case,
  )
  if isinstance(run.config, schema.ImportedConfig):
    encoder = _sentence_encoder(run.config, stored)
    source = dataclasses.replace(
      source, format="an imported encoder", encoder=encoder
    )
  return source


def _sentence_encoder(
  config: schema.ImportedConfig, stored: object_graph.ObjectGraph
) -> sentence_encoder.SentenceEncoder:
  """Returns how an imported encoder makes embeddings."""
  tower = _ENCODERS["retriever"][:-1]
  kernel, bias, gamma, beta = (
    stored.value(*tower, layer, name)
    for layer, name in (
      ("projection", "kernel"),
      ("projection", "bias"),
      ("layer_norm", "gamma"),
      ("layer_norm", "beta"),
    )
  )
  dense = layer_norm = None
  if kernel is not None and bias is not None:
    dense = sentence_encoder.Dense(kernel, bias, config.projection_activation)
  if gamma is not None and beta is not None:
    layer_norm = sentence_encoder.LayerNorm(gamma, beta)
  return sentence_encoder.SentenceEncoder(
    pooling=config.pooling,
    normalization=config.normalization,
    max_length=config.passage_length,
    dense=dense,
    query_prompt=config.query_prompt,
    passage_prompt=config.passage_prompt,
    layer_norm=layer_norm,
    has_parts=config.passage_separator,
  )


def tokenizer(path: str, run: run_config.RunConfig) -> wordpiece.Tokenizer:
  """Returns the tokenizer of a run: its own, else its corpus's.

  Args:
    path: The run's folder.
    run: Its config.

  Raises:
    errors.UserError: If its corpus is gone, or has another vocabulary now.
  """
  file = tf.io.gfile.join(path, corpus_manifest.VOCABULARY_NAME)
  if tf.io.gfile.exists(file):
    casing = json_config.read(tf.io.gfile.join(path, _CASING_FILE))
    found = wordpiece.Tokenizer.from_file(
      file, lower_case=bool(casing[_CASING])
    )
  else:
    file = run.corpus
    try:
      found = corpora.Corpus.open(file).tokenizer
    except errors.UserError as e:
      raise errors.UserError(f"{path} is of a corpus: {e}") from e
  if found.sha256 != run.vocab_sha256:
    raise errors.UserError(
      f"{path} was trained with another vocabulary than {file} has now."
    )
  return found
