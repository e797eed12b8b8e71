"""What this machine and its packages have that others lack.

realm_tf runs on two stacks (`environment`), and on machines that ScaNN is not
made for. Whatever depends on that asks here: no other module looks at versions.
"""

import functools
import os
import pathlib
import platform
import sys

# Where Linux says what the CPU can do.
CPU_INFO = pathlib.Path("/proc/cpuinfo")


def has_estimator() -> bool:
  """Returns whether TensorFlow has Estimator; 2.15 is the last that does."""
  import tensorflow as tf

  return hasattr(tf, "estimator")


@functools.cache
def why_no_scann() -> str:
  """Loads ScaNN, whose operations are then known to TensorFlow.

  Returns:
    "" if it is there, else why it is not, in a few words.
  """
  if not _has_avx2():
    return "this CPU has no AVX2"
  import tensorflow as tf

  try:
    import scann  # noqa: F401 - registers its operations
  except (ImportError, tf.errors.OpError) as e:
    return str(e).splitlines()[0]
  return ""


def _has_avx2() -> bool:
  """Returns whether ScaNN can run: on x86, it ends a process without AVX2."""
  flags = _cpu_flags()  # None outside of Linux and in some sandboxes.
  return platform.machine() != "x86_64" or not flags or "avx2" in flags


@functools.cache
def start_xla() -> None:
  """Starts XLA, once in a process, without the two lines that it prints.

  No setting turns them off, so for a moment stderr leads nowhere.
  """
  import tensorflow as tf

  sys.stderr.flush()
  stderr = os.dup(2)
  try:
    with open(os.devnull, "wb") as nowhere:
      os.dup2(nowhere.fileno(), 2)
    tf.function(tf.negative, jit_compile=True)(0.0)
  finally:
    os.dup2(stderr, 2)
    os.close(stderr)


def multiplies_bfloat16() -> bool:
  """Returns whether the CPU has instructions for products of bfloat16."""
  return not _cpu_flags().isdisjoint(["avx512_bf16", "amx_bf16"])


def _cpu_flags() -> set[str]:
  """Returns what Linux says that the CPU can do; nothing where it is silent."""
  try:
    cpu_info = CPU_INFO.read_text(encoding="utf-8", errors="replace")
  except OSError:
    return set()
  return {
    flag
    for line in cpu_info.splitlines()
    if line.startswith("flags")
    for flag in line.partition(":")[2].split()
  }
