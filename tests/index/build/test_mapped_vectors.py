import numpy as np
import pytest
import tensorflow as tf

from realm_tf import errors
from realm_tf.index.build import mapped_vectors
from realm_tf.index.search import searcher_settings
from realm_tf.index.search import searchers
from realm_tf.index.versions import index_version

TREE = searcher_settings.SearcherSettings(
  exact=False, num_leaves=8, leaves_to_search=8, reordering_candidates=60
)


@pytest.fixture
def parts():
  rng = np.random.default_rng(5)
  return [
    rng.normal(size=(rows, 16)).astype(dtype)
    for rows, dtype in ((70, np.float32), (0, np.float16), (50, np.float16))
  ]


def test_the_tensor_is_all_parts_and_its_file_goes(tmp_path, parts):
  file = tmp_path / "vectors"
  with mapped_vectors.mapped(parts, str(file)) as vectors:
    assert file.stat().st_size == 120 * 16 * 4
    assert vectors.dtype == tf.float32
    np.testing.assert_array_equal(
      vectors, np.concatenate([part.astype(np.float32) for part in parts])
    )
  assert not file.exists()


def test_nothing_stays_where_a_part_cannot_be_read(tmp_path):
  file = tmp_path / "vectors"
  missing = index_version.MappedShards([str(tmp_path / "none.npy")])
  with (
    pytest.raises(errors.UserError, match="none.npy"),
    mapped_vectors.mapped(missing, str(file)),
  ):
    pytest.fail("there are no vectors")
  assert not file.exists()


@pytest.mark.parametrize(
  "settings", [searcher_settings.SearcherSettings(exact=True), TREE]
)
@pytest.mark.parametrize("library", ["scann", "tensorflow"])
def test_a_searcher_outlives_the_file(
  tmp_path, parts, settings, library, monkeypatch
):
  monkeypatch.setattr(searcher_settings, "library_here", lambda rows: library)
  array = np.concatenate([part.astype(np.float32) for part in parts])
  with mapped_vectors.mapped(parts, str(tmp_path / "vectors")) as vectors:
    searcher = searchers.build_searcher(vectors, settings, 5)
    del vectors

  queries = array[:7]
  _, rows, _ = searcher.search(tf.constant(queries), 5)
  wanted = np.argsort(-queries @ array.T, axis=1)[:, :5]
  np.testing.assert_array_equal(rows, wanted)
  searcher.save(str(tmp_path / "saved"))
  _, rows, _ = searchers.load_searcher(str(tmp_path / "saved")).search(
    tf.constant(queries), 5
  )
  np.testing.assert_array_equal(rows, wanted)


def test_mapped_shards_are_a_sequence(tmp_path, parts):
  paths = [str(tmp_path / f"{number}.npy") for number in range(len(parts))]
  for path, part in zip(paths, parts, strict=True):
    index_version.write_embeddings(path, part)
  shards = index_version.MappedShards(paths)
  assert len(shards) == 3
  assert [len(part) for part in shards] == [70, 0, 50]
  np.testing.assert_array_equal(shards[2], parts[2])
  np.testing.assert_array_equal(shards[1:][1], parts[2])
