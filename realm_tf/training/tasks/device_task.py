"""`pretrain --retrieval=device`: the training step itself retrieves."""

from collections.abc import Callable
from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from realm_tf import devices
from realm_tf.answering.retrievers import dense
from realm_tf.answering.retrievers import retriever
from realm_tf.checkpoints.formats import own_run
from realm_tf.configs import schema
from realm_tf.data.corpus import passage_table
from realm_tf.data.examples import masked_queries
from realm_tf.data.examples import passage_records
from realm_tf.data.examples import realm_examples
from realm_tf.data.sentences import annotated_corpus
from realm_tf.index.device import device_index
from realm_tf.index.device import inline_refresh
from realm_tf.index.device import share_layout
from realm_tf.index.device import share_loading
from realm_tf.text import wordpiece
from realm_tf.training import base_task
from realm_tf.training.tasks import pipelines
from realm_tf.training.tasks import realm_task


class DeviceVersion(NamedTuple):
  """One index version, read into the host's memory.

  Attributes:
    version: The step of its embedder.
    shares: <dtype>[rows, D] of each replica.
    weights: The weights of its embedder, as a checkpoint's prefix.
  """

  version: int
  shares: Sequence[np.ndarray]
  weights: str


def with_candidates(
  features: base_task.Features,
  queries: tf.Tensor,
  index: device_index.DeviceIndex,
  record_format: passage_records.RecordFormat,
  count: int,
) -> dict[str, tf.Tensor]:
  """Retrieves and packs; to be called by all replicas, in `strategy.run`.

  Args:
    features: A replica's queries: `masked_token_ids` <int32>[b, query_length]
      and `source_keys` <int32>[b], among others.
    queries: <float32>[b, D]. Their embeddings.
    index: Where to search.
    record_format: Of its passages.
    count: Candidates a query, the null passage included.

  Returns:
    The features, with those that `RealmModel` reads of candidates.
  """
  rows, mask, records = index.candidates(
    queries, features["source_keys"], count
  )
  passages = record_format.decode(records)
  joint_token_ids, joint_segment_ids = record_format.joined(
    features["masked_token_ids"], passages
  )
  return {
    **features,
    "passage_token_ids": passages.token_ids,
    "joint_token_ids": joint_token_ids,
    "joint_segment_ids": joint_segment_ids,
    "candidate_rows": rows,
    "candidate_mask": mask,
  }


