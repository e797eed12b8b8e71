"""DrQA's reader: its parts by hand, and that it learns to read."""

import numpy as np
import tensorflow as tf

from realm_tf.baselines import drqa_reader


def reader(**changes):
  sizes = {"embedding_size": 8, "hidden_size": 6, "num_layers": 2}
  return drqa_reader.DocumentReader(30, dropout=0.0, **(sizes | changes))


def batch_of(questions, passages):
  ids = np.array(passages, np.int32)
  return drqa_reader.Batch(
    tf.constant(questions, tf.int32),
    tf.constant(ids),
    tf.constant(ids > 0),
    tf.constant(ids > 0),
  )


def test_each_word_attends_to_the_question_but_not_to_padding():
  rng = np.random.default_rng(0)
  words, keys = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 5, 4))
  values = rng.normal(size=(2, 5, 6))
  asked = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]], bool)
  found = drqa_reader.align(
    *(tf.constant(x, tf.float32) for x in (words, keys, values)), asked
  ).numpy()
  for b in range(2):
    for p in range(3):
      scores = np.exp(keys[b] @ words[b, p]) * asked[b]
      wanted = (scores / scores.sum()) @ values[b]
      np.testing.assert_allclose(found[b, p], wanted, rtol=1e-4)


def test_features_are_exact_match_and_frequency():
  passage = tf.constant([[7, 8, 7, 9, 0]])
  found = drqa_reader.word_features(passage, tf.constant([[9, 7, 0]]))
  np.testing.assert_allclose(
    found[0], [[1, 0.5], [0, 0.25], [1, 0.5], [1, 0.25], [0, 0]]
  )


def test_the_best_span_is_the_best_of_all_that_are_short_enough():
  rng = np.random.default_rng(1)
  starts, ends = rng.normal(size=(2, 6, 9)).astype(np.float32)
  for longest in (1, 3, 20):
    found = drqa_reader.best_spans(
      tf.constant(starts), tf.constant(ends), longest
    )
    for b in range(6):
      spans = {
        (i, j + 1): starts[b, i] + ends[b, j]
        for i in range(9)
        for j in range(i, min(i + longest, 9))
      }
      best = max(spans, key=spans.get)
      assert (found.starts[b], found.limits[b]) == best
      np.testing.assert_allclose(found.scores[b], spans[best], rtol=1e-6)


def test_the_loss_is_of_both_ends():
  starts = np.array([[1.0, 2.0, 0.0]], np.float32)
  ends = np.array([[0.0, 1.0, 3.0]], np.float32)
  found = drqa_reader.span_loss(
    starts, ends, tf.constant([1]), tf.constant([2])
  )
  p = np.exp(starts) / np.exp(starts).sum(), np.exp(ends) / np.exp(ends).sum()
  np.testing.assert_allclose(found, -np.log(p[0][0, 1] * p[1][0, 2]), rtol=1e-6)


def test_padding_changes_nothing_and_is_no_answer():
  model = reader()
  short = model(batch_of([[7, 8]], [[9, 10, 11]]))
  padded = model(batch_of([[7, 8, 0, 0]], [[9, 10, 11, 0, 0]]))
  for one, other in zip(short, padded, strict=True):
    np.testing.assert_allclose(one, other[:, :3], rtol=1e-5)
    found = drqa_reader.best_spans(other, other, 5)
    assert int(found.limits[0]) <= 3


def test_a_passage_without_a_place_for_an_answer_has_none():
  batch = batch_of([[7]], [[0, 0, 0]])
  found = drqa_reader.best_spans(*reader()(batch), 2)
  assert not drqa_reader.is_span(found.scores)[0]


def test_dropout_is_drawn_by_the_seed_in_training_alone():
  model = drqa_reader.DocumentReader(
    30, embedding_size=8, hidden_size=6, num_layers=1, dropout=0.5
  )
  batch = batch_of([[7, 8]], [[9, 10, 11]])
  same = [model(batch, tf.constant([1, 2]))[0].numpy() for _ in range(2)]
  np.testing.assert_array_equal(*same)
  other = model(batch, tf.constant([1, 3]))[0].numpy()
  assert (other != same[0]).any()
  np.testing.assert_array_equal(model(batch)[0], model(batch)[0])


def test_it_learns_to_answer_with_the_word_after_that_of_the_question():
  rng = np.random.default_rng(0)
  passages = np.stack([rng.permutation(np.arange(5, 13)) for _ in range(64)])
  places = rng.integers(0, 7, 64)
  questions = passages[np.arange(64), places][:, None]
  batch = batch_of(questions, passages)
  model, wanted = reader(num_layers=1), tf.constant(places + 1, tf.int32)
  optimizer = tf.keras.optimizers.Adamax(0.03)

  @tf.function(autograph=False)
  def step():
    with tf.GradientTape() as tape:
      loss = tf.reduce_mean(
        drqa_reader.span_loss(*model(batch), wanted, wanted)
      )
    weights = model.trainable_variables
    optimizer.apply_gradients(
      zip(tape.gradient(loss, weights), weights, strict=True)
    )
    return loss

  model(batch)
  optimizer.build(model.trainable_variables)
  for _ in range(150):
    step()
  found = drqa_reader.best_spans(*model(batch), 3)
  assert np.mean(found.starts.numpy() == places + 1) > 0.9
