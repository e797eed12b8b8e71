import collections

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.data.tagging import conll
from realm_tf.data.tagging import tagging_examples
from realm_tf.text import entity_types
from realm_tf.text import wordpiece
from tests import synthetic

IGNORED = tagging_examples.IGNORED
VOCABULARY = (*wordpiece.SPECIAL_TOKENS, "u", "s", ".", "ga", "##za", "in")


def sentence(words, labels):
  return conll.LabeledSentence(tuple(words.split()), tuple(labels.split()))


def make(sentences, tokenizer=None, **changes):
  return tagging_examples.TaggingExamples(
    sentences,
    synthetic.tagger_config(**changes),
    tokenizer or wordpiece.Tokenizer(VOCABULARY),
  )


def random_sentences(count, longest, seed=0):
  rng = np.random.default_rng(seed)
  made = []
  for _ in range(count):
    length = int(rng.integers(1, longest + 1))
    words = [synthetic.WORDS[i] for i in rng.integers(0, 20, length)]
    labels = [
      entity_types.LABELS[1 + 2 * i] for i in rng.integers(0, 4, length)
    ]
    made.append(conll.LabeledSentence(tuple(words), tuple(labels)))
  return made


def test_first_wordpieces_of_basic_tokens_bear_the_label():
  tagged = sentence("in Gaza U.S.", "O B-LOC B-MISC")
  batch = make([tagged], batch_size=1, num_buckets=1)(tf.constant(0, tf.int64))
  ids = [VOCABULARY[i] for i in batch["token_ids"][0].numpy()]
  assert ids[:9] == "[CLS] in ga ##za u . s . [SEP]".split()
  names = [
    entity_types.LABELS[i] if i != IGNORED else "-"
    for i in batch["labels"][0].numpy()
  ]
  assert names[:9] == "- O B-LOC - B-MISC I-MISC I-MISC I-MISC -".split()
  assert set(names[9:]) == {"-"}
  assert batch["segment_ids"][0].numpy().tolist() == (
    [0, 0, 1, 0, 1, 0, 1] + [0] * 9
  )


def test_capitals_may_stay_unseen():
  tagged = sentence("in Gaza U.S.", "O B-LOC B-MISC")
  batch = make([tagged], capitals=False)(tf.constant(0, tf.int64))
  assert not np.any(batch["segment_ids"])


def test_a_word_without_a_wordpiece_is_unknown():
  zero_width = "\u200b"
  tagged = conll.LabeledSentence(
    (zero_width, "in", zero_width), ("O", "B-LOC", "O")
  )
  batch = make([tagged], batch_size=1)(tf.constant(0, tf.int64))
  ids = [VOCABULARY[i] for i in batch["token_ids"][0].numpy()]
  assert ids[:5] == "[CLS] [UNK] in [UNK] [SEP]".split()
  assert batch["labels"][0].numpy().tolist()[:5] == [-1, 0, 3, 0, -1]


def test_an_epoch_has_each_window_once_and_batches_of_few_lengths():
  examples = make(
    random_sentences(40, 14), synthetic.make_tokenizer(), batch_size=8
  )
  orders = []
  for epoch in range(2):
    seen, widths = [], collections.Counter()
    for i in range(examples.num_batches):
      step = tf.constant(epoch * examples.num_batches + i, tf.int64)
      batch = examples(step)
      widths[batch["token_ids"].shape] += 1
      windows = batch["windows"].numpy()
      assert (batch["labels"].numpy()[windows < 0] == IGNORED).all()
      seen += windows[windows >= 0].tolist()
      # The shortest bucket that fits.
      longest = np.max(np.count_nonzero(batch["token_ids"], axis=1))
      assert longest > 8 or batch["token_ids"].shape[1] == 8
    assert sorted(seen) == list(range(40))
    assert set(widths) == {(8, 8), (8, 16)}
    orders.append(seen)
  assert orders[0] != orders[1]


def test_a_batch_is_a_function_of_its_step():
  sentences = random_sentences(20, 30)
  first, again, other = (
    make(sentences, synthetic.make_tokenizer(), seed=seed) for seed in (0, 0, 1)
  )
  steps = [tf.constant(i, tf.int64) for i in range(6)]
  for step in steps:
    for a, b in zip(first(step).values(), again(step).values(), strict=True):
      np.testing.assert_array_equal(a, b)
  assert any(
    first(s)["windows"].numpy().tolist() != other(s)["windows"].numpy().tolist()
    for s in steps
  )


def test_one_bucket_is_one_static_shape():
  examples = make(random_sentences(9, 9), synthetic.make_tokenizer(),
                  num_buckets=1)  # fmt: skip
  spec = tf.data.Dataset.range(3).map(examples).element_spec
  assert spec["token_ids"].shape[1] == 16
  assert spec["labels"].shape[1] == 16


@pytest.mark.parametrize("longest", [8, 60])
def test_windows_are_joined_to_the_labels_of_words(longest):
  sentences = random_sentences(30, longest)
  examples = make(sentences, synthetic.make_tokenizer(), batch_size=4)
  assert (examples.num_windows > 30) == (longest > 14)
  # As predictions, the right labels: those of each window, as it was read.
  num_labels = len(entity_types.LABELS)
  found = np.zeros(
    [examples.num_windows, examples.max_length, num_labels], np.float32
  )
  learned = 0
  for i in range(examples.num_batches):
    batch = examples(tf.constant(i, tf.int64))
    for window, labels in zip(
      batch["windows"].numpy(), batch["labels"].numpy(), strict=True
    ):
      if window >= 0:
        found[window, : len(labels)] = np.eye(num_labels)[labels]
        learned += np.sum(labels != IGNORED)
  wanted = [list(s.labels) for s in sentences]
  assert examples.word_labels(found) == wanted
  assert learned == sum(map(len, wanted))  # each word is learned once
