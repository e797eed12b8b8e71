import numpy as np
import pytest
import tensorflow as tf

from realm_tf.data.examples import candidates
from realm_tf.data.examples import masked_queries
from realm_tf.data.examples import packing
from realm_tf.data.examples import realm_examples
from realm_tf.data.examples import renaming
from tests import synthetic
from tests.synthetic import FIRST_NAME
from tests.synthetic import FIRST_WORD
from tests.synthetic import SEP

TOKENIZER = synthetic.make_tokenizer()


def examples_of(x, z, config, noise_probability=0.0):
  table = synthetic.passage_table(z)
  passages = packing.PackedPassages(
    table.title_ids.to_ragged(),
    table.body_ids.to_ragged(),
    config.passage_length,
    TOKENIZER,
  )
  weights = tf.random.stateless_normal([48, 4], [1, 2])
  embeddings = tf.random.stateless_normal([len(table), 4], [3, 4])

  def embed(token_ids):
    return tf.reduce_sum(tf.gather(weights, token_ids), axis=1)

  def search(queries, k):
    scores = tf.matmul(queries, embeddings, transpose_b=True)
    best = tf.math.top_k(scores, k)
    return best.values, best.indices, tf.ones_like(best.indices, tf.bool)

  source = masked_queries.MaskedQuerySource(x, config, TOKENIZER, heldout=False)
  retrieve = candidates.CandidateRetriever(
    embed, search, table.uids, config.num_candidates
  )
  kinds = renaming.find_kinds(x, TOKENIZER)
  noise = renaming.WordNoise(kinds, noise_probability, config.seed)
  return source, realm_examples.RealmExamples(source, retrieve, passages, noise)


@pytest.mark.parametrize("other_corpus", [False, True])
def test_features_fit_together(other_corpus):
  config = synthetic.realm_config()
  x = synthetic.random_corpus()
  z = synthetic.random_corpus(seed=9) if other_corpus else x
  source, examples = examples_of(x, z, config)
  for step in range(3):
    step = tf.constant(step, tf.int64)
    batch, got = source(step), examples(step)
    rows = got["candidate_rows"].numpy()
    assert got["candidate_mask"].numpy().all()
    assert (rows[:, 0] == z.num_passages).all()
    assert all(len(set(row)) == config.num_candidates for row in rows)
    np.testing.assert_array_equal(
      got["query_token_ids"], batch.masked.token_ids
    )
    for b in range(config.batch_size):
      if not other_corpus:
        source_row = np.flatnonzero(z.uids == batch.source_uids[b].numpy())[0]
        assert source_row not in rows[b]
      query = [t for t in got["query_token_ids"][b].numpy() if t]
      for k in range(config.num_candidates):
        passage = [t for t in got["passage_token_ids"][b, k].numpy() if t]
        body = passage[passage.index(SEP) + 1 :]
        joint = [t for t in got["joint_token_ids"][b, k].numpy() if t]
        assert joint == query + body
        assert got["joint_segment_ids"][b, k].numpy().sum() == len(body)
      # The masks stand at the same places of the joint input.
      places = got["mask_positions"][b].numpy()
      places = places[got["target_weights"][b].numpy() > 0]
      assert (
        got["joint_token_ids"][b].numpy()[:, places] == synthetic.MASK
      ).all()


def test_noise_changes_words_in_what_the_retriever_sees_and_nothing_else():
  config = synthetic.realm_config(batch_size=50)
  x = synthetic.random_corpus()
  source, examples = examples_of(x, x, config, noise_probability=0.5)
  step = tf.constant(3, tf.int64)
  plain, got = source(step).masked.token_ids.numpy(), examples(step)
  noised = got["query_token_ids"].numpy()
  is_word = (plain >= FIRST_WORD) | ((plain >= 5) & (plain < FIRST_NAME))
  assert (noised == plain)[~is_word].all()
  assert np.mean((noised != plain)[is_word]) == pytest.approx(0.5, abs=0.07)
  for b, row in enumerate(plain):
    tokens = [t for t in row if t]
    joint = got["joint_token_ids"].numpy()[b]
    assert (joint[:, : len(tokens)] == tokens).all()
  np.testing.assert_array_equal(examples(step)["query_token_ids"], noised)


def test_candidates_are_those_of_the_query_with_its_noise():
  config = synthetic.realm_config(batch_size=50)
  x = synthetic.random_corpus()
  step = tf.constant(3, tf.int64)
  _, plain = examples_of(x, x, config)
  _, noised = examples_of(x, x, config, noise_probability=1.0)
  rows, other = (e(step)["candidate_rows"].numpy() for e in (plain, noised))
  assert (rows != other).any(axis=1).mean() > 0.5


def test_shapes_are_static_in_a_pipeline():
  config = synthetic.realm_config()
  x = synthetic.random_corpus()
  _, examples = examples_of(x, x, config)
  dataset = tf.data.Dataset.range(3, 5).map(examples)
  assert {
    name: tuple(spec.shape) for name, spec in dataset.element_spec.items()
  } == {
    "query_token_ids": (8, 16),
    "passage_token_ids": (8, 4, 24),
    "joint_token_ids": (8, 4, 40),
    "joint_segment_ids": (8, 4, 40),
    "candidate_rows": (8, 4),
    "candidate_mask": (8, 4),
    "mask_positions": (8, 3),
    "targets": (8, 3),
    "target_weights": (8, 3),
  }
  in_graph = next(iter(dataset))
  for name, value in examples(tf.constant(3, tf.int64)).items():
    np.testing.assert_array_equal(in_graph[name], value)
