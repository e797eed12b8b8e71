"""Runs an exported embedder as an Estimator, or on a TPU as a TPUEstimator.

The only module that knows the Estimator API, which TensorFlow 2.15 is the
last to have: `embedding_engine` chooses.
"""

import collections
import concurrent.futures
import itertools
import tempfile
from collections.abc import Generator
from collections.abc import Iterable
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import rewriter_config_pb2

from realm_tf import devices
from realm_tf import errors
from realm_tf import saved_models
from realm_tf.index.build import shard_feed

_INPUT = "token_ids"


class EmbedEstimator:
  """Embeds batches of token ids with one signature of an export.

  One `Estimator.predict`, thus one session and one restore of the weights,
  serves all batches, whatever their shapes and whenever they come up.
  """

  def __init__(
    self,
    export_path: str,
    signature: str = "passage",
    *,
    num_threads: int = 0,
  ):
    """Takes the export to run; loads nothing yet.

    Args:
      export_path: See `embedding_engine.make`.
      signature: "passage" or "query".
      num_threads: Threads of an operation; 0 for all cores.
    """
    self._params = {"export_path": export_path, "signature": signature}
    self._num_threads = num_threads

  def predict(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Yields embeddings; see `embedding_engine.Engine.predict`."""
    # Estimator wants a folder for checkpoints even where there are none.
    with (
      tempfile.TemporaryDirectory() as folder,
      concurrent.futures.ThreadPoolExecutor(max_workers=1) as thread,
    ):
      estimator = tf.estimator.Estimator(
        _model_fn,
        model_dir=folder,
        params=self._params,
        config=tf.estimator.RunConfig(session_config=self._session_config()),
      )
      outputs = estimator.predict(
        _input_fn,
        hooks=[_FeedHook(iter(batches), thread)],
        yield_single_examples=False,
      )
      for output in outputs:
        yield output["embedding"]

  def _session_config(self) -> tf.compat.v1.ConfigProto:
    """Returns the session's settings, those of `devices` among them."""
    config = tf.compat.v1.ConfigProto(
      intra_op_parallelism_threads=self._num_threads,
      inter_op_parallelism_threads=self._num_threads,
    )
    options = tf.config.optimizer.get_experimental_options()
    if options.get(devices.CPU_BFLOAT16):
      rewriting = config.graph_options.rewrite_options
      rewriting.auto_mixed_precision_onednn_bfloat16 = (
        rewriter_config_pb2.RewriterConfig.ON
      )
    return config


def _input_fn() -> tf.Tensor:
  return tf.compat.v1.placeholder(tf.int32, [None, None], name=_INPUT)


def _model_fn(
  features: tf.Tensor, labels: None, mode: str, params: dict[str, str]
) -> "tf.estimator.EstimatorSpec":
  """Calls the export; its weights are restored by their initialisers."""
  del labels  # Only predictions are made.
  model = saved_models.load(params["export_path"])
  signature = model.signatures[params["signature"]]
  return tf.estimator.EstimatorSpec(
    mode, predictions={"embedding": signature(token_ids=features)["embedding"]}
  )


class EmbedTpuEstimator:
  """Embeds shards on one TPU.

  All shapes are static, and one `TPUEstimator.predict`, thus one restore of
  the weights and one compilation, serves all shards. The host of the TPU reads
  the export and this machine's temporary files under the same paths.
  """

  def __init__(
    self,
    export_path: str,
    signature: str = "passage",
    *,
    tpu: str,
    batch_size: int,
    use_tpu: bool = True,
  ):
    """Takes the export to run; loads nothing yet.

    Args:
      export_path: See `embedding_engine.make`.
      signature: "passage" or "query".
      tpu: The TPU's name or address, or "local".
      batch_size: Rows that a core embeds at once.
      use_tpu: Whether the TPU computes; else the CPU does, and no TPU is asked
        for.
    """
    self._export_path = export_path
    self._signature = signature
    self._tpu = tpu
    self._batch_size = batch_size
    self._use_tpu = use_tpu

  def embed(self, inputs: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Yields embeddings; see `embedding_engine.Engine.embed`.

    Args:
      inputs: <int32>[n, length] each, of the same length.

    Raises:
      errors.UserError: If the TPU cannot be reached.
    """
    shards = iter(inputs)
    first = next(shards, None)
    if first is None:
      return
    with (
      tempfile.TemporaryDirectory() as folder,
      # Between two batches, Estimator's graph is the default of its thread.
      concurrent.futures.ThreadPoolExecutor(max_workers=1) as thread,
    ):
      feed, outputs = self._start(folder, first.shape[1])
      try:
        for shard in itertools.chain([first], shards):
          feed.put(shard)
          found: list[dict[str, np.ndarray]] = []
          while sum(len(part["rows"]) for part in found) < len(shard):
            output = thread.submit(next, outputs).result()
            is_row = output["rows"] != shard_feed.PADDING
            found.append({name: part[is_row] for name, part in output.items()})
          embeddings = np.concatenate([part["embedding"] for part in found])
          rows = np.concatenate([part["rows"] for part in found])
          yield embeddings[np.argsort(rows)]
        feed.end()
        thread.submit(collections.deque, outputs, 0).result()
      finally:
        thread.submit(outputs.close).result()

  def _start(
    self, folder: str, length: int
  ) -> tuple[
    shard_feed.ShardFeed, Generator[dict[str, np.ndarray], None, None]
  ]:
    """Returns the feed and what comes out, of which nothing is asked yet."""
    cores, cluster = 1, None
    if self._use_tpu:
      cluster, cores = _find_tpu(self._tpu)
    feed = shard_feed.ShardFeed(folder, self._batch_size * cores, length)
    estimator = tf.compat.v1.estimator.tpu.TPUEstimator(
      tpu_model_fn,
      params={
        "export_path": self._export_path,
        "signature": self._signature,
        "folder": folder,
        "length": length,
      },
      config=tf.compat.v1.estimator.tpu.RunConfig(
        cluster=cluster, model_dir=folder
      ),
      use_tpu=self._use_tpu,
      eval_on_tpu=self._use_tpu,
      train_batch_size=feed.batch_size,  # It asks for one, and trains nothing.
      predict_batch_size=feed.batch_size,
    )
    outputs = estimator.predict(tpu_input_fn, yield_single_examples=False)
    return feed, outputs


def _find_tpu(
  tpu: str,
) -> tuple[tf.distribute.cluster_resolver.ClusterResolver, int]:
  """Returns where a TPU is, and how many cores it has.

  Raises:
    errors.UserError: If it cannot be reached.
  """
  try:
    resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=tpu)
    cores = resolver.num_accelerators().get("TPU", 0)
  except (ValueError, RuntimeError, OSError, tf.errors.OpError) as e:
    raise devices.unreachable(tpu, e) from e
  if not cores:
    raise errors.UserError(
      f"tpu={tpu} is not there, or has no cores: run the worker on a TPU VM, "
      "or leave `tpu` out to use GPUs or the CPU."
    )
  return resolver, cores


def tpu_input_fn(params: dict[str, Any]) -> tf.data.Dataset:
  """Returns the batches of a `ShardFeed`, for TPUEstimator.

  Args:
    params: `folder`, `length`, and TPUEstimator's `batch_size`.
  """
  return shard_feed.dataset(
    params["folder"], params["batch_size"], params["length"]
  )


def tpu_model_fn(
  features: dict[str, tf.Tensor],
  labels: None,
  mode: str,
  params: dict[str, Any],
) -> "tf.compat.v1.estimator.tpu.TPUEstimatorSpec":
  """Calls the export on a core's rows.

  Args:
    features: `token_ids` <int32>[batch, length] and `rows` <int32>[batch].
    labels: None, as only predictions are made.
    mode: Of Estimator.
    params: `export_path` and `signature`.

  Returns:
    Of predictions `embedding` <float32>[batch, dim] and `rows`, with static
    shapes.
  """
  del labels
  model = saved_models.load(params["export_path"])
  signature = model.signatures[params["signature"]]
  embedding = signature(token_ids=features["token_ids"])["embedding"]
  embedding.set_shape([features["rows"].shape[0], None])
  return tf.compat.v1.estimator.tpu.TPUEstimatorSpec(
    mode, predictions={"embedding": embedding, "rows": features["rows"]}
  )


class _FeedHook(tf.compat.v1.train.SessionRunHook):
  """Feeds the batches, and ends the prediction after the last one.

  A queue or `Dataset.from_generator` would ask for a batch before the one
  before it was embedded, and so claim a shard before another was finished.
  """

  def __init__(
    self, batches: Iterator[np.ndarray], thread: concurrent.futures.Executor
  ):
    self._batches = batches
    # This hook runs in graph mode, and in a graph that is complete; another
    # thread does not, so there the batches may be made by TensorFlow.
    self._thread = thread
    self._placeholder: tf.Tensor | None = None

  def begin(self) -> None:
    graph = tf.compat.v1.get_default_graph()
    self._placeholder = graph.get_tensor_by_name(f"{_INPUT}:0")

  def before_run(
    self, run_context: tf.compat.v1.train.SessionRunContext
  ) -> tf.compat.v1.train.SessionRunArgs:
    del run_context  # Nothing else is asked of the session.
    batch = self._thread.submit(next, self._batches, None).result()
    if batch is None:
      raise tf.errors.OutOfRangeError(None, None, "No batch is left.")
    return tf.compat.v1.train.SessionRunArgs(
      None, feed_dict={self._placeholder: batch}
    )
