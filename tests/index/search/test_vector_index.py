import functools
import json

import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies as st

from realm_tf import errors
from realm_tf import index as index_lib

DIM = 4


def vectors(seed, rows):
  return np.random.default_rng(seed).normal(size=(rows, DIM)).astype("float32")


def best(embeddings, queries, k):
  """By the definition: scores and rows, best first."""
  scores = queries @ embeddings.T
  rows = np.argsort(-scores, axis=1)[:, :k]
  return np.take_along_axis(scores, rows, axis=1), rows


build_tree = functools.partial(index_lib.Searcher.build, exact_below=100)


@pytest.mark.parametrize(
  "identifiers", [None, np.arange(30) * 7, [f"é{i}" for i in range(30)]]
)
def test_a_call_gives_the_best_inner_products(identifiers):
  embeddings, queries = vectors(0, 30), vectors(1, 3)
  index = index_lib.Searcher.build(embeddings, identifiers, k=6)
  wanted, rows = best(embeddings, queries, 6)
  scores, found = index(queries)
  np.testing.assert_allclose(scores, wanted, rtol=1e-5)
  names = np.arange(30) if identifiers is None else np.asarray(identifiers)
  if names.dtype.kind == "U":
    names = np.char.encode(names)
  np.testing.assert_array_equal(found.numpy().astype(names.dtype), names[rows])
  fewer, _ = index(queries, k=2)
  np.testing.assert_array_equal(fewer, scores[:, :2])
  assert index.is_exact() is True


def test_no_more_is_found_than_there_is():
  embeddings, queries = vectors(0, 5), vectors(1, 3)
  index = index_lib.Searcher.build(embeddings)
  wanted, rows = best(embeddings, queries, 5)
  scores, found = index(queries, k=9)
  np.testing.assert_allclose(scores, wanted, rtol=1e-5)
  np.testing.assert_array_equal(found, rows)


def test_it_is_called_in_graphs_and_datasets():
  embeddings, queries = vectors(0, 30), vectors(1, 5)
  index = index_lib.Searcher.build(embeddings, k=3)
  _, wanted = index(queries)
  np.testing.assert_array_equal(tf.function(index)(queries)[1], wanted)
  dataset = tf.data.Dataset.from_tensor_slices(queries).batch(2).map(index)
  found = np.concatenate([found for _, found in dataset])
  np.testing.assert_array_equal(found, wanted)


@hypothesis.given(st.data())
def test_what_is_excluded_is_not_found(data):
  rows = data.draw(st.integers(1, 12), label="rows")
  names = [f"n{row}" for row in range(rows)]
  width = data.draw(st.integers(0, 5), label="width")
  excluded = data.draw(
    st.lists(
      st.lists(
        st.sampled_from([*names, "another"]), min_size=width, max_size=width
      ),
      min_size=1,
      max_size=3,
    ),
    label="excluded",
  )
  k = data.draw(st.integers(1, 14), label="k")
  seed = data.draw(st.integers(0, 9), label="seed")
  embeddings, queries = vectors(seed, rows), vectors(seed + 1, len(excluded))
  index = index_lib.Searcher.build(embeddings, names)
  scores, found = index.query_with_exclusions(
    queries, np.array(excluded, "U9").reshape(len(excluded), width), k=k
  )
  assert scores.shape == found.shape == (len(excluded), min(k, rows))
  for place, out in enumerate(excluded):
    kept = [row for row in range(rows) if names[row] not in out]
    wanted, best_kept = best(embeddings[kept], queries[place : place + 1], k)
    count = wanted.shape[1]
    np.testing.assert_allclose(scores[place, :count], wanted[0], rtol=1e-4)
    assert [name.decode() for name in found[place, :count].numpy()] == [
      names[kept[row]] for row in best_kept[0]
    ]
    assert (scores[place, count:].numpy() == -np.inf).all()


