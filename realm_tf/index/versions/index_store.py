"""The index versions of a run: lists, locks and prunes them.

Only the refresher writes and deletes versions; a reader announces what it
uses by a file in a folder of its own, and deletes nothing.
"""

import contextlib
import dataclasses
import logging
import os
import shutil
from collections.abc import Collection
from collections.abc import Iterator

import tensorflow as tf

from realm_tf import errors
from realm_tf import files
from realm_tf.index.versions import index_version
from realm_tf.runs import exports
from realm_tf.runs import locks
from realm_tf.runs import run_folder

_log = logging.getLogger(__name__)

KEEP = 3
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

  def __init__(self, model_dir: str, run_dir: str = ""):
    """Takes the run's folder; reads and writes nothing.

    Args:
      model_dir: Has the folder `index`.
      run_dir: Has the exports that made the versions, if it is another folder.
    """
    self._run_dir = run_dir or model_dir
    folder = run_folder.RunFolder(model_dir)
    self.folder = folder.index
    self._leases = folder.index_in_use

  @property
  def pooled_folder(self) -> str:
    """What frozen encoders make of passages; see `pooled_passages`."""
    return os.path.join(self.folder, "pooled")

  def versions(self) -> list[int]:
    """Returns the steps of the published versions, ascending."""
    return exports.published_steps(self.folder, index_version.MANIFEST)

  def latest(self) -> int | None:
    """Returns the step of the newest usable version; None if there is none."""
    return max(filter(self.is_usable, self.versions()), default=None)

  def is_usable(self, step: int) -> bool:
    """Returns whether a version is published and its export still exists.

    Queries are embedded by the export that made the version. A run that was
    killed and resumed exports again what it had exported; what was made of
    the old export is then no longer usable.
    """
    manifest = os.path.join(self.path(step), index_version.MANIFEST)
    export = os.path.join(exports.path(self._run_dir, step), exports.MANIFEST)
    made_by = exports.id_of(manifest)
    return made_by is not None and made_by == exports.id_of(export)

  def path(self, step: int) -> str:
    """Returns a version's folder."""
    return os.path.join(self.folder, str(step))

  def rows_embedded(self, step: int) -> int:
    """Returns how many passages have been embedded for a version so far.

    Args:
      step: The version, published or under way.
    """
    folder, rows = self.path(step), 0
    # It may be withdrawn just now, to be built anew.
    with contextlib.suppress(FileNotFoundError):
      for name in filter(index_version.is_shard, os.listdir(folder)):
        with contextlib.suppress(errors.UserError):
          path = os.path.join(folder, name)
          rows += len(index_version.read_embeddings(path))
    return rows

  def open(
    self, step: int, fingerprint: str, num_rows: int, *, verify: bool = False
  ) -> index_version.IndexVersion:
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
    manifest = index_version.IndexManifest.read(
      os.path.join(path, index_version.MANIFEST)
    )
    version = index_version.IndexVersion(path, manifest)
    version.check(fingerprint, num_rows)
    if verify:
      version.verify()
    return version

  def adopt(
    self, version: index_version.IndexVersion, step: int, export_id: str
  ) -> None:
    """Publishes a copy of another run's version.

    Args:
      version: What to copy.
      step: What it is called here.
      export_id: Of this run's export of the same weights.
    """
    folder = self.path(step)
    tf.io.gfile.makedirs(self.folder)
    with files.new_folder(folder, index_version.MANIFEST) as new:
      for name in version.manifest.files:
        path = os.path.join(new, name)
        tf.io.gfile.makedirs(os.path.dirname(path))
        tf.io.gfile.copy(os.path.join(version.path, name), path)
    manifest = dataclasses.replace(
      version.manifest, step=step, export_id=export_id
    )
    files.write_json(
      os.path.join(folder, index_version.MANIFEST), manifest.to_json()
    )

  def announce(
    self, reader: str, steps: Collection[int], *, of: str = ""
  ) -> None:
    """Announces the versions that a reader needs, so that they are kept.

    Announce first, then open. The announcement outlives the reader: a trainer
    that is resumed finds the version its checkpoint names.

    Args:
      reader: Names the reader within the run, such as "trainer"; its last
        announcement holds.
      steps: The versions in use, and those that kept checkpoints name.
      of: The reader's folder, for messages, if it is not of this run.
    """
    tf.io.gfile.makedirs(self._leases)
    files.write_json(
      os.path.join(self._leases, f"{reader}.json"),
      {"steps": sorted(steps), "pid": os.getpid(), "reader": of},
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
    """Returns the lock that the builders and loaders of a version share."""
    path = os.path.join(self.lock_folder(step), "active")
    return locks.FileLock(path, shared=shared)

  def is_held(self, step: int) -> bool:
    """Returns whether some process builds or loads a version now."""
    return locks.is_held(self.active_lock(step, shared=True).path)

  @contextlib.contextmanager
  def loading(self, step: int) -> Iterator[None]:
    """Keeps a version and its export from being deleted while it is loaded.

    For readers that load it once into memory; a reader that comes back for it
    announces it.
    """
    if "://" in self.folder:  # Refreshers need locks, too: none is there.
      yield
      return
    lock = self.active_lock(step, shared=True)
    try:
      lock.acquire()
    except OSError as e:  # A colleague's run may be read only.
      _log.warning(
        f"{self.path(step)} is not kept from being pruned while it is "
        f"loaded, as nothing can be written there: {e.strerror}"
      )
    try:
      yield
    finally:
      lock.release()

  def prune(self, keep: int = KEEP, in_use: Collection[int] = ()) -> list[int]:
    """Deletes old versions, and unfinished ones that a newer one has replaced.

    Args:
      keep: How many of the newest versions stay.
      in_use: Versions that stay, besides those announced.

    Returns:
      The versions deleted.
    """
    deleted = []
    for step in self._needless(keep, in_use):
      lock = self.active_lock(step, shared=False)
      if not lock.acquire(blocking=False):
        continue  # Someone builds or loads it.
      try:
        # It may have been announced, or deleted, in between.
        if step in self._needless(keep, in_use):
          self._delete(step)
          deleted.append(step)
      finally:
        lock.release()
    return deleted

  def withdraw(self, step: int) -> None:
    """Deletes a version before it is built anew.

    The caller must hold the lock to publish it.
    """
    files.remove_folder(self.path(step), index_version.MANIFEST)

  def _needless(self, keep: int, in_use: Collection[int]) -> list[int]:
    """Returns the folders that are older than the newest and not needed."""
    usable = [step for step in self.versions() if self.is_usable(step)]
    staying = {*usable[-keep:], *in_use, *self.in_use()}
    newest = max(usable, default=0)
    return [s for s in self._folders() if s < newest and s not in staying]

  def _folders(self) -> list[int]:
    if not os.path.isdir(self.folder):
      return []
    return sorted(int(n) for n in os.listdir(self.folder) if n.isdecimal())

  def _delete(self, step: int) -> None:
    """Deletes a version, so that no reader ever sees half of it."""
    files.remove_folder(self.path(step), index_version.MANIFEST)
    shutil.rmtree(self.lock_folder(step), ignore_errors=True)


def store_of_corpus(model_dir: str, fingerprint: str) -> IndexStore:
  """Returns where a run keeps its index of a corpus that is not its own.

  Args:
    model_dir: The run whose index was brought up to date, or an imported
      encoder.
    fingerprint: Of the edited corpus, or of any that the encoder embeds.
  """
  name = fingerprint[:_FINGERPRINT_DIGITS]
  folder = run_folder.RunFolder(model_dir).of_corpus(name)
  return IndexStore(folder, run_dir=model_dir)


def find_store(
  model_dir: str, fingerprint: str, step: int | None = None
) -> IndexStore:
  """Returns where a run has its index of a corpus.

  Args:
    model_dir: The run.
    fingerprint: Of its corpus, or of one that `edit_corpus` made of it.
    step: The version wanted; None for any.

  Returns:
    The store of that very corpus if it has the version, else the run's own:
    opening a version there tells whether it is of the corpus.
  """
  store = store_of_corpus(model_dir, fingerprint)
  versions = store.versions()
  wanted = versions if step is None else [step]
  return store if set(wanted) & set(versions) else IndexStore(model_dir)
