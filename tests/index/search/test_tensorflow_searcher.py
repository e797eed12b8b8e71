"""The searchers of a machine without ScaNN."""

import json
import logging
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
from realm_tf.index.search import tensorflow_searcher
from realm_tf.index.search import vector_index

EXACT = searcher_settings.SearcherSettings(exact=True)
ALL_LEAVES = searcher_settings.SearcherSettings(
  exact=False, num_leaves=8, leaves_to_search=8, reordering_candidates=60
)
BOTH = pytest.mark.parametrize(
  "settings", [EXACT, ALL_LEAVES], ids=["exact", "tree"]
)


def vectors(seed, rows, dim=16):
  return np.random.default_rng(seed).normal(size=(rows, dim)).astype("float32")


def best_rows(embeddings, queries, k):
  return np.argsort(-queries @ embeddings.T, axis=1)[:, :k]


def index_config(**changes):
  return schema.IndexConfig(**changes)


@BOTH
def test_search_equals_the_definition(no_scann, settings):
  embeddings, queries = vectors(0, 60), vectors(1, 7)
  searcher = searcher_lib.build_searcher(embeddings, settings, k_max=5)
  assert isinstance(searcher, tensorflow_searcher.TensorFlowSearcher)
  assert searcher.is_exact == settings.exact
  assert (searcher.num_rows, searcher.dim) == (60, 16)

  scores, rows, valid = searcher.search(tf.constant(queries), 5)

  want = best_rows(embeddings, queries, 5)
  np.testing.assert_array_equal(rows, want)
  np.testing.assert_allclose(
    scores, np.einsum("qkd,qd->qk", embeddings[want], queries), rtol=1e-5
  )
  assert np.all(valid)
  # More than there are.
  _, rows, valid = searcher.search(tf.constant(queries), 70)
  assert rows.shape == (7, 70)
  np.testing.assert_array_equal(valid.numpy().sum(axis=1), 60)


def test_a_tree_visits_as_many_leaves_as_the_settings_say(no_scann):
  embeddings, queries = vectors(0, 4_000), vectors(1, 64)
  recalls = []
  for leaves in (4, 16, 40):
    settings = searcher_settings.SearcherSettings(
      exact=False,
      num_leaves=40,
      leaves_to_search=leaves,
      reordering_candidates=100,
    )
    searcher = searcher_lib.build_searcher(embeddings, settings, k_max=5)
    recalls.append(
      search_recall.measure_recall(searcher, [embeddings], queries, 5)
    )
  assert recalls[0] < recalls[1] < recalls[2]
  assert recalls[2] > 0.99
  # A wide beam is found though few leaves are asked for.
  _, rows, valid = searcher.search(tf.constant(queries[:2]), 1_000)
  assert np.all(valid)
  for found, want in zip(
    rows.numpy(), best_rows(embeddings, queries[:2], 1_000), strict=True
  ):
    assert len({*found} & {*want}) > 990


@BOTH
def test_what_is_saved_is_loaded(no_scann, settings, tmp_path):
  embeddings, queries = vectors(0, 60), tf.constant(vectors(1, 7))
  searcher = searcher_lib.build_searcher(embeddings, settings, k_max=5)
  searcher.save(str(tmp_path / "searcher"))

  loaded = searcher_lib.load_searcher(str(tmp_path / "searcher"))

  assert loaded.settings == searcher.settings
  assert loaded.settings.library == searcher_settings.TENSORFLOW
  for one, other in zip(
    searcher.search(queries, 5), loaded.search(queries, 5), strict=True
  ):
    np.testing.assert_array_equal(one, other)


@BOTH
def test_a_saved_signature_needs_tensorflow_alone(no_scann, settings, tmp_path):
  embeddings, queries = vectors(0, 60), vectors(1, 2)
  searcher_lib.build_searcher(embeddings, settings, k_max=5).save(
    str(tmp_path / "searcher")
  )
  program = f"""
import json, sys
import tensorflow as tf
model = tf.saved_model.load({str(tmp_path / "searcher")!r})
found = model.signatures["search"](queries=tf.constant({queries.tolist()}))
assert not {{"scann", "realm_tf"}} & {{*sys.modules}}
print(json.dumps(found["rows"][:, :5].numpy().tolist()))
"""
  output = subprocess.run(
    [sys.executable, "-c", program], capture_output=True, text=True, check=True
  ).stdout
  np.testing.assert_array_equal(
    json.loads(output.splitlines()[-1]), best_rows(embeddings, queries, 5)
  )


