import numpy as np
import pytest
import tensorflow as tf

from realm_tf.models import orqa
from realm_tf.models import span_reader
from tests import synthetic

VOCAB = len(synthetic.VOCABULARY)


def make_features(config, batch, seed=0):
  """Random questions with passages of unequal length, the last ones missing."""
  rng = np.random.default_rng(seed)
  beam, length = config.reader_beam, config.reader_length
  k = config.retriever_beam
  joint = np.zeros([batch, beam, length], np.int32)
  segments = np.zeros([batch, beam, length], np.int32)
  queries = np.zeros([batch, config.query_length], np.int32)
  for b in range(batch):
    size = int(rng.integers(3, config.query_length))
    queries[b, :size] = rng.integers(5, VOCAB, size)
    for r in range(beam):
      body = int(rng.integers(1, length - size + 1))  # with [SEP]
      joint[b, r, : size + body] = rng.integers(5, VOCAB, size + body)
      segments[b, r, size : size + body] = 1
  return {
    "query_token_ids": tf.constant(queries),
    "beam_embeddings": tf.constant(
      rng.normal(size=[batch, k, config.embedding_size]), tf.float32
    ),
    "beam_mask": tf.constant(np.tile(np.arange(k) < k - 1, [batch, 1])),
    "joint_token_ids": tf.constant(joint),
    "joint_segment_ids": tf.constant(segments),
  }


@pytest.fixture(scope="module")
def model():
  config = synthetic.orqa_config()
  model = orqa.OrqaModel.of_task(config, VOCAB, synthetic.SEP)
  features = make_features(config, 2)
  model(features)
  # Biases and layer norms that change nothing would hide mistakes.
  rng = np.random.default_rng(1)
  for variable in model.reader.scorer.trainable_variables:
    noise = rng.normal(size=variable.shape, scale=0.3)
    variable.assign_add(tf.constant(noise, tf.float32))
  return config, model, features


def span_scores_by_hand(scorer, max_length, hidden):
  """The MLP on [h_start; h_end], span by span, in float64."""
  w = {
    name: np.asarray(value, np.float64)
    for name, value in {
      "start": scorer.start.kernel,
      "bias": scorer.start.bias,
      "end": scorer.end.kernel,
      "gamma": scorer.layer_norm.gamma,
      "beta": scorer.layer_norm.beta,
      "out": scorer.output_layer.kernel,
      "out_bias": scorer.output_layer.bias,
    }.items()
  }
  kernel = np.concatenate([w["start"], w["end"]])  # [2 * hidden, width]
  batch, length, _ = hidden.shape
  scores = np.full([batch, length, max_length], np.nan)
  for b in range(batch):
    for start in range(length):
      for width in range(max_length):
        end = start + width
        if end >= length:
          continue
        span = np.concatenate([hidden[b, start], hidden[b, end]])
        x = np.maximum(span @ kernel + w["bias"], 0)
        x = (x - x.mean()) / np.sqrt(x.var() + 1e-3)
        x = x * w["gamma"] + w["beta"]
        scores[b, start, width] = (x @ w["out"] + w["out_bias"])[0]
  return scores


def test_banded_span_scores_equal_the_mlp_of_each_span(model):
  config, orqa_model, _ = model
  scorer = orqa_model.reader.scorer
  hidden = np.random.default_rng(2).normal(size=[3, 9, 16])
  wanted = span_scores_by_hand(scorer, config.max_span_length, hidden)
  found = scorer(tf.constant(hidden, tf.float32)).numpy()
  assert found.shape == wanted.shape
  inside = ~np.isnan(wanted)
  assert inside.sum() == 3 * (9 + 8 + 7)
  np.testing.assert_allclose(found[inside], wanted[inside], atol=1e-5)


def test_starts_and_ends_begin_with_weights_of_their_own():
  scorer = span_reader.SpanScorer(
    synthetic.orqa_config(), max_span_length=3, span_hidden_size=12
  )
  scorer(tf.zeros([1, 4, 16]))
  assert not np.allclose(scorer.start.kernel, scorer.end.kernel)


def test_only_spans_of_the_body_are_spans():
  segments = tf.constant([[0, 0, 1, 1, 1, 1, 0], [0, 1, 1, 1, 1, 1, 1]])
  mask = span_reader.span_mask(segments, 3).numpy()
  for row, body in enumerate([range(2, 5), range(1, 6)]):
    for start in range(7):
      for width in range(3):
        wanted = start in body and start + width in body
        assert mask[row, start, width] == wanted
  # A passage without a body: nothing but its [SEP].
  assert not span_reader.span_mask(tf.constant([[0, 0, 1, 0]]), 3).numpy().any()


