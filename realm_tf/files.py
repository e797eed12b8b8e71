"""Files that others read: written whole or not at all."""

import gzip
import json
import os
import uuid
from typing import Any

import tensorflow as tf


def read_text(path: str) -> str:
  """Returns a file's text, UTF-8; gunzipped if its name ends in .gz."""
  with tf.io.gfile.GFile(path, "rb") as f:
    content = f.read()
  if path.endswith(".gz"):
    content = gzip.decompress(content)
  return content.decode("utf-8")


def read_json(path: str) -> Any:
  """Returns a JSON file's value; a ValueError if it is damaged."""
  return json.loads(read_text(path))


def write_bytes(path: str, content: bytes) -> None:
  """Writes a file under a name of its own, then renames it."""
  temporary = f"{path}.{os.getpid()}-{uuid.uuid4().hex[:8]}.tmp"
  try:
    with tf.io.gfile.GFile(temporary, "wb") as f:
      f.write(content)
    tf.io.gfile.rename(temporary, path, overwrite=True)
  except BaseException:
    if tf.io.gfile.exists(temporary):
      tf.io.gfile.remove(temporary)
    raise


def write_json(path: str, value: Any) -> None:
  """Writes a JSON file, readable by people, whole or not at all."""
  write_bytes(path, (json.dumps(value, indent=2) + "\n").encode())
