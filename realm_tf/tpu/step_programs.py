"""What a core runs in each kind of step, as functions of features alone.

A program begins where the host's pipelines end. To add a step, write a function
from a config, a core's batch and a `Setting` to its `Program`, and give it a
name in `STEPS`.
"""

from collections.abc import Callable
from collections.abc import Mapping
from typing import Any
from typing import NamedTuple

import tensorflow as tf

from realm_tf import devices
from realm_tf.configs import schema
from realm_tf.data.examples import passage_records
from realm_tf.index.device import device_index
from realm_tf.index.device import inline_refresh
from realm_tf.index.device import share_layout
from realm_tf.models import embedders
from realm_tf.models import ict
from realm_tf.models import orqa
from realm_tf.models import realm
from realm_tf.plans import corpus_size
from realm_tf.text import wordpiece
from realm_tf.training import base_task
from realm_tf.training import optimizers
from realm_tf.training import steps
from realm_tf.training.tasks import device_task
from realm_tf.training.tasks import orqa_sums

VOCAB_SIZE = corpus_size.VOCAB_SIZE
SEP_ID = 102

Features = Mapping[str, tf.TensorSpec]


class Program(NamedTuple):
  """What one core runs in a step.

  Attributes:
    function: From features to whatever the step returns.
    features: Of a core's share of the batch, by name.
  """

  function: Callable[[Mapping[str, tf.Tensor]], Any]
  features: Features


class Setting(NamedTuple):
  """What a step runs in, beside its config.

  Attributes:
    cores: Replicas that run it together.
    num_passages: Passages of the index that these hold.
    refreshes_inline: Whether each step with such an index embeds some of them.
  """

  cores: int = 1
  num_passages: int = corpus_size.WIKIPEDIA_PASSAGES
  refreshes_inline: bool = False


class StepKind(NamedTuple):
  """A kind of step.

  Attributes:
    task: The command whose config it has, a key of `loading.TASKS`.
    batch_field: The config's field with the batch.
    build: From the config, the batch of one core and the setting to the
      program of that core.
    is_spread: Whether all cores share that batch; else each has one.
    trains: Whether it is a step of a training.
  """

  task: str
  batch_field: str
  build: Callable[[Any, int, Setting], Program]
  is_spread: bool = True
  trains: bool = True


def pretrain_features(
  config: schema.RealmConfig, batch: int
) -> dict[str, tf.TensorSpec]:
  """Returns the features of REALM with retrieval on the host."""
  candidates, masks = config.num_candidates, config.max_masks
  ints = {
    "query_token_ids": [config.query_length],
    "passage_token_ids": [candidates, config.passage_length],
    "joint_token_ids": [candidates, config.joint_length],
    "joint_segment_ids": [candidates, config.joint_length],
    "candidate_rows": [candidates],
    "mask_positions": [masks],
    "targets": [masks],
  }
  return _specs(
    batch,
    {name: (shape, tf.int32) for name, shape in ints.items()}
    | {
      "candidate_mask": ([candidates], tf.bool),
      "target_weights": ([masks], tf.float32),
    },
  )


def pretrain_device_features(
  config: schema.RealmConfig, batch: int
) -> dict[str, tf.TensorSpec]:
  """Returns the features of REALM with retrieval inside of the step."""
  masks = config.max_masks
  return _specs(
    batch,
    {
      "query_token_ids": ([config.query_length], tf.int32),
      "masked_token_ids": ([config.query_length], tf.int32),
      "source_keys": ([], tf.int32),
      "mask_positions": ([masks], tf.int32),
      "targets": ([masks], tf.int32),
      "target_weights": ([masks], tf.float32),
    },
  )


def ict_features(
  config: schema.IctConfig, batch: int
) -> dict[str, tf.TensorSpec]:
  """Returns the features of ICT."""
  return _specs(
    batch,
    {
      "query_token_ids": ([config.query_length], tf.int32),
      "passage_token_ids": ([config.passage_length], tf.int32),
    },
  )


def finetune_features(
  config: schema.OrqaConfig, batch: int
) -> dict[str, tf.TensorSpec]:
  """Returns the features of ORQA over a fixed index, after retrieval."""
  beam, read = config.retriever_beam, config.reader_beam
  length = config.reader_length
  return _specs(
    batch,
    {
      "query_token_ids": ([config.query_length], tf.int32),
      "beam_rows": ([beam], tf.int32),
      "beam_mask": ([beam], tf.bool),
      "beam_embeddings": ([beam, config.embedding_size], tf.float32),
      "answering_passages": ([beam], tf.bool),
      "joint_token_ids": ([read, length], tf.int32),
      "joint_segment_ids": ([read, length], tf.int32),
      "answer_spans": ([read, length, config.max_span_length], tf.bool),
      "weights": ([], tf.float32),
    },
  )


def _specs(
  batch: int, features: Mapping[str, tuple[list[int], tf.DType]]
) -> dict[str, tf.TensorSpec]:
  return {
    name: tf.TensorSpec([batch, *shape], dtype)
    for name, (shape, dtype) in features.items()
  }


