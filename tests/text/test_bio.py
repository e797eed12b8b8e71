import itertools

import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies as st
from seqeval.metrics import sequence_labeling

from realm_tf.text import bio
from realm_tf.text import entity_types

LABELS = entity_types.LABELS


def probs_of(labels, p=0.7):
  """Probability p for the label; the rest is shared by the others."""
  ids = [LABELS.index(label) for label in labels]
  rest = (1 - p) / (len(LABELS) - 1)
  probs = np.full([len(ids), len(LABELS)], rest, np.float32)
  probs[np.arange(len(ids)), ids] = p
  return tf.constant(probs)


def table(*words):
  """The probabilities that are named; 0 for the other labels."""
  return tf.constant(
    [[word.get(label, 0.0) for label in LABELS] for word in words], tf.float32
  )


def test_by_hand():
  labels = "O B-PER I-PER B-PER B-LOC O B-ORG B-ORG".split()
  rows = tf.constant([0, 0, 0, 0, 0, 0, 0, 1], tf.int64)
  spans = bio.decode(probs_of(labels), rows)
  assert spans.starts.numpy().tolist() == [1, 3, 4, 6, 7]
  assert spans.limits.numpy().tolist() == [3, 4, 5, 7, 8]
  names = [entity_types.TYPES[i] for i in spans.types.numpy()]
  assert names == ["PER", "PER", "LOC", "ORG", "ORG"]


def test_scores_are_means_of_the_types_probability():
  probs = table(
    {"B-LOC": 0.6, "I-LOC": 0.3, "O": 0.1},
    {"I-LOC": 0.5, "I-PER": 0.4, "O": 0.1},
  )
  spans = bio.decode(probs, tf.constant([0, 0], tf.int64))
  np.testing.assert_allclose(spans.scores, [(0.9 + 0.5) / 2], rtol=1e-6)


def test_nothing_to_decode():
  empty = tf.zeros([0, len(LABELS)])
  assert bio.decode(empty, tf.zeros([0], tf.int64)).starts.shape == (0,)
  spans = bio.decode(probs_of(["O", "O"]), tf.constant([0, 1], tf.int64))
  assert spans.scores.shape == (0,)


def test_a_name_whose_type_changes_on_the_way_is_one_span():
  # Word by word B-ORG I-LOC. Together: B-LOC I-LOC 0.40 * 0.8 = 0.320,
  # B-ORG I-ORG 0.55 * 0.1 = 0.055.
  probs = table(
    {"B-ORG": 0.55, "B-LOC": 0.4, "O": 0.05},
    {"I-LOC": 0.8, "I-ORG": 0.1, "O": 0.1},
  )
  spans = bio.decode(probs, tf.constant([0, 0], tf.int64))
  assert spans.starts.numpy().tolist() == [0]
  assert spans.limits.numpy().tolist() == [2]
  assert entity_types.TYPES[spans.types[0]] == "LOC"
  np.testing.assert_allclose(spans.scores, [(0.4 + 0.8) / 2], rtol=1e-6)


def follows_bio(labels):
  """Definition: an I- has a B- or I- of its type before it."""
  return all(
    not label.startswith("I-") or before in (label, f"B-{label[2:]}")
    for before, label in zip(("O", *labels), labels, strict=False)
  )


@pytest.mark.parametrize("seed", range(5))
def test_no_sequence_that_follows_bio_is_likelier(seed):
  rng = np.random.default_rng(seed)
  lengths = [3, 1, 2, 3]
  probs = rng.dirichlet(np.full(len(LABELS), 0.3), sum(lengths))
  rows = np.repeat([0, 1, 3, 4], lengths)  # sentence 2 has no word
  found = bio.likeliest_labels(
    tf.constant(probs, tf.float32), tf.constant(rows, tf.int64)
  )
  first = 0
  for length in lengths:
    of_words = probs[first : first + length]
    best = max(
      (
        ids
        for ids in itertools.product(range(len(LABELS)), repeat=length)
        if follows_bio([LABELS[i] for i in ids])
      ),
      key=lambda ids: np.prod(of_words[range(len(ids)), ids]),
    )
    assert found.numpy()[first : first + length].tolist() == list(best)
    first += length


def test_probabilities_of_zero():
  # Nothing that may follow O is likely.
  probs = table({"O": 1.0}, {"I-PER": 1.0})
  labels = bio.likeliest_labels(probs, tf.constant([0, 0], tf.int64)).numpy()
  assert follows_bio([LABELS[i] for i in labels])


def followed(labels):
  """The labels with each I- that may not stand where it does made a B-."""
  made = []
  for label in labels:
    is_right = follows_bio([*made, label])
    made.append(label if is_right else f"B-{label[2:]}")
  return made


@hypothesis.given(
  st.lists(
    st.lists(st.sampled_from(LABELS), min_size=1, max_size=8),
    min_size=1,
    max_size=4,
  )
)
def test_agrees_with_seqeval(sentences):
  sentences = [followed(labels) for labels in sentences]
  flat = [label for sentence in sentences for label in sentence]
  lengths = [len(sentence) for sentence in sentences]
  rows = np.repeat(np.arange(len(sentences)), lengths)
  spans = bio.decode(probs_of(flat), tf.constant(rows, tf.int64))
  wanted, first = [], 0
  for sentence in sentences:
    for kind, start, last in sequence_labeling.get_entities(sentence):
      wanted.append((first + start, first + last + 1, kind))
    first += len(sentence)
  found = zip(
    spans.starts.numpy().tolist(),
    spans.limits.numpy().tolist(),
    [entity_types.TYPES[i] for i in spans.types.numpy()],
    strict=True,
  )
  assert list(found) == wanted
