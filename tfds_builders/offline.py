"""Keeps TFDS from waiting for networks that are not there."""

import contextlib
from collections.abc import Iterator
from typing import Any

from tensorflow_datasets.core.download import downloader
from tensorflow_datasets.core.utils import gcs_utils

# Ten retries, TFDS's own number, take more than three minutes to give up.
RETRIES = 2


@contextlib.contextmanager
def without_buckets() -> Iterator[None]:
  """Within it, TFDS asks no cloud bucket for prepared datasets.

  The buckets know nothing of these datasets, and without a network each
  question takes minutes. TFDS has no public switch for its metadata.
  """
  with _replaced(gcs_utils, "_is_gcs_disabled", True):
    yield


@contextlib.contextmanager
def few_retries() -> Iterator[None]:
  """Within it, TFDS gives a download up after seconds."""
  with _replaced(downloader, "MAX_RETRIES", RETRIES):
    yield


@contextlib.contextmanager
def _replaced(module: Any, name: str, value: Any) -> Iterator[None]:
  """Replaces a private attribute, where this version of TFDS has it."""
  if not hasattr(module, name):
    yield
    return
  before = getattr(module, name)
  setattr(module, name, value)
  try:
    yield
  finally:
    setattr(module, name, before)
