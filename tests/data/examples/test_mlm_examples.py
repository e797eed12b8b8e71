import collections

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import errors
from realm_tf.data.examples import mlm_examples
from realm_tf.training.tasks import pipelines
from tests import synthetic
from tests.synthetic import CLS
from tests.synthetic import FIRST_NAME
from tests.synthetic import FIRST_WORD
from tests.synthetic import MASK
from tests.synthetic import SEP

TOKENIZER = synthetic.make_tokenizer()
PLAIN = {
  "rename_probability": 0.0,
  "span_mask_probability": 0.0,
  "token_mask_probability": 0.0,
  "null_probability": 0.0,
}


def examples_of(corpus, *, heldout=False, **changes):
  fields = {"query_length": 30, "passage_length": 34, "max_positions": 64}
  config = synthetic.mlm_config(**(fields | PLAIN | changes))
  return mlm_examples.MlmExamples(corpus, config, TOKENIZER, heldout=heldout)


def rows_of(examples, steps):
  for features in pipelines.by_step(examples, 0, steps):
    arrays = {name: value.numpy() for name, value in features.items()}
    for row in range(len(arrays["token_ids"])):
      yield {name: array[row] for name, array in arrays.items()}


def halves(row):
  """The wordpieces of the two passages, by the special tokens."""
  ids = row["token_ids"].tolist()
  assert ids[0] == CLS
  first = ids.index(SEP)
  second = ids.index(SEP, first + 1)
  assert not any(ids[second + 1 :])
  np.testing.assert_array_equal(
    row["segment_ids"],
    [int(first < i <= second) for i in range(len(ids))],
  )
  return ids[1:first], ids[first + 1 : second]


def unmasked(row):
  """The row with the targets put back."""
  row = {name: array.copy() for name, array in row.items()}
  places = row["mask_positions"][row["target_weights"] > 0]
  assert (row["token_ids"][places] == MASK).all()
  row["token_ids"][places] = row["targets"][row["target_weights"] > 0]
  assert MASK not in row["token_ids"]
  return row


def origins(corpus, row):
  """Passages of which the halves could be the part shown."""
  first, second = halves(row)
  found = []
  for p in range(corpus.num_passages):
    body = corpus.tokens[slice(*corpus.passage_splits[p : p + 2])].tolist()
    if body[:33] == second:
      found.append(("second", p))
    starts = corpus.sentence_starts[corpus.sentence_passages == p]
    starts = starts - corpus.passage_splits[p]
    if any(body[s : s + 28] == first for s in starts):
      found.append(("first", p))
  return found


def test_a_pair_is_two_passages_of_one_article_the_first_from_a_sentence_on():
  corpus = synthetic.random_corpus()
  begins = collections.Counter()
  for row in rows_of(examples_of(corpus), 6):
    found = dict(origins(corpus, row))
    assert set(found) == {"first", "second"}
    assert found["first"] != found["second"]
    assert corpus.articles[found["first"]] == corpus.articles[found["second"]]
    first, _ = halves(row)
    start = corpus.passage_splits[found["first"]]
    begins[corpus.tokens[start : start + 4].tolist() == first[:4]] += 1
  assert set(begins) == {True, False}


def test_each_passage_with_a_partner_comes_first_once_an_epoch():
  articles = [
    ([6], [[([30, 31, 32, 33 + i, 5], [(3, 4)])] for i in range(3)]),
    ([7], [[([40, 41, 42, 43, 5], [])]]),  # has no partner
    ([8], [[([20, 21, 22, 23 + i, 5], [(3, 4)])] for i in range(2)]),
  ]
  corpus = synthetic.build_corpus(articles)
  examples = examples_of(corpus, heldout_fraction=0.0, batch_size=5)
  assert examples.num_examples == 5
  for step in range(3):
    features = examples(tf.constant(step, tf.int64))
    firsts = features["token_ids"].numpy()[:, 4].tolist()
    assert sorted(firsts) == [23, 24, 33, 34, 35]


def test_the_second_passage_is_missing_now_and_then():
  corpus = synthetic.random_corpus()
  rows = rows_of(examples_of(corpus, null_probability=0.3, batch_size=200), 3)
  share = np.mean([not halves(row)[1] for row in rows])
  assert share == pytest.approx(0.3, abs=0.06)
  for row in rows_of(examples_of(corpus, null_probability=1.0), 1):
    assert halves(row)[1] == []