def test_outputs_have_the_beams_shapes_and_masks(model):
  config, orqa_model, features = model
  outputs = orqa_model(features)
  beam, length = config.reader_beam, config.reader_length
  assert outputs.retriever_scores.shape == (2, config.retriever_beam)
  assert outputs.span_scores.shape == (2, beam, length, config.max_span_length)
  queries = orqa_model.retriever.query_embedder(features["query_token_ids"])
  wanted = config.score_scale * np.einsum(
    "bd,bkd->bk", queries, features["beam_embeddings"]
  )
  found = outputs.retriever_scores.numpy()
  np.testing.assert_allclose(found[:, :-1], wanted[:, :-1], rtol=1e-5)
  assert (found[:, -1] < -1e8).all()
  mask = span_reader.span_mask(features["joint_segment_ids"], 3).numpy()
  spans = outputs.span_scores.numpy()
  assert (spans[~mask] < -1e8).all()
  assert (np.abs(spans[mask]) < 1e3).all()


def test_the_passages_score_is_added_to_its_spans(model):
  config, orqa_model, features = model
  spans = orqa_model(features).span_scores
  b, r = config.reader_beam, config.reader_length
  flat = [
    tf.reshape(features[name], [-1, r])
    for name in ("joint_token_ids", "joint_segment_ids")
  ]
  alone = tf.reshape(orqa_model.reader(*flat), [2, b, r, -1])
  added = (spans - alone).numpy()
  mask = span_reader.span_mask(features["joint_segment_ids"], 3).numpy()
  scores = orqa_model(features).retriever_scores.numpy()
  wanted = np.broadcast_to(scores[:, :b, None, None], added.shape)
  np.testing.assert_allclose(added[mask], wanted[mask], atol=1e-4)


def loss_by_hand(scores, right, hard):
  """-log of the right ones' share, in float64; 0 where nothing is right."""
  scores = np.asarray(scores, np.float64)
  losses = []
  for row, wanted in zip(scores, right, strict=True):
    p = np.exp(row - row.max())
    p /= p.sum()
    share = p[wanted].max(initial=0) if hard else p[wanted].sum()
    losses.append(-np.log(share) if wanted.any() else 0.0)
  return np.array(losses)


@pytest.mark.parametrize("hard", [False, True])
def test_both_losses_equal_the_definition(hard):
  rng = np.random.default_rng(3)
  retriever = rng.normal(size=[4, 7], scale=3)
  spans = rng.normal(size=[4, 2, 5, 3], scale=3)
  outputs = orqa.OrqaOutputs(tf.constant(retriever), tf.constant(spans))
  passages_right = rng.random([4, 7]) < 0.3
  spans_right = rng.random([4, 2, 5, 3]) < 0.1
  passages_right[1] = False
  spans_right[2] = False
  passages_right[0, 0] = spans_right[0, 0, 0, 0] = True
  spans_right[1, 1, 2, 1] = True
  found = orqa.retriever_loss(outputs, tf.constant(passages_right), hard=hard)
  np.testing.assert_allclose(
    found.loss, loss_by_hand(retriever, passages_right, hard), rtol=1e-12
  )
  assert found.answered.numpy().tolist() == passages_right.any(1).tolist()
  assert found.loss[1] == 0.0
  found = orqa.reader_loss(outputs, tf.constant(spans_right), hard=hard)
  wanted = loss_by_hand(
    spans.reshape([4, -1]), spans_right.reshape([4, -1]), hard
  )
  np.testing.assert_allclose(found.loss, wanted, rtol=1e-12)
  assert found.answered.numpy().tolist() == [True, True, False, bool(wanted[3])]


def test_hard_em_trains_the_best_answer_alone():
  scores = tf.constant([[1.0, 2.0, 0.5, -1.0]])
  right = tf.constant([[True, True, False, False]])
  outputs = orqa.OrqaOutputs(scores, tf.zeros([1, 1, 1, 1]))
  gradients = {}
  for hard in (False, True):
    with tf.GradientTape() as tape:
      tape.watch(scores)
      loss = orqa.retriever_loss(outputs, right, hard=hard).loss
    gradients[hard] = tape.gradient(loss, scores).numpy()[0]
  p = np.exp(scores[0]) / np.exp(scores[0]).sum()
  best = np.array([0, 1, 0, 0])
  both = np.where([1, 1, 0, 0], p, 0) / p[:2].sum()
  np.testing.assert_allclose(gradients[True], p - best, atol=1e-6)
  np.testing.assert_allclose(gradients[False], p - both, atol=1e-6)


