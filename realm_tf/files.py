"""Reads files, and writes them whole or not at all."""

import contextlib
import errno
import glob
import gzip
import hashlib
import json
import os
import re
import shutil
import tokenize
import uuid
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from realm_tf import errors

# The end of an unfinished file's name, as a regular expression.
TEMPORARY_SUFFIX = r"\.\d+-[0-9a-f]{8}\.tmp"

# What NumPy raises for a file that is no array, or only a part of one.
NO_ARRAY = (OSError, EOFError, ValueError, SyntaxError, tokenize.TokenError)

_CHUNK_BYTES = 1 << 22
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# Places in a graph or a pipeline, and names of errors that others wrap.
_ELSEWHERE = re.compile(
  r"\{\{.*?\}\}|\[Op:.*?\]|\[while running .*|^(?:[\w.]+Error: )+"
)


def full_disk(error: BaseException) -> str | None:
  """Returns an error's message if a disk or a quota is full, else None."""
  if isinstance(error, OSError) and error.errno in _FULL:
    return str(error)
  # TensorFlow's writers tell a full disk by its text alone, as one of several
  # kinds of error; Beam raises what a worker raised as a RuntimeError's text.
  if isinstance(error, tf.errors.OpError | RuntimeError):
    message = str(getattr(error, "message", error))
    if any(os.strerror(code) in message for code in _FULL):
      return _ELSEWHERE.sub("", message).strip()
  return None


def check_readable(path: str) -> None:
  """Raises if a path is there, but is no file that may be read.

  Opening a pipe would wait until somebody writes, which nobody may ever do.

  Raises:
    errors.UserError: If it is a folder, a pipe, a device, a socket or a link
      that leads nowhere, or its permissions forbid it.
  """
  if _is_remote(path) or not os.path.lexists(path):
    return
  if not os.path.exists(path):
    raise errors.UserError(f"{path} is a link that leads nowhere.")
  if os.path.isdir(path):
    raise errors.UserError(f"{path} is a folder where a file must be.")
  if is_special(path):
    raise errors.UserError(f"{path} is a pipe or a device: give a file.")
  if not os.access(path, os.R_OK):
    raise _forbidden(path)


def check_all_readable(place: str) -> None:
  """Raises as `check_readable` for what TensorFlow would open by itself.

  Args:
    place: A folder, such as a SavedModel's, or the prefix of a checkpoint.
  """
  place = glob.escape(place)
  for path in (
    *glob.glob(f"{place}.*"),
    *glob.glob(f"{place}/**", recursive=True),
  ):
    if not os.path.isdir(path):
      check_readable(path)


def read_bytes(path: str) -> bytes:
  """Returns a file's bytes.

  Raises:
    errors.UserError: As `check_readable`.
    tf.errors.OpError: If there is none, or it cannot be read.
  """
  check_readable(path)
  try:
    with tf.io.gfile.GFile(path, "rb") as f:
      return bytes(f.read())
  except tf.errors.PermissionDeniedError as e:
    raise _forbidden(path) from e


def _forbidden(path: str) -> errors.UserError:
  return errors.UserError(
    f"{path} may not be read: its permissions or those of its folder do not "
    "let you."
  )


def read_text(path: str) -> str:
  """Returns a file's text, UTF-8; gunzipped if its name ends in .gz.

  Raises:
    errors.UserError: As `check_readable`.
    tf.errors.OpError: If there is none, or it cannot be read.
    ValueError: If it is no UTF-8.
  """
  content = read_bytes(path)
  if path.endswith(".gz"):
    content = gzip.decompress(content)
  try:
    return content.decode("utf-8")
  except UnicodeDecodeError as e:  # Its own text repeats all that was read.
    raise ValueError(f"it is no UTF-8 (byte {e.start})") from e


def read_json(path: str) -> Any:
  """Returns a JSON file's value; a ValueError if it is damaged."""
  return parse_json(read_text(path))


def parse_json(text: str) -> Any:
  """Returns the value of a JSON text; a ValueError if it is none."""
  try:
    return json.loads(text)
  except RecursionError as e:
    raise ValueError("it is nested too deeply") from e


def is_inside(path: str) -> bool:
  """Returns whether a path, from a folder on, stays in that folder."""
  first = os.path.normpath(path).split(os.sep)[0]
  return not (os.path.isabs(path) or _is_remote(path) or first == "..")


