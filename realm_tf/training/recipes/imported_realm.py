"""Writes a released fine-tuned REALM as a run of `finetune`, with its index."""

import dataclasses
import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf import devices
from realm_tf import errors
from realm_tf import files
from realm_tf.checkpoints import assignment
from realm_tf.checkpoints import fitting
from realm_tf.checkpoints import reading
from realm_tf.checkpoints import weight_source
from realm_tf.checkpoints.formats import hugging_face_realm
from realm_tf.checkpoints.formats import own_run
from realm_tf.configs import base
from realm_tf.configs import schema
from realm_tf.data.corpus import corpora
from realm_tf.export import embedder_export
from realm_tf.index.build import index_builder
from realm_tf.index.build import refresh_config
from realm_tf.index.build import refresh_plan
from realm_tf.index.versions import index_store
from realm_tf.models import orqa
from realm_tf.runs import exports
from realm_tf.runs import run_config
from realm_tf.runs import run_folder
from realm_tf.training.tasks import orqa_task

_log = logging.getLogger(__name__)

_STEP = 0  # of its weights, its export and its index
_WEIGHTS = "weights-0"
_LONGEST_QUERY = 64
# What a run may choose; the source says the rest.
_FIELDS = (
  "query_length",
  "passage_length",
  "precision",
  "export_precision",
  "seed",
  *(field.name for field in dataclasses.fields(schema.IndexConfig)),
)


@dataclasses.dataclass(frozen=True)
class Parts:
  """All that a run is made of.

  Attributes:
    found: Query tower, reader and vectors.
    tower: The passage tower.
    corpus: The passages, in the order of the vectors.
    config: The run's settings.
  """

  found: hugging_face_realm.OpenQa
  tower: weight_source.Source
  corpus: corpora.Corpus
  config: schema.OrqaConfig


def gather(
  path: str, passage_tower: str, corpus: str, overrides: Mapping[str, Any]
) -> Parts:
  """Reads all parts, and checks that they fit; writes nothing.

  Args:
    path: The released model's folder.
    passage_tower: The folder of the embedder that it was fine-tuned from.
    corpus: Folder of the corpus of its passages.
    overrides: Fields of the config that take precedence.

  Raises:
    errors.UserError: If a part is missing, cannot be read, or does not fit the
      others.
  """
  found = hugging_face_realm.read_openqa(path)
  if not passage_tower:
    raise errors.UserError(
      f"source={path} is fine-tuned, and holds the query tower alone: name the "
      "folder of the embedder that it was fine-tuned from, such as "
      "realm-cc-news-pretrained-embedder, by `passage_tower`."
    )
  tower = _read_tower(passage_tower, found.embedder)
  if not corpus:
    raise errors.UserError(
      f"source={path} needs the corpus of its passages: build it with "
      f"build_corpus(input={path}/block_records.npy, vocab={path}/vocab.txt), "
      "and name it by `corpus`."
    )
  opened = corpora.Corpus.open(corpus)
  fitting.check_vocabulary(found.embedder, opened.tokenizer, corpus, "source")
  rows = len(found.block_embeddings)
  if rows != opened.num_passages:
    raise errors.UserError(
      f"source={path} has vectors of {rows:,} passages, but corpus={corpus} "
      f"has {opened.num_passages:,}: build the corpus of the records that came "
      "with it."
    )
  if not opened.manifest.in_order:
    raise errors.UserError(
      f"corpus={corpus} is sorted by title, and the vectors of source={path} "
      "are in the order of their records: build the corpus of these, with "
      "build_corpus(input=.../block_records.npy)."
    )
  return Parts(found, tower, opened, _make_config(found, overrides))


def _read_tower(
  path: str, embedder: weight_source.Source
) -> weight_source.Source:
  """Reads the passage tower, which must be like the query tower."""
  try:
    tower = reading.read(path)
  except errors.UserError as e:
    raise errors.UserError(f"`passage_tower`: {e}") from e
  if tower.encoder is None or embedder.encoder is None:
    raise errors.UserError(
      f"passage_tower={path} makes no embeddings ({tower.format}): name a "
      "folder of realm-...-embedder, or its import."
    )
  if tower.vocabulary != embedder.vocabulary:
    raise errors.UserError(
      f"passage_tower={path} has another vocabulary than {embedder.path}: name "
      "the embedder that this was fine-tuned from."
    )
  if (
    tower.config != embedder.config
    or tower.encoder.fields() != embedder.encoder.fields()
  ):
    raise errors.UserError(
      f"passage_tower={path} is of another shape than the query tower of "
      f"{embedder.path}: name the embedder that this was fine-tuned from."
    )
  return tower


