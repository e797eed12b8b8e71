"""Checks and sets up the process before TensorFlow is imported.

Nothing here imports TensorFlow: a wrong NumPy or CPU would end that in a
traceback or a crash instead of a line that says what to do.
"""

import json
import os
import pathlib
import platform
import sys
from importlib import metadata

from realm_tf import errors

# A release of TensorFlow -> what goes with it. A version fits if it starts with
# the one here: "1.3" takes 1.3.0, not 1.30.
_STACKS = {
  "2.15": {
    "numpy": "1",
    "scann": "1.3",
    "tensorflow-text": "2.15",
    "tf-keras": "2.15",
    "tf-models-official": "2.15",
  },
}
_PYTHON = (3, 11)

# The last Keras before the rewrite; tf_keras goes on with it.
_LEGACY_KERAS = "2"

_CPU_INFO = pathlib.Path("/proc/cpuinfo")

_SKIP_SUMS = "REALM_TF_SKIP_CORPUS_SUMS"
_DEFAULTS = {
  # TensorFlow's start-up otherwise fills the screen before the first line of
  # ours.
  "TF_CPP_MIN_LOG_LEVEL": "3",
  # Makes tf.keras the package tf_keras, which tensorflow_hub's layers are made
  # of, and which is what later releases of TensorFlow need for this code.
  "TF_USE_LEGACY_KERAS": "1",
}


def check() -> None:
  """Checks Python, the CPU and the installed versions in milliseconds.

  Call it before `configure`: whether a Keras 3 does harm depends on what the
  user has set.

  Raises:
    errors.UserError: Something is missing or does not fit. One line names
      what is wrong and says what to do.
  """
  _check_python()
  _check_cpu()
  _check_packages()


def configure() -> None:
  """Sets TensorFlow's environment variables, unless the user has.

  Must run before the first import of TensorFlow; child processes inherit it.
  """
  for name, value in _DEFAULTS.items():
    os.environ.setdefault(name, value)


def use_bfloat16_products() -> None:
  """Has oneDNN multiply float32 matrices in bfloat16 on CPUs that can.

  Must run before the first import of TensorFlow, as oneDNN reads its settings
  once; child processes inherit it.
  """
  os.environ.setdefault("ONEDNN_DEFAULT_FPMATH_MODE", "BF16")


def match_run_precision(model_dir: str) -> None:
  """Computes products in the precision in which a local run was trained.

  Must run before the first import of TensorFlow. What is wrong with the run is
  reported when it is read next.
  """
  try:
    with open(os.path.join(model_dir, "config.json"), encoding="utf-8") as f:
      precision = json.load(f)["config"]["precision"]
  except (OSError, ValueError, KeyError, TypeError):
    return
  if precision == "bfloat16":
    use_bfloat16_products()


def skip_corpus_sums() -> None:
  """Turns off the comparison of checksums when a corpus is read.

  Child processes inherit it.
  """
  os.environ[_SKIP_SUMS] = "1"


def skips_corpus_sums() -> bool:
  """Whether `skip_corpus_sums` was called, here or in a parent process."""
  return os.environ.get(_SKIP_SUMS) == "1"


def _check_python() -> None:
  found = tuple(sys.version_info[:2])
  if found != _PYTHON:
    raise errors.UserError(
      f"This is Python {_dotted(found)}, but realm_tf needs Python "
      f"{_dotted(_PYTHON)}: run 'make demo', which sets up .venv, and use "
      ".venv/bin/python."
    )


def _check_cpu() -> None:
  """ScaNN is compiled for AVX2 on x86: without it, the process just dies."""
  if platform.machine() != "x86_64":
    return
  try:
    cpu_info = _CPU_INFO.read_text(encoding="utf-8", errors="replace")
  except OSError:
    return  # Not Linux, or a sandbox: nothing tells.
  flags = {
    flag
    for line in cpu_info.splitlines()
    if line.startswith("flags")
    for flag in line.partition(":")[2].split()
  }
  if flags and "avx2" not in flags:
    raise errors.UserError(
      "This CPU has no AVX2, which ScaNN needs: use a machine that has it, or "
      "if this is a virtual one, give it the host's CPU model."
    )


def _check_packages() -> None:
  tensorflow = _version("tensorflow")
  problems = []
  if not tensorflow:
    problems.append("tensorflow is not installed")
  else:
    release = next((r for r in _STACKS if _fits(tensorflow, r)), None)
    if release is None:
      problems.append(
        f"tensorflow {tensorflow} is installed, but realm_tf needs "
        f"{' or '.join(_STACKS)}"
      )
    else:
      problems.extend(_mismatches(release))
  if problems:
    raise errors.UserError(
      f"{'; '.join(problems)}: run 'python -m pip install -c constraints.txt "
      "-e .' at the top of the repository."
    )


def _mismatches(release: str) -> list[str]:
  """Returns the packages that do not fit this release of TensorFlow."""
  problems = []
  for name, wanted in _STACKS[release].items():
    found = _version(name)
    if not found:
      problems.append(f"{name} is not installed")
    elif not _fits(found, wanted):
      problems.append(
        f"{name} {found} is installed, but TensorFlow {release} needs {wanted}"
      )
  keras = _version("keras")
  if keras and not _fits(keras, _LEGACY_KERAS) and not _legacy_keras_is_set():
    problems.append(
      f"keras {keras} is installed, but realm_tf needs Keras {_LEGACY_KERAS} "
      "or TF_USE_LEGACY_KERAS=1"
    )
  return problems


def _version(name: str) -> str | None:
  try:
    return metadata.version(name)
  except metadata.PackageNotFoundError:
    return None


def _fits(version: str, wanted: str) -> bool:
  return f"{version}.".startswith(f"{wanted}.")


def _legacy_keras_is_set() -> bool:
  return os.environ.get("TF_USE_LEGACY_KERAS", "").lower() in ("1", "true")


def _dotted(version: tuple[int, ...]) -> str:
  return ".".join(str(part) for part in version)