def is_special(path: str) -> bool:
  """Returns whether a path is a pipe, a socket or a device, not a file."""
  return os.path.exists(path) and not (
    os.path.isfile(path) or os.path.isdir(path)
  )


def stamp(path: str) -> tuple[int, ...]:
  """Returns what changes when a file does: size, time and, here, its inode.

  Empty if it cannot be looked at.
  """
  try:
    if _is_remote(path):
      remote = tf.io.gfile.stat(path)
      return remote.length, remote.mtime_nsec
    local = os.stat(path)
    return local.st_size, local.st_mtime_ns, local.st_ino
  except (OSError, tf.errors.OpError):
    return ()


def sha256(path: str) -> str:
  """Returns the SHA-256 of a file as hexadecimal digits.

  Raises:
    errors.UserError: As `check_readable`.
    tf.errors.OpError: If there is none, or it cannot be read.
  """
  check_readable(path)
  digest = hashlib.sha256()
  with tf.io.gfile.GFile(path, "rb") as f:
    while chunk := f.read(_CHUNK_BYTES):
      digest.update(chunk)
  return digest.hexdigest()


def write_bytes(path: str, content: bytes) -> None:
  """Writes a file under a temporary name, then renames it."""
  temporary = _temporary(path)
  try:
    with tf.io.gfile.GFile(temporary, "wb") as f:
      f.write(content)
    tf.io.gfile.rename(temporary, path, overwrite=True)
  except BaseException:
    if tf.io.gfile.exists(temporary):
      tf.io.gfile.remove(temporary)
    raise


@contextlib.contextmanager
def new_folder(folder: str, manifest: str) -> Iterator[str]:
  """Gives an empty temporary folder, which then takes a folder's name.

  What is written there is removed if filling it fails. The caller writes the
  manifest afterwards, which makes the folder complete.

  Args:
    folder: The name; what has it is removed, once the new one is filled. Where
      it is a link, the folder that it leads to is replaced, and the link stays.
    manifest: Name of the file that makes a folder complete.

  Yields:
    The place, which does not exist yet.
  """
  folder = resolve(folder)
  temporary = _temporary(folder)
  try:
    yield temporary
    remove_folder(folder, manifest)
    tf.io.gfile.rename(temporary, folder)
  except BaseException:
    remove_folder(temporary, manifest)
    raise


def remove_folder(folder: str, manifest: str) -> None:
  """Removes a folder if it is there, its manifest first; see `remove_tree`."""
  path = tf.io.gfile.join(folder, manifest)
  if tf.io.gfile.exists(path) and not os.path.islink(folder):
    tf.io.gfile.remove(path)
  if tf.io.gfile.isdir(folder):
    remove_tree(folder)


def remove_tree(folder: str) -> None:
  """Removes a folder and everything below it, without following links.

  `tf.io.gfile.rmtree` would go through links, and empty what they lead to.
  """
  if _is_remote(folder):
    tf.io.gfile.rmtree(folder)
  elif os.path.islink(folder):
    os.unlink(folder)
  else:
    shutil.rmtree(folder)


def resolve(path: str) -> str:
  """Returns a path without links, so that a rename does not replace a link."""
  return path if _is_remote(path) else os.path.realpath(path)


def below(folder: str) -> Iterator[str]:
  """Yields the files, links and empty folders below a folder.

  Args:
    folder: Links in it are not followed.

  Yields:
    Paths from the folder, in order; after that of an empty folder "/", and
    after that of a link " (a link)".
  """
  for name in sorted(tf.io.gfile.listdir(folder)):
    name = name.rstrip("/")
    path = tf.io.gfile.join(folder, name)
    if os.path.islink(path):
      yield f"{name} (a link)"
    elif tf.io.gfile.isdir(path):
      inside = [f"{name}/{inner}" for inner in below(path)]
      yield from inside or [f"{name}/"]
    else:
      yield name


def _is_remote(path: str) -> bool:
  """Whether a path is an object store's, which has no links."""
  return "://" in path


def _temporary(path: str) -> str:
  """Returns a unique name beside a file or folder."""
  return f"{path}.{os.getpid()}-{uuid.uuid4().hex[:8]}.tmp"


def write_json(path: str, value: Any) -> None:
  """Writes an indented JSON file, whole or not at all."""
  write_bytes(path, (json.dumps(value, indent=2) + "\n").encode())
