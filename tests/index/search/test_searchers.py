import gc
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import errors
from realm_tf.configs import schema
from realm_tf.index.search import search_recall
from realm_tf.index.search import searcher_settings
from realm_tf.index.search import searchers as searcher_lib

EXACT = searcher_settings.SearcherSettings(exact=True)
ALL_LEAVES = searcher_settings.SearcherSettings(
  exact=False, num_leaves=8, leaves_to_search=8, reordering_candidates=60
)


def vectors(seed, rows, dim=16):
  return np.random.default_rng(seed).normal(size=(rows, dim)).astype("float32")


def oracle(embeddings, queries, k):
  """Definition: sort all inner products, one query after the other."""
  rows = []
  for query in queries:
    scored = [(float(np.dot(query, e)), i) for i, e in enumerate(embeddings)]
    rows.append([i for _, i in sorted(scored, key=lambda s: -s[0])[:k]])
  return np.array(rows)


@pytest.mark.parametrize("settings", [EXACT, ALL_LEAVES], ids=["exact", "tree"])
def test_search_equals_the_definition(settings):
  embeddings, queries = vectors(0, 60), vectors(1, 7)
  searcher = searcher_lib.build_searcher(embeddings, settings, k_max=5)

  scores, rows, valid = searcher.search(tf.constant(queries), 5)

  want = oracle(embeddings, queries, 5)
  np.testing.assert_array_equal(rows, want)
  np.testing.assert_allclose(
    scores, np.einsum("qkd,qd->qk", embeddings[want], queries), rtol=1e-5
  )
  assert np.all(valid)
  assert searcher.is_exact == settings.exact


@pytest.mark.parametrize("settings", [EXACT, ALL_LEAVES], ids=["exact", "tree"])
def test_more_results_than_passages_are_masked(settings):
  embeddings, queries = vectors(0, 60), vectors(1, 3)
  searcher = searcher_lib.build_searcher(embeddings, settings, k_max=5)

  scores, rows, valid = searcher.search(tf.constant(queries), 70)

  assert rows.shape == scores.shape == valid.shape == (3, 70)
  np.testing.assert_array_equal(
    valid, np.broadcast_to(np.arange(70) < 60, (3, 70))
  )
  for row in rows.numpy():
    assert sorted(row[:60]) == list(range(60))
    assert set(row[60:]) == {-1}
  assert np.all(np.isneginf(scores[:, 60:]))


def test_a_wide_beam_is_found_though_few_leaves_are_visited():
  settings = searcher_settings.SearcherSettings(
    exact=False, num_leaves=20, leaves_to_search=1, reordering_candidates=60
  )
  embeddings = vectors(0, 60)
  searcher = searcher_lib.build_searcher(embeddings, settings, k_max=60)

  scores, rows, valid = searcher.search(tf.constant(vectors(1, 8)), 60)

  assert np.all(valid) and np.all(np.isfinite(scores))
  for row in rows.numpy():
    assert set(row) == set(range(60))


@pytest.mark.parametrize("settings", [EXACT, ALL_LEAVES], ids=["exact", "tree"])
def test_two_searchers_with_the_same_settings_answer_from_their_own_data(
  tmp_path, settings
):
  first, second = vectors(0, 60), vectors(9, 60)
  queries = vectors(1, 7)
  built = [
    searcher_lib.build_searcher(data, settings, k_max=5)
    for data in (first, second)
  ]
  for i, searcher in enumerate(built):
    searcher.save(str(tmp_path / str(i)))
  loaded = [searcher_lib.load_searcher(str(tmp_path / str(i))) for i in (0, 1)]

  for searchers in (built, loaded):
    answers = [s.search(tf.constant(queries), 5)[1].numpy() for s in searchers]
    np.testing.assert_array_equal(answers[0], oracle(first, queries, 5))
    np.testing.assert_array_equal(answers[1], oracle(second, queries, 5))