def _make_config(
  found: hugging_face_realm.OpenQa, overrides: Mapping[str, Any]
) -> schema.OrqaConfig:
  """Returns the run's config: as the source says, and else as in the paper."""
  for name, value in overrides.items():
    if name not in _FIELDS:
      raise errors.UserError(
        f"config.{name}={value} is of a sentence encoder, and source="
        f"{found.path} is a whole REALM, which says it itself: leave it out."
      )
  bert = found.embedder.config
  if found.embedder.encoder is None or found.reader.span_scorer is None:
    raise TypeError(f"{found.path} is no whole REALM")
  length = min(found.reader_length, bert.max_positions)
  fields: dict[str, Any] = {
    **vars(base.finetune()),
    **vars(schema.EncoderConfig.of(bert)),
    **found.embedder.encoder.fields(),
    "reader_length": length,
    # Bodies as long as the reader takes them.
    "passage_length": length,
    "query_length": min(_LONGEST_QUERY, length - 3),
    "reader_beam": found.reader_beam,
    "max_span_length": found.max_span_length,
    "span_hidden_size": found.reader.span_scorer.hidden_size,
    "add_up_answers": False,
    "index_dtype": "float32",
    "precision": "float32",
    **overrides,
  }
  return schema.OrqaConfig(**fields)


def write(parts: Parts, folder: str) -> None:
  """Writes the run; its config last.

  Args:
    parts: From `gather`.
    folder: A new folder.

  Raises:
    errors.UserError: If the disk is full, or a vector is not finite.
  """
  config, corpus, found = parts.config, parts.corpus, parts.found
  devices.set_precision(config.precision, on_cpu=True)
  tokenizer = corpus.tokenizer
  model = orqa.OrqaModel.of_task(config, tokenizer.vocab_size, tokenizer.sep_id)
  towers = model.towers
  for embedder, source in (
    (towers.query_embedder, found.embedder),
    (towers.passage_embedder, parts.tower),
  ):
    if source.encoder is None:
      raise TypeError(f"{source.path} makes no embeddings")
    assignment.initialize_embedder(
      embedder, source, source.encoder.dense, source.encoder.layer_norm
    )
  if model.reader is None:
    raise TypeError("no reader")
  assignment.initialize_span_reader(model.reader, found.reader)
  paths = run_folder.RunFolder(folder)
  tf.io.gfile.makedirs(paths.best)
  own_run.write_tokenizer(folder, tokenizer)
  weights = tf.io.gfile.join(paths.best, _WEIGHTS)
  tf.train.Checkpoint(**model.parts).write(weights)
  files.write_json(paths.best_manifest, {"step": _STEP, "weights": _WEIGHTS})
  embedder_export.Exporter(towers, config).save(folder, _STEP)
  _write_index(parts, folder)
  run_config.write_or_match(
    folder,
    run_config.RunConfig(
      task=orqa_task.OrqaTask.name,
      config=config,
      corpus=corpus.path,
      corpus_fingerprint=corpus.fingerprint,
      vocab_sha256=tokenizer.sha256,
      pretrain_corpus="",
      init_checkpoint=found.path,
      init_reader=found.path,
      index_step=_STEP,
    ),
  )


def _write_index(parts: Parts, folder: str) -> None:
  """Writes the version of the index whose vectors are the source's."""
  context = refresh_plan.RefreshContext(
    index_store.IndexStore(folder),
    parts.corpus,
    refresh_config.RefreshConfig.of(parts.config),
    _log.info,
  )
  offsets = parts.corpus.shard_offsets.tolist()
  vectors = parts.found.block_embeddings

  def of_shard(shard: int) -> np.ndarray:
    return np.asarray(vectors[offsets[shard] : offsets[shard + 1]], np.float32)

  index_builder.publish_vectors(
    context, exports.find(folder, _STEP), of_shard, parts.found.path
  )
