"""Writes a public sentence encoder as a run whose retriever it is."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf import devices
from realm_tf import errors
from realm_tf.checkpoints import fitting
from realm_tf.checkpoints import sentence_encoder
from realm_tf.checkpoints import weight_source
from realm_tf.configs import loading
from realm_tf.configs import schema
from realm_tf.data.corpus import corpora
from realm_tf.index.versions import run_index
from realm_tf.models import embedders
from realm_tf.models import prompts
from realm_tf.runs import run_config
from realm_tf.training.init import sentence_init
from realm_tf.training.recipes import imported_vectors
from realm_tf.training.recipes import imported_weights

_LONGEST_QUERY = 64
_OF_ENCODER = ("pooling", "normalization")
_PROMPTS = ("query_prompt", "passage_prompt")


def with_settings(
  found: weight_source.Source, overrides: Mapping[str, Any]
) -> weight_source.Source:
  """Returns a source with what its folder does not say of its embeddings.

  Args:
    found: The source.
    overrides: Fields of the config. A source that does not say how it pools is
      an encoder if they say it. Its prompts may be others than the folder's.

  Raises:
    errors.UserError: If they say other than the folder, or too little.
  """
  encoder = found.encoder
  if encoder is None:
    if not overrides:
      return found
    if "pooling" not in overrides:
      name = next(iter(overrides))
      raise errors.UserError(
        f"config.{name}={overrides[name]} is of a sentence encoder, and "
        f"source={found.path} does not say that it is one: set config.pooling, "
        "too, and config.normalization."
      )
    encoder = sentence_encoder.SentenceEncoder(
      overrides["pooling"],
      overrides.get("normalization", "none"),
      found.config.max_positions,
    )
  fields = encoder.fields()
  for name in _OF_ENCODER:
    if overrides.get(name, fields[name]) != fields[name]:
      raise errors.UserError(
        f"config.{name}={overrides[name]} would make another encoder: that "
        f"of source={found.path} has {name}={fields[name]}."
      )
  prompts_given = {n: overrides[n] for n in _PROMPTS if n in overrides}
  return dataclasses.replace(
    found, encoder=dataclasses.replace(encoder, **prompts_given)
  )


def make_config(
  found: weight_source.Source, overrides: Mapping[str, Any]
) -> schema.ImportedConfig:
  """Returns the config of the run.

  Args:
    found: The source, with its `encoder`.
    overrides: Fields that take precedence.

  Raises:
    errors.UserError: If a value is wrong.
  """
  if found.encoder is None:
    raise TypeError(f"{found.path} is no sentence encoder")
  is_cosine = found.encoder.normalization == "l2"
  fields: dict[str, Any] = {
    **vars(schema.EncoderConfig.of(found.config)),
    **found.encoder.fields(),
    "score_scale": loading.SCALE_OF_COSINES if is_cosine else 1.0,
    **overrides,
  }
  # Beside the prompts, as sentence-transformers counts them.
  prompted = [fields["query_prompt"], fields["passage_prompt"]]
  queries, passages = (
    found.encoder.max_length - len(ids)
    for ids in found.tokenizer().tokenize(tf.constant(prompted)).to_list()
  )
  lengths = {
    "query_length": min(_LONGEST_QUERY, queries),
    "passage_length": passages,
  }
  return schema.ImportedConfig(**{**lengths, **fields})


def check(
  found: weight_source.Source,
  config: schema.ImportedConfig,
  corpus: corpora.Corpus | None,
) -> None:
  """Raises if an encoder cannot be written as its config says.

  Args:
    found: The source, with its `encoder`.
    config: From `make_config`.
    corpus: Has the passages for PCA; None for none.

  Raises:
    errors.UserError: If PCA is asked for and there is no corpus, or the corpus
      has another vocabulary; or if the config's projection does not fit.
  """
  if found.encoder is None:
    raise TypeError(f"{found.path} is no sentence encoder")
  if corpus is not None:
    fitting.check_vocabulary(found, corpus.tokenizer, corpus.path, "source")
  elif sentence_init.is_reduced(found.encoder, config):
    raise errors.UserError(
      f"config.projection_size={config.projection_size} is computed from the "
      "embeddings of a corpus: name it by `corpus`, or leave the field out for "
      "all dimensions."
    )
  if different := sentence_init.differing(found.encoder, config):
    raise errors.UserError(
      f"source={found.path} needs {sentence_init.as_arguments(different)}."
    )
  sentence_init.check(found, config, "source")


def write(
  found: weight_source.Source,
  config: schema.ImportedConfig,
  corpus: corpora.Corpus | None,
  folder: str,
  vectors: np.ndarray | None = None,
) -> None:
  """Writes the run; its config last.

  Args:
    found: The source, with its `encoder`, which `check` has accepted.
    config: From `make_config`.
    corpus: Has the passages for PCA; None for none.
    folder: A new folder.
    vectors: <float32>[passages, D]. Of the corpus, its index; None for none.
  """
  tokenizer = found.tokenizer()
  _write_weights(found, config, corpus, folder)
  run = run_config.RunConfig(
    task=loading.IMPORT,
    config=config,
    corpus=corpus.path if corpus else "",
    corpus_fingerprint=corpus.fingerprint if corpus else "",
    vocab_sha256=tokenizer.sha256,
    pretrain_corpus="",
    init_checkpoint=found.path,
  )
  if corpus is not None and vectors is not None:
    imported_vectors.publish(
      vectors,
      corpus,
      config,
      found.path,
      folder=folder,
      store=run_index.home(run, folder, corpus.fingerprint),
      step=imported_weights.STEP,
    )
  run_config.write_or_match(folder, run)


def _write_weights(
  found: weight_source.Source,
  config: schema.ImportedConfig,
  corpus: corpora.Corpus | None,
  folder: str,
) -> None:
  """Writes vocabulary, weights and export; the models end with this call."""
  devices.set_precision(config.precision, on_cpu=True)
  tokenizer = found.tokenizer()
  towers = embedders.TwoTowers(
    config,
    config,
    tokenizer.vocab_size,
    tokenizer.sep_id,
    prompts.of(config, tokenizer),
  )
  sentence_init.initialize(towers, found, config, corpus)
  imported_weights.write(folder, tokenizer, towers, config, retriever=towers)