@pytest.mark.parametrize("settings", [EXACT, ALL_LEAVES], ids=["exact", "tree"])
def test_a_fresh_process_finds_the_same(tmp_path, settings):
  embeddings, queries = vectors(0, 60), vectors(1, 7)
  searcher = searcher_lib.build_searcher(embeddings, settings, k_max=5)
  searcher.save(str(tmp_path / "searcher"))
  np.save(tmp_path / "queries.npy", queries)

  program = f"""
import json
import numpy as np
from realm_tf.index.search import searchers as searcher
queries = np.load({str(tmp_path / "queries.npy")!r}, allow_pickle=False)
loaded = searcher.load_searcher({str(tmp_path / "searcher")!r})
scores, rows, _ = loaded.search(queries, 5)
print(json.dumps([scores.numpy().tolist(), rows.numpy().tolist()]))
"""
  output = subprocess.run(
    [sys.executable, "-c", program], capture_output=True, text=True, check=True
  ).stdout
  scores, rows = json.loads(output.splitlines()[-1])

  want_scores, want_rows, _ = searcher.search(tf.constant(queries), 5)
  np.testing.assert_array_equal(rows, want_rows)
  np.testing.assert_allclose(scores, want_scores, rtol=1e-6)


def test_the_saved_signature_needs_nothing_but_the_files(tmp_path):
  embeddings, queries = vectors(0, 60), vectors(1, 2)
  path = str(tmp_path / "searcher")
  searcher_lib.build_searcher(embeddings, ALL_LEAVES, k_max=5).save(path)

  answer = tf.saved_model.load(path).signatures["search"](
    queries=tf.constant(queries)
  )

  np.testing.assert_array_equal(
    answer["rows"][:, :5], oracle(embeddings, queries, 5)
  )


def test_search_inside_a_dataset_keeps_the_index_alive():
  embeddings, queries = vectors(0, 60), vectors(1, 12)
  searcher = searcher_lib.build_searcher(embeddings, EXACT, k_max=5)
  dataset = (
    tf.data.Dataset.from_tensor_slices(queries)
    .batch(4, drop_remainder=True)
    .map(lambda q, searcher=searcher: searcher.search(q, 5))
  )
  iterator = iter(dataset)
  del searcher, dataset
  gc.collect()

  rows = []
  for _, batch_rows, _ in iterator:
    assert batch_rows.shape == (4, 5)
    rows.append(batch_rows.numpy())

  np.testing.assert_array_equal(
    np.concatenate(rows), oracle(embeddings, queries, 5)
  )


def handle_of(searcher):
  """The resource that holds the index, as a function that searches names it."""

  @tf.function
  def search(queries):
    return searcher.search(queries, 5)

  searched = search.get_concrete_function(tf.constant(vectors(1, 1)))
  [handle] = searched.captured_inputs
  return handle


@pytest.mark.parametrize("kind", ["function", "graph"])
def test_a_searcher_freed_while_a_graph_is_built_is_no_part_of_it(kind):
  searchers = [searcher_lib.build_searcher(vectors(0, 60), EXACT, k_max=5)]
  handle = handle_of(searchers[0])

  def collect_garbage():
    searchers.clear()
    gc.collect()

  if kind == "function":
    graph = tf.function(collect_garbage).get_concrete_function().graph
  else:
    with tf.Graph().as_default() as graph:
      collect_garbage()

  assert not graph.get_operations()
  with pytest.raises(tf.errors.NotFoundError):
    tf.raw_ops.DestroyResourceOp(resource=handle, ignore_lookup_error=False)


def test_recall_counts_what_is_found():
  embeddings, queries = vectors(0, 60), vectors(1, 7)
  right = searcher_lib.build_searcher(embeddings, ALL_LEAVES, k_max=5)
  other = searcher_lib.build_searcher(vectors(9, 60), ALL_LEAVES, k_max=5)
  parts = [embeddings[:20], embeddings[20:21], embeddings[21:]]

  assert search_recall.measure_recall(right, parts, queries, 5) == 1.0
  rows = other.search(tf.constant(queries), 5)[1].numpy()
  want = oracle(embeddings, queries, 5)
  hits = sum(len(set(a) & set(b)) for a, b in zip(rows, want, strict=True))
  assert search_recall.measure_recall(
    other, parts, queries, 5
  ) == pytest.approx(hits / want.size)


def test_exact_search_over_parts_equals_the_definition():
  embeddings, queries = vectors(0, 60), vectors(1, 7)
  scores, rows = search_recall.exact_search(
    [embeddings[:3], embeddings[3:50].astype("float32"), embeddings[50:]],
    queries,
    10,
  )
  np.testing.assert_array_equal(rows, oracle(embeddings, queries, 10))
  assert np.all(np.diff(scores, axis=1) <= 0)


