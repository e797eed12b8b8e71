"""Where a run computes: TPU, GPUs or CPU, chosen by `tpu`."""

import contextlib
import functools
import os
import pathlib
import sys
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from realm_tf import errors
from realm_tf import stack

# TensorFlow's option to cast the operands of products on CPUs.
CPU_BFLOAT16 = "auto_mixed_precision_onednn_bfloat16"

# What NVIDIA's driver shows of itself, and of the first GPU.
NVIDIA_FILES = (
  pathlib.Path("/proc/driver/nvidia/version"),
  pathlib.Path("/dev/nvidia0"),
)


def make_strategy(tpu: str) -> tf.distribute.Strategy:
  """Returns the distribution strategy of a run.

  Args:
    tpu: A TPU's name or address, "local" for the TPUs of this machine, or ""
      for the GPUs that are there, else the CPU.

  Raises:
    errors.UserError: If the TPU cannot be reached, or has several hosts.
  """
  if tpu:
    try:
      resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=tpu)
      if tpu != "local":
        tf.config.experimental_connect_to_cluster(resolver)
      tf.tpu.experimental.initialize_tpu_system(resolver)
    except (ValueError, RuntimeError, OSError, tf.errors.OpError) as e:
      reason = str(e).strip().splitlines()[0] if str(e).strip() else repr(e)
      raise errors.UserError(
        f"tpu={tpu} cannot be reached: {reason} Give a TPU's name, its "
        "grpc:// address, or 'local' on a TPU VM; leave `tpu` out to use "
        "GPUs or the CPU."
      ) from e
    strategy = tf.distribute.TPUStrategy(resolver)
    if strategy.extended.num_hosts > 1:
      # Each would read the same batches.
      raise errors.UserError(
        f"tpu={tpu} is a slice of {strategy.extended.num_hosts} hosts: name "
        "a TPU of one host."
      )
    return strategy
  gpus = tf.config.list_logical_devices("GPU")
  if not tf.config.list_physical_devices("GPU"):
    warn_of_unseen_gpu()
  if len(gpus) > 1:
    return tf.distribute.MirroredStrategy()
  device = gpus[0].name if gpus else "/cpu:0"
  return tf.distribute.OneDeviceStrategy(device)


@functools.cache
def warn_of_unseen_gpu() -> None:
  """Warns, once in a process, that TensorFlow sees none of the GPUs."""
  is_hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
  if not is_hidden and any(path.exists() for path in NVIDIA_FILES):
    print(
      "warning: this machine has an NVIDIA GPU, but TensorFlow sees none: the "
      "CPU computes. Most likely TensorFlow was installed without CUDA: pip "
      "install 'realm_tf[gpu]'. If that is there, see what nvidia-smi says.",
      file=sys.stderr,
      flush=True,
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

  Args:
    strategy: Spreads each batch over its replicas.
    dataset: Batches of global size.
  """
  if strategy.num_replicas_in_sync == 1 and is_cpu(strategy):
    return dataset
  options = tf.data.Options()
  options.experimental_distribute.auto_shard_policy = (
    tf.data.experimental.AutoShardPolicy.OFF
  )
  return strategy.experimental_distribute_dataset(dataset.with_options(options))


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
  return f"{'/'.join(sorted(kinds))}, {replicas} {noun}"


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
