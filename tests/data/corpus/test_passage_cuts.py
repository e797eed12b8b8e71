import numpy as np
import pytest
import tensorflow as tf

from realm_tf.data.corpus import passage_cuts
from realm_tf.data.examples import packing
from tests import synthetic

TOKENIZER = synthetic.make_tokenizer()
TITLES = np.array([0, 1, 2, 30, 4])
BODIES = np.array([21, 20, 20, 5, 1])


def rows(lengths):
  return tf.RaggedTensor.from_row_lengths([9] * sum(lengths), lengths)


@pytest.mark.parametrize("length", [4, 8, 24, 25, 38])
def test_shares_are_those_of_what_the_embedder_gets(length):
  packed, _ = packing.pack_passages(
    rows(TITLES), rows(BODIES), length, TOKENIZER
  )
  read = packed.row_lengths().numpy() - 3
  cuts = passage_cuts.by_passage_length(TITLES, BODIES, length)
  assert cuts.passages == pytest.approx(np.mean(read < TITLES + BODIES))
  assert cuts.wordpieces == pytest.approx(
    1 - read.sum() / (TITLES + BODIES).sum()
  )


@pytest.mark.parametrize("length", [8, 24, 38])
@pytest.mark.parametrize("reader_length", [9, 16, 30, 60])
def test_shares_are_those_of_what_the_reader_gets(length, reader_length):
  questions = np.array([2, 5, 5, 6])
  packed = packing.PackedPassages(rows(TITLES), rows(BODIES), length, TOKENIZER)
  queries = (np.arange(6) < questions[:, None]).astype(np.int32) * 7
  every = np.tile(np.arange(5, dtype=np.int32), [4, 1])

  def read(width):
    _, segments = packed.joined(tf.constant(queries), tf.constant(every), width)
    return tf.reduce_sum(segments, axis=2).numpy() - 1  # [SEP]

  lost = read(None) - read(reader_length)
  cuts = passage_cuts.by_reader_length(
    TITLES, BODIES, length, questions, reader_length
  )
  assert cuts.passages == pytest.approx(np.mean(lost > 0))
  assert cuts.wordpieces == pytest.approx(lost.sum() / (4 * BODIES.sum()))