def test_the_second_passage_is_of_any_article_as_often_as_told():
  corpus = synthetic.random_corpus()
  examples = examples_of(
    corpus, unrelated_probability=0.5, heldout_fraction=0.0, batch_size=100
  )
  pairs = [dict(origins(corpus, row)) for row in rows_of(examples, 3)]
  assert all(pair["first"] != pair["second"] for pair in pairs)
  articles = [
    (corpus.articles[pair["first"]], corpus.articles[pair["second"]])
    for pair in pairs
  ]
  # Of 39 other passages, three are of the same article.
  share = np.mean([first != second for first, second in articles])
  assert share == pytest.approx(0.5 * 36 / 39, abs=0.08)
  assert {second for _, second in articles} == {*corpus.articles}


def test_the_second_passage_is_the_first_unmasked_as_often_as_told():
  corpus = synthetic.random_corpus()
  masked = {"span_mask_probability": 1.0, "token_mask_probability": 0.3}
  examples = examples_of(
    corpus, same_passage_probability=0.5, batch_size=100, **masked
  )
  count = 0
  for row in rows_of(examples, 3):
    found = dict(origins(corpus, unmasked(row)))
    if found["first"] == found["second"]:
      count += 1
      assert MASK in row["token_ids"]
      assert MASK not in halves(row)[1]
  assert count / 300 == pytest.approx(0.5, abs=0.08)


def test_renaming_is_one_to_one_and_the_same_throughout_a_pair():
  corpus = synthetic.random_corpus()
  plain = rows_of(examples_of(corpus), 8)
  renamed = rows_of(examples_of(corpus, rename_probability=1.0), 8)
  mappings = []
  for before, after in zip(plain, renamed, strict=True):
    mapping = {}
    for old, new in zip(before["token_ids"], after["token_ids"], strict=True):
      if FIRST_NAME <= old < FIRST_WORD:
        assert FIRST_NAME <= new < FIRST_WORD
        assert mapping.setdefault(old, new) == new
      else:
        assert new == old
    assert len(set(mapping.values())) == len(mapping)
    mappings.append(mapping)
  # Drawn afresh for each example: one name gets many.
  by_name = collections.defaultdict(set)
  for mapping in mappings:
    for old, new in mapping.items():
      by_name[old].add(new)
  assert min(len(new) for new in by_name.values()) > 3


def test_only_a_share_of_the_pairs_is_renamed():
  corpus = synthetic.random_corpus()
  fields = {"batch_size": 200}
  plain = rows_of(examples_of(corpus, **fields), 3)
  some = rows_of(examples_of(corpus, rename_probability=0.6, **fields), 3)
  changed = [
    (a["token_ids"] != b["token_ids"]).any()
    for a, b in zip(plain, some, strict=True)
  ]
  assert np.mean(changed) == pytest.approx(0.6, abs=0.07)


def test_names_are_whole_words_that_stand_in_spans_more_than_elsewhere():
  corpus = synthetic.build_corpus(
    [
      (
        [6],
        [
          [([6, 7, 30, 8, 31, 7, 5], [(0, 2), (3, 4)])],
          [([6, 30, 7, 31, 9, 5], [(0, 1)])],
        ],
      )
    ]
  )
  # 6 and 8 stand in spans only; 7 once in three; 9 never.
  assert examples_of(corpus, heldout_fraction=0.0).rename.num_names == 2


def test_a_corpus_without_names_has_nothing_to_rename():
  corpus = synthetic.build_corpus(
    [([6], [[([30, 31, 32, 33, 5], [])], [([34, 35, 36, 37, 5], [])]])]
  )
  examples = examples_of(
    corpus, heldout_fraction=0.0, batch_size=2, rename_probability=1.0
  )
  assert examples.rename.num_names == 0
  for row in rows_of(examples, 2):
    assert len(halves(row)[0]) == len(halves(row)[1]) == 5