class DeviceRealmTask(realm_task.MaskedSentenceTask):
  """Retrieves on the replicas, which hold the index and the passages.

  The pipelines mask sentences and do nothing else: a new version changes
  variables of the replicas alone.

  Attributes:
    index: The index and the passages in the replicas' memory.
    share_bytes: The memory that they take on each device.
    inline_refresh: Embeds the passages on the replicas.
  """

  def __init__(
    self,
    config: schema.RealmConfig,
    tokenizer: wordpiece.Tokenizer,
    sentences: annotated_corpus.AnnotatedCorpus,
    passages: passage_table.PassageTable,
    *,
    refreshes_inline: bool = False,
  ):
    """Spreads the passages; see base class.

    Args:
      config: The settings.
      tokenizer: Of the knowledge corpus.
      sentences: The pre-training corpus X.
      passages: The knowledge corpus Z.
      refreshes_inline: Whether each training step embeds some passages; the
        weights of the step then embed queries, too.
    """
    super().__init__(config, tokenizer, sentences)
    self._strategy = strategy = tf.distribute.get_strategy()
    self._replicas = strategy.num_replicas_in_sync
    self._format = passage_records.RecordFormat(
      config.passage_length, tokenizer
    )
    dtype = tf.as_dtype(config.device_vectors)
    layout = share_layout.ShareLayout.of(
      len(passages),
      self._replicas,
      config.retrieved_batch_size,
      on_cpu=devices.is_cpu(strategy),
    )
    self.share_bytes = share_layout.ShareBytes.of(
      layout,
      config.embedding_size,
      dtype.size,
      self._format.width,
      config.retrieved_batch_size,
    )
    self.index = device_index.DeviceIndex(
      layout,
      config.embedding_size,
      dtype,
      self._format.null,
      device_index.SearchSettings(
        config.device_top_k == "exact", config.device_recall_target
      ),
    )
    # Passages of the same text have one key, by which their source is known.
    uids, keys = np.unique(passages.uids, return_inverse=True)
    rows = [layout.rows_of(replica) for replica in range(self._replicas)]
    self.index.load_passages(
      (self._format.encode(passages, *limits) for limits in rows),
      (keys[first:limit].astype(np.int32) for first, limit in rows),
    )
    with tf.device("/cpu:0"):
      self._uids = tf.constant(uids)
    self._own_queries = refreshes_inline or config.device_queries == "step"
    self._embedder = self.retriever.query_embedder
    if not self._own_queries:
      # The index's own, which no step trains.
      self._embedder = type(self._embedder).from_config(
        self._embedder.get_config()
      )
      self._embedder.trainable = False
    self._refreshes_inline = refreshes_inline
    self.inline_refresh = inline_refresh.InlineRefresh(
      self.index, self._embed_passages, config.export_every_steps
    )
    self._dense = dense.DenseRetriever(
      self._on_replicas(self._embed),
      self._on_replicas(self._search),
      tokenizer,
      config.query_length,
    )

  @property
  def data_bytes(self) -> int:
    """See base class."""
    return int(tf.size(self._uids)) * self._uids.dtype.size

  @property
  def index_bytes(self) -> int:
    """Bytes of the host's memory that an index takes until devices have it.

    Where the CPU is the device, its shares are in that memory, too.
    """
    taken, total = self.share_bytes, self.share_bytes.vectors * self._replicas
    if not devices.is_cpu(self._strategy):
      return total
    return total + taken.total * self._replicas

  def read_version(
    self, version: int, embeddings: Sequence[np.ndarray], weights: str
  ) -> DeviceVersion:
    """Reads a version for `set_index`; any thread may.

    Args:
      version: The step of its embedder.
      embeddings: <floating>[n, D] of each corpus shard, in order.
      weights: The weights of its embedder, as a checkpoint's prefix.
    """
    shares = share_loading.read_shares(
      embeddings, self.index.layout, self.index.dtype
    )
    return DeviceVersion(version, shares, weights)

  def set_index(self, index: DeviceVersion) -> None:
    """Loads a version into the replicas, from the training's own thread."""
    self.index.load_vectors(index.shares)
    if not self._own_queries:
      with self._strategy.scope():
        own_run.restore(index.weights, query_embedder=self._embedder)

  def retrieve_texts(self, texts: Sequence[str], k: int) -> retriever.Retrieved:
    """See base class; all replicas search for the same texts."""
    return self._dense.retrieve(texts, k)

  def complete(
    self, features: base_task.Features, *, training: bool
  ) -> base_task.Features:
    """Embeds the queries, retrieves, and packs; see base class.

    Refreshed inline, the step's rows first: what is retrieved then is
    `inline_refresh.round_steps` - 1 steps old at most.
    """
    if training and self._refreshes_inline:
      self.inline_refresh.advance()
    config = self._config
    batch = config.retrieved_batch_size if training else config.batch_size
    batch //= self._replicas
    features = {
      name: tf.ensure_shape(value, [batch, *value.shape[1:]])
      for name, value in features.items()
    }
    queries = self._embed(features["query_token_ids"])
    found = with_candidates(
      features, queries, self.index, self._format, config.num_candidates
    )
    return self._choose(found) if training else found

  def train_pipeline(self, first_step: int) -> tf.data.Dataset:
    """See base class."""
    return pipelines.by_step(
      self._queries(self.source, self._noise),
      first_step,
      self._config.train_steps,
    )

  def train_pipeline_with(
    self, index: DeviceVersion, first_step: int
  ) -> tf.data.Dataset:
    """Returns the training batches from a step on, which no index changes."""
    del index
    return self.train_pipeline(first_step)

  def eval_pipeline(self) -> tf.data.Dataset:
    """See base class."""
    return pipelines.by_step(
      self._queries(self._heldout), 0, self._config.eval_batches
    )

  def _queries(
    self,
    source: masked_queries.MaskedQuerySource,
    noise: realm_examples.NoiseFunction | None = None,
  ) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """Returns a function from a step to its queries; pure TensorFlow."""

    def queries(step: tf.Tensor) -> dict[str, tf.Tensor]:
      batch = source(step)
      token_ids = batch.masked.token_ids
      return {
        "query_token_ids": noise(token_ids, step) if noise else token_ids,
        "masked_token_ids": token_ids,
        "source_keys": self._keys_of(batch.source_uids),
        "mask_positions": batch.masked.mask_positions,
        "targets": batch.masked.targets,
        "target_weights": batch.masked.target_weights,
      }

    return queries

  def _keys_of(self, uids: tf.Tensor) -> tf.Tensor:
    """Returns passages' keys by fingerprints, <int32>[n]; -1 for unknown."""
    places = tf.searchsorted(self._uids, uids)
    places = tf.minimum(places, tf.size(self._uids) - 1)
    is_known = tf.gather(self._uids, places) == uids
    return tf.where(is_known, places, -1)

  def _embed(self, token_ids: tf.Tensor) -> tf.Tensor:
    """Embeds queries: <int32>[b, query_length] to <float32>[b, D]."""
    return self._embedder(token_ids, training=False)

  def _embed_passages(self, records: tf.Tensor) -> tf.Tensor:
    """Embeds passages: <int32>[n, W] to <float32>[n, D]."""
    token_ids = self._format.decode(records).token_ids
    return self.retriever.passage_embedder(token_ids, training=False)

  def _search(self, queries: tf.Tensor, k: int) -> retriever.Found:
    """Searches for the embeddings of queries, as a retriever does."""
    scores, rows, _ = self.index.search(queries, k)
    found = rows < self.index.null_row
    return scores, tf.where(found, rows, -1), found

  def _on_replicas(self, function: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a function that all replicas compute alike, traced."""

    @tf.function(autograph=False)
    def run(*args: Any) -> Any:
      return devices.run_once(self._strategy, function, *args)

    return run
