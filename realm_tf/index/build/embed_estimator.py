"""Runs an exported embedder as an Estimator.

The only module that knows the Estimator API, which TensorFlow 2.15 is the
last to have: `embedding_engine` chooses.
"""

import concurrent.futures
import tempfile
from collections.abc import Iterable
from collections.abc import Iterator

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import rewriter_config_pb2

from realm_tf import devices
from realm_tf import saved_models

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