def test_an_example_without_an_answer_has_no_gradient(model):
  config, orqa_model, features = model
  nothing = tf.zeros([2, config.retriever_beam], tf.bool)
  no_span = tf.zeros(
    [2, config.reader_beam, config.reader_length, config.max_span_length],
    tf.bool,
  )
  with tf.GradientTape() as tape:
    outputs = orqa_model(features)
    loss = tf.reduce_sum(
      orqa.retriever_loss(outputs, nothing, hard=False).loss
      + orqa.reader_loss(outputs, no_span, hard=False).loss
    )
  assert float(loss) == 0.0
  for gradient in tape.gradient(loss, orqa_model.trainable_variables):
    assert gradient is None or not np.any(tf.convert_to_tensor(gradient))


def test_gradients_reach_queries_and_reader_and_not_the_passages(model):
  config, orqa_model, features = model
  right = tf.one_hot([0, 1], config.retriever_beam) > 0
  mask = span_reader.span_mask(features["joint_segment_ids"], 3)
  first = tf.cast(tf.math.cumsum(tf.cast(mask, tf.int32), axis=2) == 1, bool)
  with tf.GradientTape(persistent=True) as tape:
    tape.watch(features["beam_embeddings"])
    outputs = orqa_model(features)
    retriever = orqa.retriever_loss(outputs, right, hard=False).loss
    reader = orqa.reader_loss(outputs, first & mask, hard=False).loss

  def moves(loss, variables):
    gradients = tape.gradient(loss, variables)
    return [
      g is not None and bool(np.any(tf.convert_to_tensor(g) != 0))
      for g in gradients
    ]

  names = {v.ref() for v in orqa_model.trainable_variables}
  passage = orqa_model.retriever.passage_embedder
  assert not passage.trainable_variables
  assert not names & {v.ref() for v in passage.variables}
  queries = orqa_model.retriever.query_embedder.trainable_variables
  spans = orqa_model.reader.trainable_variables
  assert len(names) == len(queries) + len(spans)
  # The early loss knows no reader; the reader's loss trains both halves, since
  # a passage's score is a part of its spans'.
  assert not any(moves(retriever, spans))
  assert sum(moves(retriever, queries)) > 0.8 * len(queries)
  assert sum(moves(reader, queries)) > 0.8 * len(queries)
  assert sum(moves(reader, spans)) > 0.8 * len(spans)


def test_the_best_span_is_told_in_wordpieces_of_the_body():
  masked = orqa.MASKED
  scores = np.full([3, 2, 6, 3], masked, np.float32)
  segments = np.zeros([3, 2, 6], np.int32)
  segments[:, :, 2:] = 1
  segments[1, 1] = [0, 0, 0, 1, 1, 1]
  retriever = np.array([[2.0, 1.0, 0], [0.0, 5.0, 0], [1.0, 1.0, 0]])
  scores[0, 0, 2, 0] = 3.0
  scores[0, 1, 3, 1] = 2.5  # without its passage's score: 1.5 against 1.0
  scores[1, 1, 4, 1] = 7.0
  outputs = orqa.OrqaOutputs(
    tf.constant(retriever, tf.float32), tf.constant(scores)
  )
  both = orqa.best_spans(
    outputs, tf.constant(segments), 2, passage_scores=tf.constant(True)
  )
  assert both.valid.numpy().tolist() == [
    [True, True],
    [True, False],
    [False, False],
  ]
  assert both.passage.numpy()[both.valid].tolist() == [0, 1, 1]
  assert both.start.numpy()[both.valid].tolist() == [0, 1, 1]
  assert both.length.numpy()[both.valid].tolist() == [1, 2, 2]
  assert both.reader_score.numpy()[both.valid].tolist() == [1.0, 1.5, 2.0]
  assert both.retriever_score.numpy()[both.valid].tolist() == [2.0, 1.0, 5.0]
  share = np.exp(3.0) / (np.exp(3.0) + np.exp(2.5))
  np.testing.assert_allclose(
    both.probability, [[share, 1 - share], [1, 0], [0, 0]], rtol=1e-5
  )
  alone = orqa.best_spans(
    outputs, tf.constant(segments), 1, passage_scores=tf.constant(False)
  )
  assert alone.passage.numpy()[:2, 0].tolist() == [1, 1]
  assert alone.start.numpy()[:2, 0].tolist() == [1, 1]
  assert alone.reader_score.numpy()[:2, 0].tolist() == [1.5, 2.0]


