import collections
import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import errors
from realm_tf.data.examples import masked_queries
from tests import synthetic
from tests.synthetic import CLS
from tests.synthetic import MASK
from tests.synthetic import SEP

TOKENIZER = synthetic.make_tokenizer()


def source_of(corpus, *, heldout=False, keep_unmaskable=False, **changes):
  return masked_queries.MaskedQuerySource(
    corpus,
    synthetic.realm_config(**changes),
    TOKENIZER,
    heldout=heldout,
    keep_unmaskable=keep_unmaskable,
  )


def step_of(number):
  return tf.constant(number, tf.int64)


def masked_places(batch, row):
  weights = batch.masked.target_weights[row].numpy()
  return batch.masked.mask_positions[row].numpy()[weights > 0].tolist()


def sentence_tokens(corpus, sentence):
  start, limit = (
    corpus.sentence_starts[sentence],
    corpus.sentence_limits[sentence],
  )
  return corpus.tokens[start:limit].tolist()


def spans_of(corpus, sentence):
  """Spans of a sentence, counted from its start."""
  start = corpus.sentence_starts[sentence]
  return [
    (int(corpus.span_starts[i] - start), int(corpus.span_limits[i] - start))
    for i in range(
      corpus.span_splits[sentence], corpus.span_splits[sentence + 1]
    )
  ]


@pytest.mark.parametrize(
  "masking", ["salient_span", "random_span", "random_tokens"]
)
def test_masks_hide_tokens_and_targets_give_them(masking):
  corpus = synthetic.random_corpus()
  source = source_of(corpus, masking=masking)
  for step in range(6):
    batch = source(step_of(step))
    before, after = batch.token_ids.numpy(), batch.masked.token_ids.numpy()
    for row in range(8):
      places = masked_places(batch, row)
      assert 1 <= len(places) <= 3
      assert (after[row, places] == MASK).all()
      count = len(places)
      targets = batch.masked.targets[row].numpy()
      np.testing.assert_array_equal(targets[:count], before[row, places])
      assert not targets[count:].any()
      others = np.setdiff1d(np.arange(16), places)
      np.testing.assert_array_equal(after[row, others], before[row, others])
      assert before[row, 0] == CLS
      assert not set(before[row, places]) & {CLS, SEP, 0}


def test_as_bert_some_targets_are_kept_and_some_changed():
  corpus = synthetic.random_corpus()
  as_bert = source_of(corpus, masking="bert_tokens")
  all_masked = source_of(corpus, masking="random_tokens")
  shown = []
  for step in range(40):
    batch, other = as_bert(step_of(step)), all_masked(step_of(step))
    for name in ("mask_positions", "targets", "target_weights"):
      np.testing.assert_array_equal(
        getattr(batch.masked, name), getattr(other.masked, name)
      )
    before, after = batch.token_ids.numpy(), batch.masked.token_ids.numpy()
    is_target = other.masked.token_ids.numpy() != before
    np.testing.assert_array_equal(after[~is_target], before[~is_target])
    shown += [*zip(before[is_target], after[is_target], strict=True)]
  words = [*range(5, TOKENIZER.vocab_size)]
  masked = [new == MASK for _, new in shown]
  kept = [new == old for old, new in shown]
  assert abs(np.mean(masked) - 0.8) < 0.05
  assert abs(np.mean(kept) - 0.1) < 0.05
  assert {new for _, new in shown} - {MASK} <= {*words}


def test_a_sentence_that_fits_is_shown_whole_with_one_of_its_spans_masked():
  corpus = synthetic.random_corpus()
  source = source_of(corpus, query_length=24)
  for step in range(5):
    batch = source(step_of(step))
    for row, sentence in enumerate(batch.sentences.numpy()):
      tokens = sentence_tokens(corpus, sentence)
      shown = [CLS, *tokens, SEP]
      assert batch.token_ids[row].numpy().tolist() == shown + [0] * (
        24 - len(shown)
      )
      places = masked_places(batch, row)
      assert (places[0] - 1, places[-1]) in spans_of(corpus, sentence)
      assert places == list(range(places[0], places[-1] + 1))
      passage = corpus.sentence_passages[sentence]
      assert batch.source_uids[row] == corpus.uids[passage]


