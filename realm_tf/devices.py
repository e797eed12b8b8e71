"""Where a run computes: TPU, GPUs or CPU, chosen by `tpu`."""

import contextlib
import dataclasses
import functools
import logging
import os
import pathlib
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from realm_tf import errors
from realm_tf import stack
from realm_tf import tf_config

_log = logging.getLogger(__name__)

# TensorFlow's option to cast the operands of products on CPUs.
CPU_BFLOAT16 = "auto_mixed_precision_onednn_bfloat16"

# What NVIDIA's driver shows of itself, and of the first GPU.
NVIDIA_FILES = (
  pathlib.Path("/proc/driver/nvidia/version"),
  pathlib.Path("/dev/nvidia0"),
)


@dataclasses.dataclass(frozen=True)
class Host:
  """A process that makes batches, among those that train together.

  Attributes:
    index: Its number; 0 is the chief.
    count: How many there are: more than one of a cluster of `TF_CONFIG` only.
      A TPU, whatever its hosts, has one process that makes batches.
  """

  index: int = 0
  count: int = 1

  def rows(self, batch: Any) -> Any:
    """Returns this host's rows of a global batch.

    Args:
      batch: A nest of tensors [batch, ...]; `count` divides the batch.

    Returns:
      The same nest of [batch / count, ...].
    """
    if self.count == 1:
      return batch

    def cut(value: tf.Tensor) -> tf.Tensor:
      size = value.shape[0] // self.count
      return value[self.index * size : (self.index + 1) * size]

    return tf.nest.map_structure(cut, batch)


def make_strategy(
  tpu: str, *, join_cluster: bool = False
) -> tf.distribute.Strategy:
  """Returns the distribution strategy of a run.

  Args:
    tpu: A TPU's name or address, "local" for the TPUs of this machine, or ""
      for the GPUs that are there, else the CPU.
    join_cluster: Whether to train with the other workers of the cluster that
      `TF_CONFIG` names, if it names several. It waits for them, and comes
      before all else that TensorFlow does in a process.

  Raises:
    errors.UserError: If the TPU cannot be reached, or the cluster is none of
      workers alone.
  """
  if tpu:
    try:
      resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=tpu)
      if tpu != "local":
        tf.config.experimental_connect_to_cluster(resolver)
      tf.tpu.experimental.initialize_tpu_system(resolver)
    except (ValueError, RuntimeError, OSError, tf.errors.OpError) as e:
      raise unreachable(tpu, e) from e
    return tf.distribute.TPUStrategy(resolver)
  if join_cluster and tf_config.count_workers() > 1:
    return tf.distribute.MultiWorkerMirroredStrategy()
  gpus = tf.config.list_logical_devices("GPU")
  if not tf.config.list_physical_devices("GPU"):
    warn_of_unseen_gpu()
  if len(gpus) > 1:
    return tf.distribute.MirroredStrategy()
  device = gpus[0].name if gpus else "/cpu:0"
  return tf.distribute.OneDeviceStrategy(device)


def unreachable(tpu: str, error: Exception) -> errors.UserError:
  """Returns the error of a TPU that cannot be reached.

  Args:
    tpu: Its name or address, or "local".
    error: What TensorFlow raised.
  """
  reason = str(error).strip().splitlines()[0] if str(error).strip() else ""
  return errors.UserError(
    f"tpu={tpu} cannot be reached: {reason or repr(error)} Give a TPU's name, "
    "its grpc:// address, or 'local' on a TPU VM; leave `tpu` out to use GPUs "
    "or the CPU."
  )


def host(strategy: tf.distribute.Strategy) -> Host:
  """Returns the place of this process among those of a strategy."""
  if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
    return Host()
  resolver = strategy.cluster_resolver
  tasks = resolver.cluster_spec().as_dict()
  chiefs = len(tasks.get("chief", ()))
  index = resolver.task_id + (chiefs if resolver.task_type == "worker" else 0)
  return Host(index, chiefs + len(tasks.get("worker", ())))


@functools.cache
def warn_of_unseen_gpu() -> None:
  """Warns, once in a process, that TensorFlow sees none of the GPUs."""
  is_hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
  if not is_hidden and any(path.exists() for path in NVIDIA_FILES):
    _log.warning(
      "this machine has an NVIDIA GPU, but TensorFlow sees none: the CPU "
      "computes. Most likely TensorFlow was installed without CUDA: pip "
      "install 'realm_tf[gpu]'. If that is there, see what nvidia-smi says."
    )


def is_cpu(strategy: tf.distribute.Strategy) -> bool:
  """Returns whether a strategy computes on CPUs."""
  return _device_types(strategy) == {"CPU"}


def _device_types(strategy: tf.distribute.Strategy) -> set[str]:
  devices = strategy.extended.worker_devices
  return {tf.DeviceSpec.from_string(d).device_type or "CPU" for d in devices}