class Table(tf.keras.layers.Layer):
  """Embeds a text as a row of a table, by its first wordpiece."""

  def __init__(self, rows):
    super().__init__()
    self.rows = tf.Variable(rows, dtype=tf.float32)

  def call(self, token_ids, training=False):
    return tf.gather(self.rows, token_ids[:, 0])


@pytest.mark.parametrize("hard", [False, True])
def test_the_loss_over_embedded_passages_and_its_gradient_by_hand(hard):
  rng = np.random.default_rng(5)
  config = synthetic.orqa_config(
    train_passage_tower=True, train_reader=False, beam_loss=False
  )
  live_model = orqa.OrqaModel.of_task(config, VOCAB, synthetic.SEP)
  queries, passages = rng.normal(size=[3, 4]), rng.normal(size=[6, 4])
  live_model.retriever.query_embedder = Table(queries)
  live_model.retriever.passage_embedder = Table(passages)
  positives = np.zeros([3, 6], bool)
  positives[0, 0] = positives[0, 1] = positives[1, 2] = True
  candidates = rng.random([3, 6]) < 0.7
  candidates |= positives
  with tf.GradientTape() as tape:
    outputs = live_model(
      {
        "query_token_ids": tf.range(3)[:, None],
        "live_token_ids": tf.reshape(tf.range(6), [3, 2, 1]),
        "live_mask": tf.ones([3, 2], tf.bool),
      }
    )
    found = orqa.live_loss(
      outputs, tf.constant(positives), tf.constant(candidates), hard=hard
    )
    total = tf.reduce_sum(found.loss)
  assert outputs.retriever_scores is None and outputs.span_scores is None
  scores = config.score_scale * queries @ passages.T
  masked = np.where(candidates, scores, -np.inf)
  wanted = loss_by_hand(masked, positives, hard)
  np.testing.assert_allclose(found.loss, wanted, rtol=1e-5)
  assert found.answered.numpy().tolist() == [True, True, False]
  # d(-log sum of p over the right ones) / d scores, question by question.
  slope = np.zeros([3, 6])
  for i in range(2):
    p = np.exp(masked[i]) / np.exp(masked[i]).sum()
    right = np.where(positives[i], p, 0)
    if hard:
      right = np.where(right == right.max(), right, 0)
    slope[i] = p - right / right.sum()
  towers = live_model.retriever
  gradients = tape.gradient(
    total, [towers.query_embedder.rows, towers.passage_embedder.rows]
  )
  np.testing.assert_allclose(
    tf.convert_to_tensor(gradients[0]),
    config.score_scale * slope @ passages,
    atol=1e-5,
  )
  np.testing.assert_allclose(
    tf.convert_to_tensor(gradients[1]),
    config.score_scale * slope.T @ queries,
    atol=1e-5,
  )


def test_what_is_read_is_scored_with_the_towers_of_the_step():
  config = synthetic.orqa_config(train_passage_tower=True)
  both = orqa.OrqaModel.of_task(config, VOCAB, synthetic.SEP)
  features = make_features(config, 2)
  rng = np.random.default_rng(6)
  ids = tf.constant(rng.integers(5, VOCAB, [2, 4, 9]), tf.int32)
  features |= {"live_token_ids": ids, "live_mask": tf.ones([2, 4], tf.bool)}
  with tf.GradientTape() as tape:
    spans = both(features).span_scores
    mask = spans > -1e8
    total = tf.reduce_sum(tf.where(mask, spans, 0.0))
  queries, passages = both.retriever(
    features["query_token_ids"], tf.reshape(ids[:, :2], [4, 9])
  )
  wanted = config.score_scale * tf.einsum(
    "bd,brd->br", queries, tf.reshape(passages, [2, 2, -1])
  )
  flat = [
    tf.reshape(features[name], [-1, config.reader_length])
    for name in ("joint_token_ids", "joint_segment_ids")
  ]
  alone = tf.reshape(both.reader(*flat), spans.shape)
  added = tf.boolean_mask(spans - alone, mask)
  every = tf.broadcast_to(wanted[:, :, None, None], spans.shape)
  np.testing.assert_allclose(added, tf.boolean_mask(every, mask), atol=1e-4)
  # The reader's loss trains the passage tower, too.
  tower = both.retriever.passage_embedder.trainable_variables
  gradients = tape.gradient(total, tower)
  assert tower and sum(g is not None for g in gradients) > 0.8 * len(tower)