class _ModelTask(base_task.Task):
  """A model's loss as a task, without data."""

  def __init__(
    self,
    parts: dict[str, tf.keras.Model],
    sums: Callable[..., base_task.Sums],
    complete: Callable[[base_task.Features], base_task.Features],
  ):
    self.name = "compile_tpu"
    self.parts = parts
    self._sums = sums
    self._complete = complete

  def complete(
    self, features: base_task.Features, *, training: bool
  ) -> base_task.Features:
    return self._complete(features)

  def sums(
    self, features: base_task.Features, *, training: bool
  ) -> base_task.Sums:
    return self._sums(features, training=training)

  def train_pipeline(self, first_step: int) -> tf.data.Dataset:
    raise NotImplementedError

  def eval_pipeline(self) -> tf.data.Dataset:
    raise NotImplementedError


def training_program(
  parts: dict[str, tf.keras.Model],
  sums: Callable[..., base_task.Sums],
  config: schema.TaskConfig,
  features: Features,
  complete: Callable[[base_task.Features], base_task.Features] = dict,
) -> Program:
  """Returns the whole training step: loss, gradients, clipping and AdamW.

  Args:
    parts: The models that are trained, by role.
    sums: From features, with `training`, to sums; see `base_task.Task`.
    config: Of the training.
    features: Of a core's share of the batch.
    complete: Adds features that need no gradient, before `sums`.
  """
  task = _ModelTask(parts, sums, complete)
  optimizer = optimizers.make_optimizer(config, parts)
  optimizers.create_slots(optimizer, task.variables)
  return Program(
    steps.make_replica_step(
      task,
      optimizer,
      config.clip_norm,
      on_cpu=False,
      rematerializes=config.rematerialize,
    ),
    features,
  )


def _pretrain(
  config: schema.RealmConfig, batch: int, setting: Setting
) -> Program:
  del setting
  devices.set_precision(config.precision, on_cpu=False)
  model = realm.RealmModel.of_task(config, VOCAB_SIZE, SEP_ID)
  parts = {"retriever": model.retriever, "reader": model.reader}
  return training_program(
    parts, model.sums, config, pretrain_features(config, batch)
  )


def _pretrain_device(
  config: schema.RealmConfig, batch: int, setting: Setting
) -> Program:
  devices.set_precision(config.precision, on_cpu=False)
  words = (f"word{n}" for n in range(VOCAB_SIZE))
  vocabulary = [*wordpiece.SPECIAL_TOKENS, *words][:VOCAB_SIZE]
  tokenizer = wordpiece.Tokenizer(vocabulary)
  model = realm.RealmModel.of_task(config, VOCAB_SIZE, tokenizer.sep_id)
  record_format = passage_records.RecordFormat(config.passage_length, tokenizer)
  index = device_index.DeviceIndex(
    share_layout.ShareLayout.of(
      setting.num_passages, setting.cores, setting.cores * batch, on_cpu=False
    ),
    config.embedding_size,
    tf.as_dtype(config.device_vectors),
    record_format.null,
    device_index.SearchSettings(
      config.device_top_k == "exact", config.device_recall_target
    ),
  )
  embedder = model.retriever.query_embedder
  if config.device_queries == "index" and not setting.refreshes_inline:
    embedder = type(embedder).from_config(embedder.get_config())

  def embed_passages(records: tf.Tensor) -> tf.Tensor:
    token_ids = record_format.decode(records).token_ids
    return model.retriever.passage_embedder(token_ids, training=False)

  refresh = inline_refresh.InlineRefresh(
    index, embed_passages, config.export_every_steps
  )

  def complete(features: base_task.Features) -> base_task.Features:
    if setting.refreshes_inline:
      refresh.advance()
    queries = embedder(features["query_token_ids"], training=False)
    return device_task.with_candidates(
      features, queries, index, record_format, config.num_candidates
    )

  parts = {"retriever": model.retriever, "reader": model.reader}
  features = pretrain_device_features(config, batch)
  return training_program(parts, model.sums, config, features, complete)


def _ict(config: schema.IctConfig, batch: int, setting: Setting) -> Program:
  del setting
  devices.set_precision(config.precision, on_cpu=False)
  model = ict.IctModel.of_task(config, VOCAB_SIZE, SEP_ID)
  return training_program(
    {"retriever": model.retriever},
    model.sums,
    config,
    ict_features(config, batch),
  )


def _finetune(
  config: schema.OrqaConfig, batch: int, setting: Setting
) -> Program:
  del setting
  devices.set_precision(config.precision, on_cpu=False)
  model = orqa.OrqaModel.of_task(config, VOCAB_SIZE, SEP_ID)

  def sums(features: base_task.Features, *, training: bool) -> base_task.Sums:
    return orqa_sums.sums(model, config, features, training=training)

  return training_program(
    model.parts, sums, config, finetune_features(config, batch)
  )


def _refresh(
  config: schema.RealmConfig, batch: int, setting: Setting
) -> Program:
  del setting
  devices.set_precision(config.export_precision, on_cpu=False)
  towers = embedders.TwoTowers(config, config, VOCAB_SIZE, SEP_ID)

  def embed(features: Mapping[str, tf.Tensor]) -> tf.Tensor:
    return towers.passage_embedder(features["token_ids"], training=False)

  return Program(
    embed,
    _specs(batch, {"token_ids": ([config.passage_length], tf.int32)}),
  )


STEPS: Mapping[str, StepKind] = {
  "pretrain": StepKind("pretrain", "batch_size", _pretrain),
  "pretrain_device": StepKind("pretrain", "batch_size", _pretrain_device),
  "pretrain_ict": StepKind("pretrain_ict", "batch_size", _ict),
  "finetune": StepKind("finetune", "batch_size", _finetune),
  "refresh_index": StepKind(
    "pretrain", "embed_batch_size", _refresh, is_spread=False, trains=False
  ),
}
