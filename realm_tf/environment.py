"""Checks and sets up the process before TensorFlow is imported.

Nothing here imports TensorFlow: a wrong NumPy would end that in a traceback
instead of a line that says what to do.
"""

import atexit
import gc
import os
import sys
from importlib import metadata
from typing import NamedTuple

from realm_tf import errors


class _Stack(NamedTuple):
  """A release of TensorFlow, and what goes with it.

  A version fits if it starts with the one here: "1.3" takes 1.3.0, not 1.30.

  Attributes:
    pythons: Versions of Python; the markers in pyproject.toml have the same.
    packages: Versions by name.
    keras: The Keras that TensorFlow brings along.
    constraints: The file with all versions that were tested.
  """

  pythons: tuple[tuple[int, int], ...]
  packages: dict[str, str]
  keras: str
  constraints: str


_STACKS = {
  "2.15": _Stack(
    pythons=((3, 11),),
    packages={
      "numpy": "1",
      "scann": "1.3",
      "tensorflow-text": "2.15",
      "tf-keras": "2.15",
      "tf-models-official": "2.15",
    },
    keras="2",
    constraints="constraints-tf2.15.txt",
  ),
  "2.20": _Stack(
    pythons=((3, 12), (3, 13)),
    packages={
      "numpy": "2",
      "scann": "1.4",
      "tensorflow-text": "2.20",
      "tf-keras": "2.20",
      "tf-models-official": "2.20",
    },
    keras="3",
    constraints="constraints-tf2.20.txt",
  ),
}
# Where it is missing, TensorFlow searches in its place.
_OPTIONAL = ("scann",)

# The last Keras before the rewrite; tf_keras goes on with it.
_LEGACY_KERAS = "2"

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
  """Checks Python and the installed versions in milliseconds.

  Call it before `configure`: whether a Keras 3 does harm depends on what the
  user has set.

  Raises:
    errors.UserError: Something is missing or does not fit. One line names
      what is wrong and says what to do.
  """
  release = _release_of_python()
  _check_packages(release)
  _check_legacy_keras()


def configure() -> None:
  """Sets TensorFlow's environment variables, unless the user has.

  Must run before the first import of TensorFlow; child processes inherit it.
  """
  for name, value in _DEFAULTS.items():
    os.environ.setdefault(name, value)


def collect_garbage_rarely() -> None:
  """Has Python look for cycles after 50,000 new objects instead of 700.

  TensorFlow's import and each trace of a function make objects by the
  thousands, nearly all of which stay. For the same reason Python does not look
  for cycles when it exits, which takes it a second. For processes of our own: a
  library leaves this to the program that imports it.
  """
  gc.set_threshold(50_000, 10, 4)
  atexit.register(gc.freeze)


def give_memory_back() -> None:
  """Has TensorFlow give back the memory of tensors that are gone.

  With oneDNN, its default on x86, it keeps for tensors to come all that it ever
  had. Without, matrix products may take longer. Must run before the first
  import of TensorFlow.
  """
  os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")


def skip_corpus_sums() -> None:
  """Turns off the comparison of checksums when a corpus is read.

  Child processes inherit it.
  """
  os.environ[_SKIP_SUMS] = "1"


def skips_corpus_sums() -> bool:
  """Whether `skip_corpus_sums` was called, here or in a parent process."""
  return os.environ.get(_SKIP_SUMS) == "1"


def _release_of_python() -> str:
  """Returns the release of TensorFlow that goes with this Python."""
  found = tuple(sys.version_info[:2])
  for release, stack in _STACKS.items():
    if found in stack.pythons:
      return release
  wanted = [
    _dotted(python) for stack in _STACKS.values() for python in stack.pythons
  ]
  raise errors.UserError(
    f"This is Python {_dotted(found)}, but realm_tf needs Python "
    f"{', '.join(wanted[:-1])} or {wanted[-1]}: run 'make demo', which sets up "
    ".venv, and use .venv/bin/python."
  )


def _check_packages(release: str) -> None:
  """Raises if a package is missing or does not fit a release of TensorFlow."""
  stack = _STACKS[release]
  problems = []
  for name, wanted in {"tensorflow": release, **stack.packages}.items():
    found = _version(name)
    if not found:
      if name not in _OPTIONAL:
        problems.append(f"{name} is not installed")
    elif not _fits(found, wanted):
      whose = f"TensorFlow {release}"
      if name == "tensorflow":
        whose = f"realm_tf on Python {_dotted(sys.version_info[:2])}"
      problems.append(
        f"{name} {found} is installed, but {whose} needs {wanted}"
      )
  keras = _version("keras")
  if keras and not _fits(keras, stack.keras) and not _legacy_keras_is_set():
    problems.append(
      f"keras {keras} is installed, but TensorFlow {release} needs Keras "
      f"{stack.keras} or TF_USE_LEGACY_KERAS=1"
    )
  if problems:
    raise errors.UserError(
      f"{'; '.join(problems)}: run 'python -m pip install -c "
      f"{stack.constraints} -e .' at the top of the repository."
    )


def _check_legacy_keras() -> None:
  """Raises if the user has chosen a Keras that the models are not made of."""
  keras = _version("keras")
  if not keras or _fits(keras, _LEGACY_KERAS) or _legacy_keras_is_set():
    return
  chosen = os.environ.get("TF_USE_LEGACY_KERAS")
  if chosen is not None:  # `configure` sets it otherwise.
    raise errors.UserError(
      f"TF_USE_LEGACY_KERAS={chosen} is set, but realm_tf needs 1, as it is "
      f"made of tf_keras, not of keras {keras}: unset it."
    )


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
