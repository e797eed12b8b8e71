import numpy as np
import tensorflow as tf

from realm_tf.answering import closed_book
from tests import synthetic
from tests.synthetic import CLS
from tests.synthetic import MASK
from tests.synthetic import SEP

TOKENIZER = synthetic.make_tokenizer()
VOCAB = TOKENIZER.vocab_size


def ids(text):
  return [synthetic.VOCABULARY.index(word) for word in text.split()]


class Reader:
  """Knows that "na" is "wa wb", and nothing else; keeps what it was given."""

  def __init__(self):
    self.seen = []

  def __call__(self, token_ids, segment_ids, mask_positions, training):
    assert not training
    tf.py_function(
      lambda *parts: self.seen.append([p.numpy() for p in parts]),
      [token_ids, segment_ids],
      [],
    )
    masked = tf.reduce_sum(tf.cast(token_ids == MASK, tf.int32), axis=1)
    last = tf.gather(
      token_ids, mask_positions[:, 0] - 1, batch_dims=1
    )  # what stands before the mask
    [wa], [wb] = ids("wa"), ids("wb")
    # Of two masks it is sure, of one it is not.
    wanted = tf.where(last == wa, wb, wa)
    sure = (masked == 2) | (last == wa)
    scale = tf.where(sure, 20.0, 1.0)[:, None]
    logits = scale * tf.one_hot(wanted, VOCAB)
    # It would rather say nothing: special wordpieces are no answers.
    logits += 50.0 * tf.one_hot([SEP], VOCAB)
    return logits[:, None]


def test_the_surest_answer_is_given_in_as_many_wordpieces_as_it_needs():
  reader = Reader()
  config = synthetic.realm_config(query_length=10, max_masks=3)
  closed = closed_book.ClosedBook(reader, config, TOKENIZER)
  found = closed.answer(["1", "2"], ["wc na", "wd wd wd na wc wc wc wc wc"])
  assert [p.answer for p in found] == ["wa wb", "wa wb"]
  assert [p.id for p in found] == ["1", "2"]
  assert all(p.passage_id is None and p.retrieved == () for p in found)
  assert 0.9 < found[0].probability <= 1
  tokens, segments = next(
    part for part in reader.seen if (part[0][0] == MASK).sum() == 2
  )
  question = [CLS, *ids("wc na"), MASK, MASK, SEP, SEP]
  assert tokens[0].tolist() == question + [0] * 4
  assert segments[0].tolist() == [0] * 6 + [1] + [0] * 4
  # A question that is too long is cut, not its masks.
  assert tokens[1].tolist() == [
    CLS,
    *ids("wd wd wd na wc wc"),
    MASK,
    MASK,
    SEP,
    SEP,
  ]
  np.testing.assert_array_equal(np.flatnonzero(segments[1]), [10])