def distribute(
  strategy: tf.distribute.Strategy, dataset: tf.data.Dataset
) -> Iterable[Any]:
  """Returns the batches of a dataset for the replicas of a strategy.

  One replica on the CPU takes them as they are: the pipeline that TensorFlow
  puts behind the dataset, to copy batches to devices, is tuned whatever the
  dataset's options say; see `dataset_options`.

  Where several processes make batches, and where the replicas are on other
  hosts, the dataset stays in this process, which cuts each batch: pipelines
  have operations that another host's TensorFlow lacks, and the iterator of
  `MultiWorkerMirroredStrategy` talks to the other processes from whatever
  thread asks it.

  Args:
    strategy: Spreads each batch over its replicas.
    dataset: Batches of what this process makes of the global batch; see
      `Host.rows`.
  """
  if host(strategy).count > 1 or _has_remote_replicas(strategy):
    return _Cut(strategy, dataset)
  if strategy.num_replicas_in_sync == 1 and is_cpu(strategy):
    return dataset
  options = tf.data.Options()
  options.experimental_distribute.auto_shard_policy = (
    tf.data.experimental.AutoShardPolicy.OFF
  )
  return strategy.experimental_distribute_dataset(dataset.with_options(options))


class _Cut:
  """The batches of a dataset, each cut for the replicas by this process."""

  def __init__(
    self, strategy: tf.distribute.Strategy, dataset: tf.data.Dataset
  ):
    self._strategy = strategy
    self._dataset = dataset

  def __iter__(self) -> Iterator[Any]:
    for batch in self._dataset:
      yield share(self._strategy, batch)


def share(strategy: tf.distribute.Strategy, batch: Any) -> Any:
  """Gives each replica of this process as many rows of a batch.

  Args:
    strategy: Has the replicas.
    batch: A nest of tensors [batch, ...] of this process, of which the number
      of its replicas is a divisor.
  """
  count = _local_replicas(strategy)
  with tf.device("/cpu:0"):
    parts = [Host(index, count).rows(batch) for index in range(count)]
  return spread(strategy, parts)


def spread(strategy: tf.distribute.Strategy, parts: Sequence[Any]) -> Any:
  """Gives each replica of this process a value of its own.

  Args:
    strategy: Has the replicas.
    parts: A nest of tensors for each.
  """
  first = host(strategy).index * len(parts)
  return strategy.experimental_distribute_values_from_function(
    lambda context: parts[context.replica_id_in_sync_group - first]
  )


def _local_replicas(strategy: tf.distribute.Strategy) -> int:
  return strategy.num_replicas_in_sync // host(strategy).count


def _has_remote_replicas(strategy: tf.distribute.Strategy) -> bool:
  """Returns whether replicas are in other processes than this one."""
  with tf.device("/cpu:0"):
    here = _process(tf.zeros([]).device)
  places = map(_process, strategy.extended.worker_devices)
  return any(place not in (here, (None, None)) for place in places)


def _process(device: str) -> tuple[str | None, int | None]:
  spec = tf.DeviceSpec.from_string(device)
  return spec.job, spec.task


def run_once(
  strategy: tf.distribute.Strategy, function: Callable[..., Any], *args: Any
) -> Any:
  """Calls a function where a strategy's variables are.

  Args:
    strategy: Holds the variables that the function reads.
    function: Of tensors; all replicas compute the same.
    *args: The tensors.

  Returns:
    What it returns.
  """
  return strategy.experimental_local_results(strategy.run(function, args))[0]


def describe(strategy: tf.distribute.Strategy) -> str:
  """Returns a line that describes the devices."""
  kinds = _device_types(strategy)
  replicas = strategy.num_replicas_in_sync
  noun = "replica" if replicas == 1 else "replicas"
  here = host(strategy)
  among = f" on {here.count} hosts" if here.count > 1 else ""
  return f"{'/'.join(sorted(kinds))}, {replicas} {noun}{among}"


def set_precision(precision: str, *, on_cpu: bool) -> None:
  """Sets what is computed in; variables stay float32.

  For "bfloat16", GPUs and TPUs compute by Keras's `mixed_bfloat16`. On a CPU,
  tensors between layers stay float32: see `cpu_products`.

  Args:
    precision: "float32" or "bfloat16".
    on_cpu: Whether the run computes on a CPU.
  """
  mixed = precision == "bfloat16" and not on_cpu
  tf.keras.mixed_precision.set_global_policy(
    "mixed_bfloat16" if mixed else "float32"
  )
  _set_cpu_products(precision if on_cpu else "float32")


def answering_precision(trained: str, strategy: tf.distribute.Strategy) -> str:
  """Returns what a run answers in: float32 on a CPU, as its exports do.

  Args:
    trained: The precision that it was trained in.
    strategy: Where it answers.
  """
  return "float32" if is_cpu(strategy) else trained


@contextlib.contextmanager
def cpu_products(precision: str) -> Iterator[None]:
  """Has CPUs multiply in a precision within the context.

  With "bfloat16", TensorFlow casts the operands of products in the graphs of
  functions, where the CPU has instructions for them (AVX512_BF16, AMX);
  elsewhere they would cost time. Softmaxes, norms and losses stay float32.

  Args:
    precision: "float32" or "bfloat16".
  """
  before = tf.config.optimizer.get_experimental_options()
  _set_cpu_products(precision)
  try:
    yield
  finally:
    tf.config.optimizer.set_experimental_options(
      {CPU_BFLOAT16: before.get(CPU_BFLOAT16, False)}
    )


def _set_cpu_products(precision: str) -> None:
  tf.config.optimizer.set_experimental_options(
    {CPU_BFLOAT16: precision == "bfloat16" and stack.multiplies_bfloat16()}
  )
