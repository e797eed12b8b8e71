import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies as st

from realm_tf.data.questions import live_passages
from tests import synthetic

ROWS = 12  # of the corpus; the null passage's row follows


class Answers:
  """Says which of the corpus's rows answer each question."""

  def __init__(self, held):
    self._held = tf.constant(np.pad(held, [[0, 0], [0, 1]]))

  def held(self, questions, rows):
    return tf.gather(tf.gather(self._held, questions), rows, batch_dims=1)


def config_of(**changes):
  return synthetic.orqa_config(
    **{"train_passage_tower": True, "train_reader": False} | changes
  )


def choose(config, held, beam, bm25=None, step=0):
  choice = live_passages.LiveChoice(config, Answers(np.array(held)), ROWS)
  found = choice(
    tf.range(len(beam), dtype=tf.int64),
    tf.constant(beam, tf.int32),
    None if bm25 is None else tf.constant(bm25, tf.int32),
    tf.constant(step, tf.int64),
  )
  return live_passages.LivePassages(*(part.numpy() for part in found))


def holding(*rows):
  return np.isin(np.arange(ROWS), rows)


def test_each_kind_is_chosen_in_its_turn():
  held = [holding(3, 5), holding(7), holding()]
  beam = [[1, 3, 2, 5, 0], [4, 6, 1, 0, 2], [8, ROWS, ROWS, ROWS, ROWS]]
  bm25 = [[5, 2, 1, 9], [6, 7, 3, 10], [ROWS, ROWS, ROWS, ROWS]]
  config = config_of(beam_negatives=2, bm25_negatives=1)
  found = choose(config, held, beam, bm25)
  # The beam's best with an answer, its best two without one, and BM25's only
  # other one without one.
  assert found.rows[0].tolist() == [3, 1, 2, 9]
  # None of the beam answers the second question: BM25's 7 does.
  assert found.rows[1, :3].tolist() == [7, 4, 6]
  assert found.rows[1, 3] in (3, 10)
  assert found.rows[2].tolist() == [ROWS, 8, ROWS, ROWS]
  assert found.mask[2].tolist() == [False, True, False, False]
  own = found.positives.reshape([3, 3, 4])[[0, 1, 2], [0, 1, 2]]
  assert own.tolist() == [[True] + 3 * [False]] * 2 + [4 * [False]]


def test_what_is_read_comes_first_and_is_not_chosen_again():
  held = [holding(3, 5)]
  beam = [[3, 1, 2, 5, 0]]
  config = config_of(
    train_reader=True, reader_beam=2, beam_negatives=1, in_batch_negatives=False
  )
  found = choose(config, held, beam)
  assert found.rows.tolist() == [[3, 1, 5, 2]]
  assert found.positives.tolist() == [[True, False, True, False]]
  assert found.candidates.all()


def test_negatives_of_bm25_are_a_function_of_seed_and_step():
  held = [holding(0)] * 4
  beam, bm25 = [[0, 1]] * 4, [list(range(ROWS))] * 4
  config = config_of(beam_negatives=0, bm25_negatives=3)
  drawn = [choose(config, held, beam, bm25, step).rows for step in (5, 5, 6)]
  np.testing.assert_array_equal(drawn[0], drawn[1])
  assert (drawn[0] != drawn[2]).any()
  other = config_of(beam_negatives=0, bm25_negatives=3, seed=1)
  assert (choose(other, held, beam, bm25, 5).rows != drawn[0]).any()
  # Each question draws for itself, each passage once, all of them in the end.
  assert len({tuple(row) for row in drawn[0].tolist()}) > 1
  for row in drawn[0]:
    assert len({*row.tolist()}) == 4
  often = {
    row
    for step in range(20)
    for row in choose(config, held, beam, bm25, step).rows[:, 1:].ravel()
  }
  assert often == {*range(1, ROWS)}


def labels_by_hand(rows, held):
  """Returns positives and candidates, passage by passage."""
  batch, count = rows.shape
  positives = np.zeros([batch, batch * count], bool)
  candidates = np.zeros([batch, batch * count], bool)
  for question in range(batch):
    own = rows[question].tolist()
    for place, row in enumerate(rows.ravel().tolist()):
      if row == ROWS:
        continue
      if place // count == question:
        candidates[question, place] = True
        positives[question, place] = held[question, row]
      elif (
        not held[question, row]
        and row not in own
        and row not in rows.ravel()[:place].tolist()
      ):
        candidates[question, place] = True
  return positives, candidates


@hypothesis.settings(max_examples=25)
@hypothesis.given(st.integers(0, 10_000))
def test_candidates_are_those_worked_out_one_by_one(seed):
  rng = np.random.default_rng(seed)
  held = rng.random([4, ROWS]) < 0.3
  beam = np.stack([rng.permutation(ROWS + 1)[:6] for _ in range(4)])
  bm25 = np.stack([rng.permutation(ROWS)[:5] for _ in range(4)])
  config = config_of(beam_negatives=1, bm25_negatives=1)
  found = choose(config, held, beam, bm25, seed)
  positives, candidates = labels_by_hand(found.rows, held)
  np.testing.assert_array_equal(found.positives, positives)
  np.testing.assert_array_equal(found.candidates, candidates)
  for question, row in enumerate(found.rows):
    real = row[row < ROWS]
    assert len({*real.tolist()}) == len(real)
    assert not held[question, row[1:][row[1:] < ROWS]].any()
    if row[0] < ROWS:
      assert held[question, row[0]]
    else:
      reachable = np.concatenate([beam[question], bm25[question]])
      assert not held[question, reachable[reachable < ROWS]].any()


def test_shapes_are_static():
  config = config_of(bm25_negatives=2)
  choice = live_passages.LiveChoice(
    config, Answers(np.zeros([9, ROWS], bool)), ROWS
  )
  traced = tf.function(choice, autograph=False).get_concrete_function(
    tf.TensorSpec([4], tf.int64),
    tf.TensorSpec([4, 6], tf.int32),
    tf.TensorSpec([4, 5], tf.int32),
    tf.TensorSpec([], tf.int64),
  )
  shapes = [tuple(part.shape) for part in traced.structured_outputs]
  assert shapes == [(4, 4), (4, 4), (4, 16), (4, 16)]


@pytest.mark.parametrize("nothing", ["beam_negatives", "in_batch_negatives"])
def test_one_kind_of_negatives_is_enough(nothing):
  config = config_of(**{nothing: 0 if nothing == "beam_negatives" else False})
  found = choose(config, [holding(1), holding(2)], [[1, 3], [2, 4]])
  assert (found.candidates & ~found.positives).any(axis=1).all()
