"""The inputs of a refresh, and the plan of a version."""

import dataclasses
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from realm_tf.data.corpus import corpora
from realm_tf.index.build import claims
from realm_tf.index.build import embedding_reuse
from realm_tf.index.build import refresh_config
from realm_tf.index.build import version_bytes
from realm_tf.index.search import searcher_settings
from realm_tf.index.versions import index_store
from realm_tf.index.versions import index_version
from realm_tf.runs import exports

Report = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class RefreshContext:
  """The inputs of a refresh, the same for every version.

  Attributes:
    store: Of the run's versions.
    corpus: The corpus to embed.
    config: How to embed and search it.
    report: Prints a line.
    num_threads: Threads of an operation; 0 for all cores.
    should_stop: Whether the run has died, so that no version is needed; asked
      before each shard.
    takeover_secs: How long another worker may show no sign of life before its
      shard is embedded here, too.
    tpu: What embeds: a TPU's name or address, or "local"; empty for the GPUs
      that are there, else the CPU.
    reuse: An older version's embeddings by the same embedder; None to embed
      all.
  """

  store: index_store.IndexStore
  corpus: corpora.Corpus
  config: refresh_config.RefreshConfig
  report: Report
  num_threads: int = 0
  should_stop: Callable[[], bool] = lambda: False
  takeover_secs: float = claims.TAKEOVER_SECS
  tpu: str = ""
  reuse: embedding_reuse.Reuse | None = None


@dataclasses.dataclass(frozen=True)
class VersionPlan:
  """The plan of a version to build.

  Attributes:
    folder: Where to write it.
    export: The embedder's export.
    fingerprint: Of the corpus.
    num_shards: Of the corpus.
    rows: Passages of the corpus.
    dtype: Of the stored embeddings.
    settings: Of the searcher.
    pooled_size: Dimension of what a frozen encoder gives; 0 if it is trained.
  """

  folder: str
  export: exports.EmbedderExport
  fingerprint: str
  num_shards: int
  rows: int
  dtype: str
  settings: searcher_settings.SearcherSettings
  pooled_size: int = 0

  @classmethod
  def of(
    cls, context: RefreshContext, export: exports.EmbedderExport
  ) -> "VersionPlan":
    """Plans the version of an export."""
    corpus, config = context.corpus, context.config
    return cls(
      folder=context.store.path(export.step),
      export=export,
      fingerprint=corpus.fingerprint,
      num_shards=len(corpus.shard_paths),
      rows=corpus.num_passages,
      dtype=config.index.index_dtype,
      settings=searcher_settings.choose_settings(
        corpus.num_passages, config.index, config.num_candidates
      ),
      pooled_size=config.pooled_size,
    )

  @property
  def step(self) -> int:
    """The trainer's step that the embedder is of."""
    return self.export.step

  @property
  def bytes(self) -> version_bytes.VersionBytes:
    """What the version takes, on disk and in memory."""
    return version_bytes.VersionBytes(
      self.rows,
      self.export.dim,
      np.dtype(self.dtype).itemsize,
      self.settings.exact,
      self.settings.library == searcher_settings.TENSORFLOW,
      self.pooled_size,
    )

  @property
  def vectors_path(self) -> str:
    """The file of all vectors, which is there while the searcher is built."""
    return os.path.join(self.folder, ".vectors.tmp")

  @property
  def order_path(self) -> str:
    """The file with the inputs of the build in progress."""
    return os.path.join(self.folder, ".order.json")

  def order(self) -> dict[str, Any]:
    """Returns the inputs of the build, which all its processes must share.

    The export may be replaced, by a run that was killed and resumed: what was
    begun with the old one is then useless. The rest must not change.
    """
    return {
      "export_id": self.export.export_id,
      "corpus_fingerprint": self.fingerprint,
      "num_shards": self.num_shards,
      "dim": self.export.dim,
      "dtype": self.dtype,
    }

  def is_under_way(self) -> bool:
    """Returns whether the unfinished folder is of this plan's export."""
    return exports.id_of(self.order_path) == self.export.export_id

  def shard_path(self, shard: int) -> str:
    """Returns the file of a corpus shard's embeddings."""
    return os.path.join(
      self.folder, index_version.shard_name(shard, self.num_shards)
    )
