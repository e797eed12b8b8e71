"""The searchers of TensorFlow's own ops: exact and partitioned."""

import json
import subprocess
import sys
from unittest import mock

import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from realm_tf.index.search import exact
from realm_tf.index.search import kmeans
from realm_tf.index.search import partition_table
from realm_tf.index.search import partitioned
from realm_tf.index.search import ranking
from realm_tf.index.search import search_recall
from tests import graph_ops

KINDS = ["exact", "partitioned"]
TOP_K_OF_UNKNOWN_SHAPE = tf.function(
  ranking.top_k,
  input_signature=[
    tf.TensorSpec([None, None], tf.float32),
    tf.TensorSpec([], tf.int32),
  ],
)


def variable(vectors):
  return tf.Variable(vectors, trainable=False)


def settings(num_partitions=1, rows_scored=1, rows_rescored=1):
  return partition_table.PartitionSettings(
    num_partitions, rows_scored, rows_rescored
  )


def build(kind, vectors):
  """A searcher that misses nothing: the partitioned one reads every row."""
  if kind == "exact":
    return exact.ExactSearcher(variable(vectors))
  rows = len(vectors)
  return partitioned.PartitionedSearcher.build(
    variable(vectors), settings(-(-rows // 5), rows, rows)
  )


def in_graph(searcher, dim):
  """A function of <float32>[None, dim] that finds five passages a query."""
  return tf.function(
    lambda queries: searcher.search(queries, 5),
    input_signature=[tf.TensorSpec([None, dim], tf.float32)],
  )


def check_invariants(vectors, queries, k, answer):
  """Checks all that holds for any searcher, however much it misses."""
  scores, rows, valid = (part.numpy() for part in answer)
  assert scores.shape == rows.shape == valid.shape == (len(queries), k)
  assert (scores.dtype, rows.dtype) == (np.float32, np.int32)
  np.testing.assert_array_equal(valid, rows >= 0)
  assert np.all(np.isneginf(scores[~valid])) and np.all(rows[~valid] == -1)
  assert np.all(scores[:, :-1] >= scores[:, 1:])
  for row, found in zip(rows, valid, strict=True):
    assert len(set(row[found])) == found.sum()
  products = queries @ vectors.astype(np.float32).T
  np.testing.assert_allclose(
    scores[valid],
    np.take_along_axis(products, np.maximum(rows, 0), axis=1)[valid],
    rtol=1e-5,
    atol=1e-5,
  )


def check_exact(vectors, queries, k, answer):
  check_invariants(vectors, queries, k, answer)
  products = queries @ vectors.astype(np.float32).T
  best = -np.sort(-products, axis=1)[:, :k]
  found = min(k, len(vectors))
  assert np.all(answer[2].numpy().sum(axis=1) == found)
  np.testing.assert_allclose(
    answer[0].numpy()[:, :found], best, rtol=1e-5, atol=1e-5
  )


# Few different numbers: zeros, duplicates and ties come often.
numbers = st.sampled_from([-2.0, -1.0, 0.0, 0.0, 0.25, 1.0, 3.0])


@st.composite
def problems(draw):
  """Vectors, queries, and the number of results wanted."""
  rows, dim = draw(st.integers(1, 70)), draw(st.integers(1, 5))
  dtype = draw(st.sampled_from([np.float16, np.float32]))
  batch = draw(st.sampled_from([0, 1, 4]))
  return (
    draw(hnp.arrays(dtype, (rows, dim), elements=numbers, fill=numbers)),
    draw(hnp.arrays(np.float32, (batch, dim), elements=numbers)),
    draw(st.sampled_from([1, 3, 80])),
  )


@pytest.mark.parametrize("block_rows", [1, 7, 1 << 16])
@hypothesis.given(problem=problems())
def test_exact_search_equals_sorting_all_products(block_rows, problem):
  vectors, queries, k = problem
  with mock.patch.multiple(
    exact, _LEAST_BLOCK_ROWS=block_rows, _MOST_BLOCK_ROWS=block_rows
  ):
    answer = build("exact", vectors).search(tf.constant(queries), k)
  check_exact(vectors, queries, k, answer)


@hypothesis.given(problem=problems())
def test_partitions_that_are_all_read_miss_nothing(problem):
  vectors, queries, k = problem
  answer = build("partitioned", vectors).search(tf.constant(queries), k)
  check_exact(vectors, queries, k, answer)


@hypothesis.given(
  problem=problems(),
  sizes=st.tuples(st.integers(1, 70), st.integers(1, 9), st.integers(1, 9)),
)
def test_partitions_that_are_read_in_part_give_true_scores(problem, sizes):
  vectors, queries, k = problem
  num_partitions, rows_scored, rows_rescored = sizes
  searcher = partitioned.PartitionedSearcher.build(
    variable(vectors),
    settings(min(num_partitions, len(vectors)), rows_scored, rows_rescored),
  )
  answer = searcher.search(tf.constant(queries), k)
  check_invariants(vectors, queries, k, answer)
  assert np.all(answer[2].numpy().any(axis=1))


@hypothesis.given(
  seed=st.integers(0, 1000),
  batch=st.integers(0, 3),
  columns=st.integers(1, 400),
  k=st.integers(1, 5),
)
def test_the_largest_are_those_of_top_k(seed, batch, columns, k):
  rng = np.random.default_rng(seed)
  scores = rng.normal(size=(batch, columns)).astype(np.float32)
  k = min(k, columns)
  for function in (ranking.top_k, TOP_K_OF_UNKNOWN_SHAPE):
    values, found = function(scores, k)
    want = tf.math.top_k(scores, k)
    np.testing.assert_array_equal(values, want.values)
    np.testing.assert_array_equal(found, want.indices)


def clustered(rows, dim, seed=0):
  """Vectors around centres, and queries near some of the vectors."""
  rng = np.random.default_rng(seed)
  centres = rng.normal(size=(rows // 20, dim))
  vectors = centres[rng.integers(0, len(centres), rows)]
  vectors = vectors + 0.5 * rng.normal(size=vectors.shape)
  queries = vectors[rng.integers(0, rows, 100)]
  queries = queries + 0.5 * rng.normal(size=queries.shape)
  return vectors.astype(np.float16), queries.astype(np.float32)


def test_the_settings_of_a_size_find_what_exact_search_finds():
  vectors, queries = clustered(rows=20_000, dim=32)
  chosen = partition_table.choose_settings(len(vectors))
  searcher = partitioned.PartitionedSearcher.build(variable(vectors))

  assert chosen.rows_scored < len(vectors) / 8
  assert search_recall.measure_recall(searcher, [vectors], queries, 5) >= 0.95


def test_a_wide_beam_is_found_though_few_rows_are_read():
  vectors, queries = clustered(rows=5_000, dim=16)
  searcher = partitioned.PartitionedSearcher.build(
    variable(vectors), settings(100, rows_scored=32, rows_rescored=10)
  )
  _, _, valid = searcher.search(tf.constant(queries[:4]), 1_000)
  assert valid.numpy().all()
  found = search_recall.measure_recall(searcher, [vectors], queries[:4], 1_000)
  assert found > 0.8


def test_vectors_of_all_lengths_are_ranked_by_their_codes():
  rng = np.random.default_rng(0)
  lengths = np.exp(rng.normal(size=(2_000, 1)))
  vectors = (lengths * rng.normal(size=(2_000, 16))).astype(np.float32)
  queries = rng.normal(size=(20, 16)).astype(np.float32)
  searcher = partitioned.PartitionedSearcher.build(
    variable(vectors), settings(1, rows_scored=2_000, rows_rescored=8)
  )
  assert search_recall.measure_recall(searcher, [vectors], queries, 5) >= 0.95


def test_small_partitions_that_fit_best_are_not_read_twice():
  rng = np.random.default_rng(0)
  crowd = 0.1 * rng.normal(size=(1_000, 8))
  alone = rng.normal(size=(30, 8))
  alone[:, 0] = 10  # ahead of the crowd
  vectors = np.concatenate([alone, crowd]).astype(np.float32)
  queries = rng.normal(size=(9, 8)).astype(np.float32)
  queries[:, 0] = 3
  with mock.patch.object(kmeans, "train_centroids", return_value=vectors[:31]):
    searcher = partitioned.PartitionedSearcher.build(
      variable(vectors), settings(31, rows_scored=160, rows_rescored=40)
    )
  answer = searcher.search(tf.constant(queries), 5)
  check_exact(vectors, queries, 5, answer)
  # Partitions of one vector each, in fewer blocks than might be read.
  check_invariants(vectors, queries, 40, searcher.search(queries, 40))


def test_settings_follow_the_size():
  assert partition_table.choose_settings(1) == settings(1, 2048, 50)
  assert partition_table.choose_settings(6_400) == settings(160, 2048, 50)
  assert partition_table.choose_settings(1_000_000) == settings(
    2_000, 15_000, 50
  )


def test_each_vector_has_one_slot_in_a_block_of_its_partition():
  vectors, _ = clustered(rows=1_000, dim=8)
  parts = partition_table.make_partitions(vectors, 40)

  filled = parts.rows >= 0
  np.testing.assert_array_equal(filled, parts.scales > 0)
  rows = parts.rows[filled]
  np.testing.assert_array_equal(np.sort(rows), np.arange(1_000))
  codes = parts.codes.reshape([-1, partition_table.BLOCK_ROWS, 8])[filled]
  scales = parts.scales[filled][:, np.newaxis]
  error = np.abs(codes * scales - vectors[rows].astype(np.float32))
  assert np.all(error <= 0.51 * scales)
  block_partitions = np.repeat(
    np.arange(len(parts.centroids)), np.diff(parts.block_splits)
  )
  assert len(block_partitions) == len(parts.codes)
  np.testing.assert_array_equal(
    np.repeat(block_partitions, filled.sum(axis=1)),
    kmeans.find_nearest(vectors, parts.centroids)[rows],
  )


def test_centroids_are_the_means_of_what_is_nearest():
  rng = np.random.default_rng(0)
  centres = 10 * rng.normal(size=(6, 4)).astype(np.float32)
  members = rng.integers(0, 6, 600)
  sample = centres[members] + rng.normal(size=(600, 4)).astype(np.float32)
  centroids = kmeans.train_centroids(sample, 20, iterations=30)
  nearest = kmeans.find_nearest(sample, centroids)
  distances = np.linalg.norm(sample[:, None] - centroids, axis=2)
  np.testing.assert_array_equal(nearest, distances.argmin(axis=1))
  for i in set(nearest):
    np.testing.assert_allclose(
      centroids[i], sample[nearest == i].mean(axis=0), atol=0.2
    )


def test_a_centroid_that_loses_its_vectors_is_drawn_anew():
  sample = np.repeat([[5.0, 5.0], [9.0, -9.0]], [50, 2], axis=0)
  centroids = kmeans.train_centroids(sample.astype(np.float32), 20)
  assert {tuple(centroid) for centroid in centroids} == {(5, 5), (9, -9)}


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_of_unknown_size_is_searched_in_a_graph_again_and_again(kind):
  vectors, queries = clustered(rows=300, dim=8)
  searcher = build(kind, vectors)
  function = in_graph(searcher, 8).get_concrete_function()
  assert [tuple(t.shape) for t in function.outputs] == [(None, 5)] * 3
  for batch in (100, 1, 0, 100):
    check_exact(
      vectors, queries[:batch], 5, function(tf.constant(queries[:batch]))
    )


_FRESH_PROCESS = """
import json, sys
import tensorflow as tf
from tensorflow.python.framework import op_def_registry
folder, = sys.argv[1:]
model = tf.saved_model.load(folder)
queries = tf.io.parse_tensor(tf.io.read_file(folder + "/q"), tf.float32)
answers = {name: [part.numpy().tolist() for part in function(queries)]
           for name, function in (("exact", model.exact),
                                  ("partitioned", model.partitioned))}
ops = json.loads(tf.io.read_file(folder + "/ops").numpy())
print(json.dumps({
  "answers": answers,
  "unknown": [op for op in ops if op_def_registry.get(op) is None],
  "imported": [m for m in ("realm_tf", "scann", "tensorflow_text")
               if m in sys.modules],
}))
"""


def test_a_saved_model_answers_where_tensorflow_alone_is(tmp_path):
  vectors, queries = clustered(rows=4_000, dim=64)
  held = variable(vectors)
  module = tf.Module()
  module.searchers = [
    exact.ExactSearcher(held),
    partitioned.PartitionedSearcher.build(held, settings(50, 500, 20)),
  ]
  ops = set()
  for kind, searcher in zip(KINDS, module.searchers, strict=True):
    setattr(module, kind, in_graph(searcher, 64))
    ops |= graph_ops.list_ops(getattr(module, kind).get_concrete_function())
  folder = tmp_path / "model"
  tf.saved_model.save(module, str(folder))
  (folder / "q").write_bytes(tf.io.serialize_tensor(queries).numpy())
  (folder / "ops").write_text(json.dumps(sorted(ops)))
  program = tmp_path / "program.py"
  program.write_text(_FRESH_PROCESS)
  output = subprocess.run(
    [sys.executable, str(program), str(folder)],
    capture_output=True,
    text=True,
    check=True,
    cwd=tmp_path,
  ).stdout
  result = json.loads(output.splitlines()[-1])

  assert not result["unknown"] and not result["imported"]
  assert "TopKV2" in ops and not any("PyFunc" in op for op in ops)
  # The vectors are beside the graph, and once, though two searchers use them.
  assert (folder / "saved_model.pb").stat().st_size < vectors.nbytes / 2
  size = sum(f.stat().st_size for f in (folder / "variables").iterdir())
  assert size < 2 * vectors.nbytes
  for kind in KINDS:
    scores, rows, _ = getattr(module, kind)(tf.constant(queries))
    got_scores, got_rows, _ = result["answers"][kind]
    np.testing.assert_array_equal(got_rows, rows)
    np.testing.assert_allclose(got_scores, scores, rtol=1e-5)