def index_config(**changes):
  return schema.IndexConfig(**changes)


def test_settings_follow_the_size():
  config = index_config()
  assert searcher_settings.choose_settings(19_999, config, 8).exact
  assert searcher_settings.choose_settings(1_000_000, config, 8) == (
    searcher_settings.SearcherSettings(
      exact=False,
      num_leaves=1000,
      leaves_to_search=100,
      reordering_candidates=100,
    )
  )


def test_settings_can_be_overridden():
  config = index_config(
    exact_search_below=1,
    num_leaves=7,
    leaves_to_search=3,
    reordering_candidates=40,
  )
  chosen = searcher_settings.choose_settings(100, config, 8)
  assert chosen == searcher_settings.SearcherSettings(
    exact=False, num_leaves=7, leaves_to_search=3, reordering_candidates=40
  )


@pytest.mark.parametrize(
  "changes, names",
  [
    ({"num_leaves": 101}, "num_leaves=101"),
    ({"num_leaves": 5, "leaves_to_search": 6}, "leaves_to_search=6"),
    ({"reordering_candidates": 3}, "reordering_candidates=3"),
  ],
)
def test_a_wrong_override_is_named(changes, names):
  config = index_config(exact_search_below=1, **changes)
  with pytest.raises(errors.UserError, match=names):
    searcher_settings.choose_settings(100, config, 8)


def test_a_missing_searcher_is_named(tmp_path):
  with pytest.raises(errors.UserError, match="searcher"):
    searcher_lib.load_searcher(str(tmp_path / "searcher"))


@pytest.mark.parametrize("kept", [0, 100])
def test_a_half_copied_searcher_is_named(tmp_path, kept):
  vectors = np.random.default_rng(0).normal(size=[50, 8]).astype(np.float32)
  settings = searcher_settings.choose_settings(50, index_config(), 4)
  folder = tmp_path / "searcher"
  searcher_lib.build_searcher(vectors, settings, 1).save(str(folder))
  [data] = folder.rglob("*.data-00000-of-00001")
  data.write_bytes(data.read_bytes()[:kept])
  with pytest.raises(errors.UserError, match="Remove its index version"):
    searcher_lib.load_searcher(str(folder))


@pytest.mark.parametrize(
  "change",
  [
    {"num_rows": "gs://x/y"},
    {"dim": []},
    {"dim": 4000},
    {"settings": {"exact": "yes"}},
  ],
)
def test_a_searcher_of_other_sizes_or_types_is_damaged(tmp_path, change):
  vectors = np.random.default_rng(0).normal(size=[50, 8]).astype(np.float32)
  settings = searcher_settings.choose_settings(50, index_config(), 4)
  folder = tmp_path / "searcher"
  searcher_lib.build_searcher(vectors, settings, 1).save(str(folder))
  file = folder / "searcher.json"
  file.write_text(json.dumps(json.loads(file.read_text()) | change))
  with pytest.raises(errors.UserError, match=f"{folder} is no searcher"):
    searcher_lib.load_searcher(str(folder))


def test_a_wide_beam_visits_as_many_leaves_as_it_needs():
  rng = np.random.default_rng(5)
  embeddings = rng.normal(size=(2_000, 16)).astype(np.float32)
  settings = searcher_settings.SearcherSettings(
    exact=False, num_leaves=40, leaves_to_search=2, reordering_candidates=100
  )
  searcher = searcher_lib.build_searcher(embeddings, settings, 10)
  queries = rng.normal(size=(4, 16)).astype(np.float32)
  # Two leaves hold a hundred passages; the beam is of a thousand.
  _, rows, valid = searcher.search(tf.constant(queries), 1_000)
  assert valid.numpy().all()
  best = np.argsort(-queries @ embeddings.T, axis=1)[:, :1_000]
  for found, wanted in zip(rows.numpy(), best, strict=True):
    assert len(set(found) & set(wanted)) > 900


def test_a_pipe_in_a_searcher_is_not_waited_for(tmp_path):
  folder = tmp_path / "searcher"
  searcher_lib.build_searcher(vectors(0, 20), EXACT, 1).save(str(folder))
  pipe = folder / "variables" / "variables.index"
  pipe.unlink()
  os.mkfifo(pipe)
  with pytest.raises(errors.UserError, match=f"{pipe} is a pipe"):
    searcher_lib.load_searcher(str(folder))