@BOTH
def test_what_scann_has_written_is_read_without_it(request, settings, tmp_path):
  embeddings, queries = vectors(0, 60), vectors(1, 7)
  path = str(tmp_path / "searcher")
  searcher_lib.build_searcher(embeddings, settings, k_max=5).save(path)

  request.getfixturevalue("no_scann")
  loaded = searcher_lib.load_searcher(path)

  assert isinstance(loaded, tensorflow_searcher.TensorFlowSearcher)
  assert loaded.is_exact == settings.exact
  np.testing.assert_array_equal(
    loaded.search(tf.constant(queries), 5)[1], best_rows(embeddings, queries, 5)
  )


@BOTH
def test_scann_reads_what_was_written_without_it(
  forget_scann, settings, tmp_path
):
  embeddings, queries = vectors(0, 60), vectors(1, 7)
  path = str(tmp_path / "searcher")
  with forget_scann():
    searcher_lib.build_searcher(embeddings, settings, k_max=5).save(path)

  loaded = searcher_lib.load_searcher(path)

  assert loaded.settings == settings  # ScaNN's
  np.testing.assert_array_equal(
    loaded.search(tf.constant(queries), 5)[1], best_rows(embeddings, queries, 5)
  )


def test_search_inside_a_dataset(no_scann):
  embeddings, queries = vectors(0, 60), vectors(1, 12)
  for settings in (EXACT, ALL_LEAVES):
    searcher = searcher_lib.build_searcher(embeddings, settings, k_max=5)
    dataset = (
      tf.data.Dataset.from_tensor_slices(queries)
      .batch(4, drop_remainder=True)
      .map(lambda q, searcher=searcher: searcher.search(q, 5))
    )
    rows = np.concatenate([rows.numpy() for _, rows, _ in dataset])
    np.testing.assert_array_equal(rows, best_rows(embeddings, queries, 5))


def test_one_line_says_so(no_scann, caplog):
  with caplog.at_level(logging.WARNING):
    for _ in range(3):
      searcher_lib.build_searcher(vectors(0, 60), EXACT, k_max=5)
  (line,) = [r.message for r in caplog.records if "ScaNN" in r.message]
  assert "\n" not in line
  assert "TensorFlow searches in its place" in line


def test_settings_are_those_that_were_measured(no_scann):
  assert searcher_settings.choose_settings(
    19_999, index_config(), 8
  ) == searcher_settings.SearcherSettings(
    exact=True, library=searcher_settings.TENSORFLOW
  )
  # benchmarks/README.md: 2,000 partitions, of which 15,000 rows are scored.
  assert searcher_settings.choose_settings(
    1_000_000, index_config(), 8
  ) == searcher_settings.SearcherSettings(
    exact=False,
    num_leaves=2_000,
    leaves_to_search=30,
    reordering_candidates=100,
    library=searcher_settings.TENSORFLOW,
  )


def test_too_many_passages_are_refused(no_scann):
  chosen = searcher_settings.choose_settings(4_000_000, index_config(), 8)
  assert chosen.describe().endswith(", by TensorFlow")
  with pytest.raises(
    errors.UserError, match="4000001 passages.*by ScaNN alone"
  ):
    searcher_settings.choose_settings(4_000_001, index_config(), 8)


def test_an_index_of_your_own_vectors_needs_no_scann(no_scann, tmp_path):
  embeddings, queries = vectors(0, 60), vectors(1, 7)
  index = vector_index.Searcher.build(embeddings, exact_below=1)
  index.save(str(tmp_path / "index"))
  for used in (index, vector_index.Searcher.load(str(tmp_path / "index"))):
    _, found = used(queries, k=5)
    np.testing.assert_array_equal(found, best_rows(embeddings, queries, 5))
