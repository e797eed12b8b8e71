"""Publishes a version of the index from the embeddings of all shards."""

import contextlib
import gc
import os
import shutil
import time
from collections.abc import Iterator
from collections.abc import Sequence

import numpy as np

from realm_tf import errors
from realm_tf import files
from realm_tf.index.build import disk
from realm_tf.index.build import embedding_engine
from realm_tf.index.build import mapped_vectors
from realm_tf.index.build import refresh_plan
from realm_tf.index.search import search_recall
from realm_tf.index.search import searchers
from realm_tf.index.versions import index_store
from realm_tf.index.versions import index_version
from realm_tf.runs import locks

_RECALL_QUERIES = 256
_RECALL_SHARDS = 4
_LOW_RECALL = 0.9


def publish_lock(store: index_store.IndexStore, step: int) -> locks.FileLock:
  """Returns the lock that the publisher of a version holds."""
  return locks.FileLock(os.path.join(store.lock_folder(step), "publish"))


def publish(
  context: refresh_plan.RefreshContext,
  plan: refresh_plan.VersionPlan,
  embed_secs: float,
) -> index_version.IndexVersion | None:
  """Builds the searcher and writes the manifest, unless another process did.

  Args:
    context: The refresh.
    plan: The version; the embeddings of all its shards are there.
    embed_secs: How long embedding took, to report.

  Returns:
    The version; None if another process published it, or builds it anew.

  Raises:
    errors.UserError: If the disk is full, or an embeddings file is damaged.
  """
  with publish_lock(context.store, plan.step):
    if context.store.is_usable(plan.step) or not plan.is_under_way():
      return None
    started = time.monotonic()
    _remove_leftovers(plan)
    embeddings = _open_embeddings(plan)
    searcher_path = os.path.join(plan.folder, index_version.SEARCHER_FOLDER)
    with _undone_if_it_fails(searcher_path):
      disk.check_free(plan.folder, plan.bytes.searcher)
      with disk.reported(plan.folder, plan.bytes.needed):
        manifest = _build_and_save(context, plan, embeddings, searcher_path)
        files.write_json(
          os.path.join(plan.folder, index_version.MANIFEST), manifest.to_json()
        )
    seconds = time.monotonic() - started
  size = sum(
    os.path.getsize(os.path.join(plan.folder, name)) for name in manifest.files
  )
  context.report(
    f"index {plan.step} published: {plan.rows} passages, embedded in "
    f"{embed_secs:.1f} s by {manifest.engine}; searcher "
    f"({plan.settings.describe()}) built and "
    f"measured in {seconds:.1f} s; recall@{manifest.recall_k} "
    f"{manifest.recall:.3f}; {size / 1e6:.1f} MB at {plan.folder}"
  )
  if manifest.recall < _LOW_RECALL:
    context.report(
      f"warning: the searcher misses {1 - manifest.recall:.0%} of the best "
      f"{manifest.recall_k}. Raise `reordering_candidates` first, then "
      "`leaves_to_search`; an embedder that is hardly trained, whose vectors "
      "are nearly equal, is hard to search too."
    )
  return index_version.IndexVersion(plan.folder, manifest)


def recall_queries(
  context: refresh_plan.RefreshContext,
  plan: refresh_plan.VersionPlan,
  embeddings: Sequence[np.ndarray],
) -> np.ndarray:
  """Returns embeddings to measure recall with: <float32>[queries, dim].

  For a tree, runs of wordpieces from sampled passages, embedded as queries:
  they lie where real queries lie, not where passages do, on which a tree
  looks better than it is. An exact searcher needs no such care and is asked
  for sampled passages, which costs nothing.

  Args:
    context: The refresh.
    plan: The version.
    embeddings: <floating>[n, dim] of each corpus shard.
  """
  rng = np.random.default_rng(plan.step)
  if plan.settings.exact:
    rows = rng.choice(plan.rows, min(_RECALL_QUERIES, plan.rows), replace=False)
    return search_recall.gather_rows(embeddings, np.sort(rows))
  token_ids = _sample_queries(context, rng)
  # Where this process computes: a TPU is not set up for a few queries.
  engine = embedding_engine.make(
    plan.export.path, "query", batch_size=_RECALL_QUERIES
  )
  return np.concatenate(list(engine.embed([token_ids])))