def test_each_span_of_a_sentence_is_drawn_sooner_or_later():
  sentence = ([30, 6, 31, 7, 8, 32], [(1, 2), (3, 5)])
  corpus = synthetic.build_corpus([([6], [[sentence]])])
  source = source_of(corpus, heldout_fraction=0.0, batch_size=4)
  drawn = collections.Counter()
  for step in range(20):
    batch = source(step_of(step))
    for row in range(4):
      drawn[tuple(masked_places(batch, row))] += 1
  assert set(drawn) == {(2,), (4, 5)}
  assert min(drawn.values()) > 20


def test_spans_beyond_the_budget_are_never_drawn_and_are_counted():
  long = ([30, 6, 7, 8, 9, 31, 10, 32], [(1, 5), (6, 7)])
  hopeless = ([30, 6, 7, 8, 9, 31], [(1, 5)])
  bare = ([30, 31, 32, 33], [])
  short = ([6, 31, 5], [(0, 1)])
  corpus = synthetic.build_corpus([([6], [[long, hopeless, bare, short]])])
  source = source_of(corpus, heldout_fraction=0.0, batch_size=2)
  assert source.num_examples == 1
  for step in range(10):
    batch = source(step_of(step))
    assert batch.sentences.numpy().tolist() == [0, 0]
    assert [masked_places(batch, row) for row in range(2)] == [[7], [7]]
  assert source.dropped["span longer than max_masks"] == 2
  assert source.dropped["sentence without a span that fits"] == 2
  assert source.dropped["sentence too short"] == 1


def test_unmaskable_sentences_can_be_kept_unmasked():
  hopeless = ([30, 6, 7, 8, 9, 31], [(1, 5)])
  good = ([30, 6, 31, 32], [(1, 2)])
  # The last sentence has no span, and none follows it.
  corpus = synthetic.build_corpus([([6], [[hopeless, good, hopeless]])])
  source = source_of(
    corpus, heldout_fraction=0.0, batch_size=3, keep_unmaskable=True
  )
  assert source.num_examples == 3
  batch = source(step_of(0))
  by_sentence = {
    int(s): masked_places(batch, row)
    for row, s in enumerate(batch.sentences.numpy())
  }
  assert by_sentence == {0: [], 1: [2], 2: []}


def test_a_corpus_without_any_span_can_be_kept_unmasked():
  corpus = synthetic.build_corpus([([6], [[([30, 31, 32, 33], [])]])])
  source = source_of(
    corpus, heldout_fraction=0.0, batch_size=2, keep_unmaskable=True
  )
  batch = source(step_of(0))
  assert not batch.masked.target_weights.numpy().any()
  np.testing.assert_array_equal(batch.masked.token_ids, batch.token_ids)


@pytest.mark.parametrize("place", [0, 1, 13, 14, 15, 30, 47, 48, 49])
@pytest.mark.parametrize("length", [1, 3])
def test_a_long_sentence_is_read_through_a_window_around_its_span(
  place, length
):
  tokens = (list(range(6, 46)) * 2)[:50]
  place = min(place, 50 - length)
  corpus = synthetic.build_corpus(
    [([6], [[([31] * 7, [])], [(tokens, [(place, place + length)])]])]
  )
  source = source_of(corpus, heldout_fraction=0.0, batch_size=1)
  batch = source(step_of(0))
  shown = batch.token_ids[0].numpy().tolist()
  assert shown[0] == CLS
  assert shown[-1] == SEP
  windows = [tokens[i : i + 14] for i in range(50 - 14 + 1)]
  assert shown[1:-1] in windows
  places = masked_places(batch, 0)
  assert [shown[p] for p in places] == tokens[place : place + length]
  # With room on both sides, the span is in the middle.
  if 7 < place < 40:
    assert 4 <= places[0] <= 8