@pytest.mark.parametrize("exact", [True, False], ids=["exact", "tree"])
def test_an_index_is_saved_loaded_and_replaced(tmp_path, exact):
  path = str(tmp_path / "index")
  build = index_lib.Searcher.build if exact else build_tree
  embeddings, queries = vectors(0, 200), vectors(1, 3)
  build(embeddings[:150]).save(path)
  index = build(embeddings, [f"p{row}" for row in range(200)], k=4)
  index.save(path)
  loaded = index_lib.Searcher.load(path)
  for old, new in zip(index(queries), loaded(queries), strict=True):
    np.testing.assert_array_equal(new, old)
  assert loaded(queries)[0].shape == (3, 4)
  assert loaded.is_exact() is exact
  assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_what_is_no_index_is_not_loaded(tmp_path):
  with pytest.raises(errors.UserError, match="holds no index"):
    index_lib.Searcher.load(str(tmp_path / "nowhere"))
  (tmp_path / "manifest.json").write_text("{}")
  with pytest.raises(errors.UserError, match="holds no index"):
    index_lib.Searcher.load(str(tmp_path))


def test_many_vectors_are_searched_by_a_tree():
  embeddings = vectors(0, 1000)
  index = build_tree(embeddings, k=5)
  assert index.is_exact() is False
  queries = vectors(1, 20)
  scores, found = index(queries)
  # What is found is scored exactly, whatever the partitions leave out.
  np.testing.assert_allclose(
    scores,
    np.einsum("qd,qkd->qk", queries, embeddings[found.numpy()]),
    rtol=1e-4,
  )
  _, rows = best(embeddings, queries, 5)
  recall = np.mean([np.isin(r, f) for r, f in zip(rows, found, strict=True)])
  assert recall > 0.5


@pytest.mark.parametrize(
  ("arguments", "message"),
  [
    ([vectors(0, 3)[0]], r"`vectors` must be \[N, D\]"),
    ([vectors(0, 0)], r"`vectors` must be \[N, D\]"),
    ([vectors(0, 3), [1, 2]], "`identifiers` must be 3 "),
    ([vectors(0, 3), [0.5, 1.5, 2.5]], "`identifiers` must be .* float64"),
  ],
)
def test_nothing_is_built_of_another_shape(arguments, message):
  with pytest.raises(errors.UserError, match=message):
    index_lib.Searcher.build(*arguments)


def test_queries_and_exclusions_of_another_shape_are_refused():
  index = index_lib.Searcher.build(vectors(0, 9))
  queries = vectors(1, 2)
  for wrong in (queries[0], queries[:, :3], queries[None]):
    with pytest.raises(errors.UserError, match=r"`queries` .* \[batch, 4\]"):
      index(wrong)
  for wrong in ([0, 1], [[0]] * 3):
    with pytest.raises(errors.UserError, match="`exclusions` must be"):
      index.query_with_exclusions(queries, wrong)
  for call in (index, index_lib.Searcher.build):
    with pytest.raises(errors.UserError, match="`k` must be at least 1"):
      call(queries, k=0)


@pytest.mark.parametrize(
  ("identifiers", "named"),
  [
    (np.arange(29), "holds int64 [29] for 30 vectors"),
    (np.zeros([30, 1], np.int32), "holds int32 [30, 1] for 30 vectors"),
    (np.zeros(30), "holds float64 [30] for 30 vectors"),
  ],
)
def test_identifiers_that_do_not_fit_are_named(tmp_path, identifiers, named):
  index_lib.Searcher.build(vectors(0, 30)).save(str(tmp_path / "index"))
  np.save(tmp_path / "index" / "identifiers.npy", identifiers)
  with pytest.raises(errors.UserError) as error:
    index_lib.Searcher.load(str(tmp_path / "index"))
  assert named in str(error.value)
  assert "identifiers.npy is damaged" in str(error.value)


@pytest.mark.parametrize("k", [0, -1, 2.5, "4", None, True])
def test_a_wrong_number_of_results_is_named(tmp_path, k):
  index_lib.Searcher.build(vectors(0, 30)).save(str(tmp_path / "index"))
  manifest = tmp_path / "index" / "manifest.json"
  manifest.write_text(json.dumps({"k": k}))
  with pytest.raises(errors.UserError, match="manifest.json is damaged: `k`"):
    index_lib.Searcher.load(str(tmp_path / "index"))


def test_a_header_that_does_not_end_is_no_index(tmp_path):
  index_lib.Searcher.build(vectors(0, 30)).save(str(tmp_path / "index"))
  path = tmp_path / "index" / "identifiers.npy"
  path.write_bytes(path.read_bytes().replace(b"'shape': (", b"'shape': [(", 1))
  with pytest.raises(errors.UserError, match="holds no index"):
    index_lib.Searcher.load(str(tmp_path / "index"))