def _build_and_save(
  context: refresh_plan.RefreshContext,
  plan: refresh_plan.VersionPlan,
  embeddings: Sequence[np.ndarray],
  searcher_path: str,
) -> index_version.IndexManifest:
  """Writes the searcher; returns the manifest, still unwritten.

  What takes memory comes one after the other: the embedder of the queries, the
  searcher, its tensors as they are written.
  """
  k = min(context.config.num_candidates, plan.rows)
  queries = recall_queries(context, plan, embeddings)
  gc.collect()  # The embedder's graph and session are circles.
  with mapped_vectors.mapped(embeddings, plan.vectors_path) as vectors:
    searcher = searchers.build_searcher(vectors, plan.settings, k)
    del vectors
  found = search_recall.measure_recall(searcher, embeddings, queries, k)
  searcher.save(searcher_path)
  if os.path.exists(plan.order_path):
    os.remove(plan.order_path)
  return index_version.IndexManifest(
    step=plan.step,
    corpus_fingerprint=plan.fingerprint,
    rows=plan.rows,
    dim=plan.export.dim,
    dtype=plan.dtype,
    files=index_version.sums_below(plan.folder),
    searcher=plan.settings,
    recall=found,
    recall_k=k,
    created_unix_secs=int(time.time()),
    export_id=plan.export.export_id,
    engine=embedding_engine.name(context.tpu),
  )


def _sample_queries(
  context: refresh_plan.RefreshContext, rng: np.random.Generator
) -> np.ndarray:
  """Returns `[CLS] run of a passage [SEP]`, <int32>[queries, query_length]."""
  corpus, length = context.corpus, context.config.query_length
  num_shards = len(corpus.shard_paths)
  shards = rng.choice(num_shards, min(_RECALL_SHARDS, num_shards), False)
  tables = [corpus.load_shard(shard).body_ids for shard in shards]
  places = [(table, row) for table in tables for row in range(len(table))]
  count = min(_RECALL_QUERIES, len(places))
  queries = np.full([count, length], corpus.tokenizer.pad_id, np.int32)
  for query, place in zip(
    queries, rng.choice(len(places), count, replace=False), strict=True
  ):
    table, row = places[place]
    body = table.row(row)
    run_length = min(len(body), length // 2)
    start = rng.integers(len(body) - run_length + 1)
    query[0] = corpus.tokenizer.cls_id
    query[1 : run_length + 1] = body[start : start + run_length]
    query[run_length + 1] = corpus.tokenizer.sep_id
  return queries


def _remove_leftovers(plan: refresh_plan.VersionPlan) -> None:
  """Removes what killed processes have left; call it under the lock."""
  expected = {plan.shard_path(shard) for shard in range(plan.num_shards)}
  for name in os.listdir(plan.folder):
    path = os.path.join(plan.folder, name)
    if os.path.isdir(path):
      shutil.rmtree(path)
    elif path not in expected and path != plan.order_path:
      os.remove(path)


def _open_embeddings(plan: refresh_plan.VersionPlan) -> Sequence[np.ndarray]:
  """Finds the shards' embeddings, which must add up to the corpus."""
  parts = index_version.MappedShards(
    [plan.shard_path(shard) for shard in range(plan.num_shards)]
  )
  rows = sum(len(part) for part in parts)
  if rows != plan.rows:
    raise errors.UserError(
      f"{plan.folder} holds {rows} embeddings for {plan.rows} passages. "
      "Remove the folder; the command that made it builds it again."
    )
  return parts


@contextlib.contextmanager
def _undone_if_it_fails(folder: str) -> Iterator[None]:
  try:
    yield
  except BaseException:
    shutil.rmtree(folder, ignore_errors=True)
    raise
