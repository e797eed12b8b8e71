import numpy as np
import pytest
import tensorflow as tf

from realm_tf import errors
from realm_tf.index.device import inline_state
from realm_tf.index.device import share_layout
from tests import programs
from tests.index.device import on_replicas
from tests.training import logical_devices

CASES = [(40, 4), (41, 6), (5, 6), (1, 2)]
BLOCKS = {40: 1, 41: 3, 5: 1, 1: 1}


@pytest.fixture(scope="module")
def found():
  """What 1, 2 and 4 replicas gave, by number and case."""
  return programs.result_of("tests.index.device.on_replicas")


def expected(num_rows, count, *, with_sources=True, seed=0):
  """Rows, mask and records of exact search, by NumPy, query by query."""
  vectors, records, keys, queries = on_replicas.make(num_rows)
  if seed:
    vectors = on_replicas.make(num_rows, seed)[0]
  null = np.full([on_replicas.WIDTH], 7)
  results = []
  for number, query in enumerate(queries):
    order = np.argsort(-(vectors @ query))[:count]
    if with_sources and number % 2:
      order = order[1:]
    best = [num_rows, *order[: count - 1]]
    mask = [True] * len(best) + [False] * (count - len(best))
    best += [num_rows] * (count - len(best))
    texts = [null if row == num_rows else records[row] for row in best]
    results.append((best, mask, texts))
  return [np.array(column) for column in zip(*results, strict=True)]


def check(result, wanted):
  for got, want in zip(result, wanted, strict=True):
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("replicas", logical_devices.REPLICAS)
@pytest.mark.parametrize(("num_rows", "count"), CASES)
def test_candidates_are_those_of_exact_search(found, replicas, num_rows, count):
  name = f"{num_rows}/{BLOCKS[num_rows]}/{count}"
  check(found[str(replicas)][name], expected(num_rows, count))


@pytest.mark.parametrize("replicas", logical_devices.REPLICAS)
def test_approximate_search_finds_the_best(found, replicas):
  wanted = expected(41, 4, with_sources=False)
  check(found[str(replicas)]["approximate"], wanted)


@pytest.mark.parametrize("replicas", logical_devices.REPLICAS)
def test_a_new_version_takes_the_place_of_the_old_without_a_trace(
  found, replicas
):
  results = found[str(replicas)]
  check(results["replaced"], expected(41, 4, with_sources=False, seed=1))
  assert results["retraced"] == 0
  assert results["vectors"]


@pytest.mark.parametrize("replicas", logical_devices.REPLICAS)
def test_each_replica_embeds_its_share_round_by_round(found, replicas):
  result = found[str(replicas)]["inline"]
  old, records, *_ = on_replicas.make(41)
  new = on_replicas.embed(tf.constant(records)).numpy()
  share = -(-41 // replicas)
  rows = -(-share // 4)
  assert (result["rows"], result["round"]) == (rows, -(-share // rows))
  np.testing.assert_array_equal(result["every"], new)
  place = np.arange(41) % share
  is_first = (place < rows)[:, None]
  np.testing.assert_array_equal(result["first"], np.where(is_first, new, old))
  # The third step of the second round, as a resumed run goes on.
  start = (result["round"] + 2) * rows % share
  is_later = ((place - start) % share < rows)[:, None]
  np.testing.assert_array_equal(result["later"], np.where(is_later, new, 0))


def test_vectors_are_kept_by_step(tmp_path):
  folder = str(tmp_path / "kept")
  dtype = tf.bfloat16.as_numpy_dtype
  shares = [np.arange(6).reshape(3, 2).astype(dtype), np.ones([1, 2], dtype)]
  for step in (3, 6):
    inline_state.save(folder, step, shares)
  inline_state.prune(folder, {6})
  assert inline_state.load(folder, 3, tf.bfloat16) is None
  kept = inline_state.load(folder, 6, tf.bfloat16)
  np.testing.assert_array_equal(kept, np.concatenate(shares))
  (tmp_path / "kept" / "vectors-6.npy").write_bytes(b"cut")
  with pytest.raises(errors.UserError, match="vectors-6.npy cannot be read"):
    inline_state.load(folder, 6, tf.bfloat16)


def test_xla_compiles_it():
  index, _ = on_replicas.build(tf.distribute.get_strategy(), 41, 3)
  *_, queries = on_replicas.make(41)

  @tf.function(jit_compile=True, autograph=False)
  def step(queries, source_keys):
    return index.candidates(queries, source_keys, 6)

  none = np.full([on_replicas.QUERIES], -1, np.int32)
  check(step(tf.constant(queries), none), expected(41, 6, with_sources=False))


@pytest.mark.parametrize(
  ("num_rows", "replicas"), [(10, 1), (10, 4), (9, 4), (2, 4), (13, 3)]
)
@pytest.mark.parametrize("queries", [1, 5_000])
def test_shares_are_the_rows_in_order(num_rows, replicas, queries):
  layout = share_layout.ShareLayout.of(num_rows, replicas, queries, on_cpu=True)
  rows = []
  for replica in range(replicas):
    first, limit = layout.rows_of(replica)
    assert limit - first <= layout.share_rows
    rows += range(first, limit)
  assert rows == list(range(num_rows))


def test_a_share_of_the_papers_size_is_scored_at_once():
  layout = share_layout.ShareLayout.of(13_353_718, 64, 512, on_cpu=False)
  assert layout.num_blocks == 1
  assert layout.share_rows == 208_652
  # 288 wordpieces and two numbers in 145 words, and a key.
  taken = share_layout.ShareBytes.of(layout, 128, 2, 145, 512)
  assert taken.vectors == 208_652 * 128 * 2
  assert taken.passages == 208_652 * 146 * 4
  assert taken.scores == 512 * 208_652 * 4


def test_blocks_hold_few_scores_and_hardly_an_empty_row():
  layout = share_layout.ShareLayout.of(1_000_000, 1, 64, on_cpu=True)
  assert layout.block_rows * 64 <= 1 << 22
  assert layout.share_rows - 1_000_000 < layout.num_blocks