def test_spans_are_masked_as_a_whole():
  corpus = synthetic.random_corpus()
  examples = examples_of(
    corpus, span_mask_probability=0.5, max_targets=60, batch_size=50
  )
  masked = total = 0
  for row in rows_of(examples, 4):
    found = dict(origins(corpus, unmasked(row)))
    second = corpus.passage_splits[found["second"]]
    begin = row["token_ids"].tolist().index(SEP) + 1
    for start, limit in zip(
      corpus.span_starts, corpus.span_limits, strict=True
    ):
      if (
        second <= start
        and limit <= corpus.passage_splits[found["second"] + 1]
        and limit - second <= 33
      ):
        places = np.arange(start, limit) - second + begin
        hidden = row["token_ids"][places] == MASK
        assert hidden.all() or not hidden.any()
        masked += hidden[0]
        total += 1
    targets = row["targets"][row["target_weights"] > 0]
    assert ((targets >= FIRST_NAME) & (targets < FIRST_WORD)).all()
  assert masked / total == pytest.approx(0.5, abs=0.07)


def test_single_wordpieces_are_masked_at_their_rate_on_both_sides():
  corpus = synthetic.random_corpus()
  examples = examples_of(
    corpus, token_mask_probability=0.2, max_targets=60, batch_size=50
  )
  counts, sides = [], collections.Counter()
  for row in rows_of(examples, 4):
    whole = sum(map(len, halves(unmasked(row))))
    places = row["mask_positions"][row["target_weights"] > 0]
    counts.append((len(places), whole))
    sides.update(row["segment_ids"][places].tolist())
  hidden, whole = np.sum(counts, axis=0)
  assert hidden / whole == pytest.approx(0.2, abs=0.03)
  assert min(sides[0], sides[1]) > 100


def test_a_new_name_is_masked_only_where_it_can_be_told_from_elsewhere():
  corpus = synthetic.random_corpus()
  examples = examples_of(
    corpus,
    rename_probability=1.0,
    token_mask_probability=0.3,
    max_targets=60,
  )
  hidden = 0
  for row in rows_of(examples, 4):
    shown = set(row["token_ids"].tolist())
    targets = row["targets"][row["target_weights"] > 0].tolist()
    names = [t for t in targets if FIRST_NAME <= t < FIRST_WORD]
    assert set(names) <= shown
    hidden += len(names)
  assert hidden > 20


def test_one_span_masked_does_not_mean_its_neighbours_are():
  corpus = synthetic.random_corpus()
  examples = examples_of(
    corpus, span_mask_probability=0.5, max_targets=60, batch_size=50
  )
  mixed = 0
  for row in rows_of(examples, 2):
    names = {FIRST_NAME + i for i in range(len(synthetic.NAMES))}
    shown = [t for t in row["token_ids"].tolist() if t in names]
    mixed += bool(shown) and bool(row["target_weights"].any())
  # Ten spans or so a row: 1 in 500 has all of them masked, or none.
  assert mixed > 90


def test_targets_are_cut_at_their_budget():
  corpus = synthetic.random_corpus()
  examples = examples_of(corpus, token_mask_probability=0.9, max_targets=7)
  for row in rows_of(examples, 2):
    assert row["target_weights"].tolist() == [1.0] * 7
    assert (row["token_ids"] == MASK).sum() == 7
    unmasked(row)


def test_seed_and_step_alone_make_the_batch():
  corpus = synthetic.random_corpus()
  changes = {"rename_probability": 0.5, "span_mask_probability": 0.5}
  once, again = (
    list(rows_of(examples_of(corpus, **changes), 2)) for _ in range(2)
  )
  other = list(rows_of(examples_of(corpus, seed=4, **changes), 2))
  for a, b in zip(once, again, strict=True):
    for name in a:
      np.testing.assert_array_equal(a[name], b[name])
  assert any(
    (a["token_ids"] != b["token_ids"]).any()
    for a, b in zip(once, other, strict=True)
  )


def test_heldout_passages_pair_with_heldout_ones_only():
  corpus = synthetic.random_corpus(num_articles=6, passages_per_article=8)
  fields = {"heldout_fraction": 0.4}
  held = corpus.heldout(0.4)
  for heldout in (False, True):
    for row in rows_of(examples_of(corpus, heldout=heldout, **fields), 4):
      assert all(held[p] == heldout for _, p in origins(corpus, row))


def test_no_article_with_two_passages_is_the_users_mistake():
  corpus = synthetic.random_corpus(passages_per_article=1)
  with pytest.raises(errors.UserError, match="two passages to pair"):
    examples_of(corpus)