@pytest.mark.parametrize(
  "masking", ["random_span", "random_tokens", "bert_tokens"]
)
def test_random_masks_fall_into_the_window_of_a_long_sentence(masking):
  corpus = synthetic.build_corpus([([6], [[(list(range(6, 46)), [])]])])
  source = source_of(
    corpus, heldout_fraction=0.0, batch_size=4, masking=masking
  )
  for step in range(5):
    batch = source(step_of(step))
    for row in range(4):
      assert set(masked_places(batch, row)) <= set(range(1, 15))


def batch_arrays(source, step):
  batch = source(step_of(step))
  return [np.asarray(t) for t in (*batch.masked, batch.sentences)]


@pytest.mark.parametrize(
  "masking", ["salient_span", "random_span", "random_tokens", "bert_tokens"]
)
def test_seed_and_step_alone_make_the_batch(masking):
  corpus = synthetic.random_corpus()
  source = source_of(corpus, masking=masking)
  first = batch_arrays(source, 11)
  batch_arrays(source, 3)
  for a, b in zip(
    first, batch_arrays(source_of(corpus, masking=masking), 11), strict=True
  ):
    np.testing.assert_array_equal(a, b)
  other = batch_arrays(source_of(corpus, masking=masking, seed=1), 11)
  assert (other[0] != first[0]).any()
  assert (batch_arrays(source, 12)[0] != first[0]).any()


def test_in_a_graph_the_batch_is_the_same():
  source = source_of(synthetic.random_corpus())
  in_graph = next(
    iter(tf.data.Dataset.range(5, 6).map(lambda s: source(s).masked))
  )
  for a, b in zip(in_graph, source(step_of(5)).masked, strict=True):
    np.testing.assert_array_equal(a, b)
    assert a.shape == b.shape


def test_each_sentence_comes_once_an_epoch():
  source = source_of(synthetic.random_corpus())
  count = source.num_examples
  seen = np.concatenate(
    [source(step_of(s)).sentences.numpy() for s in range(-(-3 * count // 8))]
  )
  for epoch in range(3):
    part = seen[epoch * count : (epoch + 1) * count]
    assert len(set(part.tolist())) == count


def sentences_seen(source):
  steps = -(-source.num_examples // 8)
  return {
    int(s) for i in range(steps) for s in source(step_of(i)).sentences.numpy()
  }


def test_heldout_passages_are_never_trained_on():
  corpus = synthetic.random_corpus()
  held = corpus.heldout(0.2)
  training = sentences_seen(source_of(corpus))
  heldout = sentences_seen(source_of(corpus, heldout=True))
  assert training
  assert heldout
  assert not training & heldout
  assert not any(held[corpus.sentence_passages[s]] for s in training)
  assert all(held[corpus.sentence_passages[s]] for s in heldout)


def test_the_split_follows_the_fingerprint_not_the_order():
  corpus = synthetic.random_corpus()
  shifted = dataclasses.replace(corpus, uids=np.roll(corpus.uids, 1))
  assert sentences_seen(source_of(corpus, heldout=True)) != sentences_seen(
    source_of(shifted, heldout=True)
  )


def test_nothing_to_mask_is_the_users_mistake():
  corpus = synthetic.build_corpus([([6], [[([30, 31, 32, 33], [])]])])
  with pytest.raises(errors.UserError, match="no training sentence") as error:
    source_of(corpus, heldout_fraction=0.0)
  assert "\n" not in str(error.value)
  with pytest.raises(errors.UserError, match="no held-out sentence"):
    source_of(synthetic.random_corpus(), heldout=True, heldout_fraction=0.0)
