"""The versions of the index under a run's folder: which there are, which stay.

Only the refresher writes and deletes versions; a reader announces what it
uses by a file in a folder of its own, and deletes nothing.
"""

import os
import shutil
from collections.abc import Collection

import tensorflow as tf

from realm_tf import files
from realm_tf.index import exports
from realm_tf.index import locks
from realm_tf.index import version as version_lib

KEEP = 3
_EDITED_CORPORA = "corpora"
_FINGERPRINT_DIGITS = 16


class IndexStore:
  """The index versions of one run.

  Example:
    store = IndexStore("runs/realm")
    store.announce("trainer", [store.latest()])
    version = store.open(
      store.latest(), corpus.fingerprint, corpus.num_passages
    )
    searcher = version.load_searcher()
  """

  def __init__(self, model_dir: str):
    """Names the run; nothing is read or written."""
    self.folder = os.path.join(model_dir, "index")
    self._leases = os.path.join(model_dir, "index_in_use")

  def versions(self) -> list[int]:
    """Returns the steps of the published versions, ascending."""
    return exports.published_steps(self.folder, version_lib.MANIFEST)

  def latest(self) -> int | None:
    """Returns the newest version's step; None if there is no version."""
    return max(self.versions(), default=None)

  def is_published(self, step: int) -> bool:
    """Returns whether a version is there, whole."""
    return tf.io.gfile.exists(
      os.path.join(self.path(step), version_lib.MANIFEST)
    )

  def path(self, step: int) -> str:
    """Returns a version's folder."""
    return os.path.join(self.folder, str(step))

  def open(
    self, step: int, fingerprint: str, num_rows: int, *, verify: bool = False
  ) -> version_lib.IndexVersion:
    """Opens a version and checks that it is of a corpus.

    Args:
      step: Which version.
      fingerprint: Of the corpus.
      num_rows: Passages of the corpus.
      verify: Whether to compare the sums of all files too.

    Raises:
      errors.UserError: If there is none, it is of another corpus, or damaged.
    """
    path = self.path(step)
    manifest = version_lib.IndexManifest.read(
      os.path.join(path, version_lib.MANIFEST)
    )
    version = version_lib.IndexVersion(path, manifest)
    version.check(fingerprint, num_rows)
    if verify:
      version.verify()
    return version

  def announce(self, reader: str, steps: Collection[int]) -> None:
    """Says which versions a reader needs, so that they are not deleted.

    Announce first, then open. The announcement outlives the reader: a trainer
    that is resumed finds the version its checkpoint names.

    Args:
      reader: Names the reader within the run, such as "trainer"; its last
        announcement holds.
      steps: The versions in use, and those that kept checkpoints name.
    """
    tf.io.gfile.makedirs(self._leases)
    files.write_json(
      os.path.join(self._leases, f"{reader}.json"),
      {"steps": sorted(steps), "pid": os.getpid()},
    )

  def in_use(self) -> set[int]:
    """Returns the versions that readers have announced."""
    if not tf.io.gfile.isdir(self._leases):
      return set()
    return {
      step
      for name in tf.io.gfile.listdir(self._leases)
      if name.endswith(".json")
      for step in files.read_json(os.path.join(self._leases, name))["steps"]
    }

  def lock_folder(self, step: int) -> str:
    """Returns where the refreshers of a version keep their locks."""
    return os.path.join(self.folder, ".locks", str(step))

  def active_lock(self, step: int, *, shared: bool) -> locks.FileLock:
    """Returns the lock that a version's builders share while they build."""
    path = os.path.join(self.lock_folder(step), "active")
    return locks.FileLock(path, shared=shared)

  def prune(self, keep: int = KEEP, in_use: Collection[int] = ()) -> list[int]:
    """Deletes old versions, and what was begun and then overtaken.

    Args:
      keep: How many of the newest versions stay.
      in_use: Versions that stay, besides those announced.

    Returns:
      The versions deleted.
    """
    published = self.versions()
    staying = {*published[-keep:], *in_use, *self.in_use()}
    newest = max(published, default=0)
    deleted = []
    for step in self._folders():
      overtaken = step not in published and step < newest
      if step in staying or (step not in published and not overtaken):
        continue
      lock = self.active_lock(step, shared=False)
      if not lock.acquire(blocking=False):
        continue  # Someone builds it.
      try:
        self._delete(step)
        deleted.append(step)
      finally:
        lock.release()
    return deleted

  def _folders(self) -> list[int]:
    if not os.path.isdir(self.folder):
      return []
    return sorted(int(n) for n in os.listdir(self.folder) if n.isdecimal())

  def _delete(self, step: int) -> None:
    """Deletes a version, so that no reader ever sees half of it."""
    manifest = os.path.join(self.path(step), version_lib.MANIFEST)
    if os.path.exists(manifest):
      os.remove(manifest)
    shutil.rmtree(self.path(step))
    shutil.rmtree(self.lock_folder(step), ignore_errors=True)


def store_of_edited(model_dir: str, fingerprint: str) -> IndexStore:
  """Returns where a run keeps its index of an edited corpus.

  Args:
    model_dir: The run whose index was brought up to date.
    fingerprint: Of the edited corpus.
  """
  name = fingerprint[:_FINGERPRINT_DIGITS]
  return IndexStore(os.path.join(model_dir, _EDITED_CORPORA, name))


def find_store(
  model_dir: str, fingerprint: str, step: int | None = None
) -> IndexStore:
  """Returns where a run has its index of a corpus.

  Args:
    model_dir: The run.
    fingerprint: Of its corpus, or of one that `edit_corpus` made of it.
    step: The version wanted; None for any.

  Returns:
    The store of the edited corpus if it has the version, else the run's own:
    opening a version there tells whether it is of the corpus.
  """
  edited = store_of_edited(model_dir, fingerprint)
  versions = edited.versions()
  wanted = versions if step is None else [step]
  return edited if set(wanted) & set(versions) else IndexStore(model_dir)
