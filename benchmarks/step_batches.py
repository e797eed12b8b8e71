"""Batches for the training step: without padding, and of real text."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from realm_tf.configs import schema
from realm_tf.data.corpus import corpora
from realm_tf.data.examples import masked_queries
from realm_tf.data.examples import packing
from realm_tf.data.examples import realm_examples
from realm_tf.data.sentences import annotated_corpus
from realm_tf.training.tasks import pipelines

Batch = dict[str, np.ndarray]


def full(config: schema.RealmConfig, vocab_size: int) -> Batch:
  """Returns a batch whose every position holds a random wordpiece.

  Args:
    config: Shapes.
    vocab_size: Wordpieces of the vocabulary.
  """
  rng = np.random.default_rng(0)
  batch, count = config.batch_size, config.num_candidates
  masks = config.max_masks

  def tokens(*shape: int) -> np.ndarray:
    return rng.integers(5, vocab_size, shape).astype(np.int32)

  segments = np.zeros([batch, count, config.joint_length], np.int32)
  segments[:, :, config.query_length :] = 1
  return {
    "query_token_ids": tokens(batch, config.query_length),
    "passage_token_ids": tokens(batch, count, config.passage_length),
    "joint_token_ids": tokens(batch, count, config.joint_length),
    "joint_segment_ids": segments,
    "candidate_mask": np.ones([batch, count], bool),
    "mask_positions": np.tile(
      np.arange(1, masks + 1, dtype=np.int32), [batch, 1]
    ),
    "targets": tokens(batch, masks),
    "target_weights": np.ones([batch, masks], np.float32),
  }


def of_corpus(
  config: schema.RealmConfig, corpus: corpora.Corpus, count: int
) -> list[Batch]:
  """Returns the first batches of sentences, with passages drawn at random.

  Args:
    config: Shapes, masking and seed.
    corpus: Its sentences are annotated.
    count: How many batches.
  """
  source = masked_queries.MaskedQuerySource(
    annotated_corpus.load(corpus.path, corpus.tokenizer),
    config,
    corpus.tokenizer,
    heldout=False,
  )
  passages = packing.PackedPassages.of(
    corpus.load_passages(), config.passage_length, corpus.tokenizer
  )
  examples = realm_examples.RealmExamples(
    source, random_candidates(config, corpus.num_passages), passages
  )
  return list(pipelines.by_step(examples, 0, count).as_numpy_iterator())


def random_candidates(
  config: schema.RealmConfig, num_passages: int
) -> realm_examples.RetrieveFunction:
  """Returns what draws candidates at random, the null passage first.

  Args:
    config: Batch and number of candidates.
    num_passages: Passages of the corpus.
  """
  size = config.num_candidates

  def retrieve(
    query_token_ids: tf.Tensor, source_uids: tf.Tensor
  ) -> tuple[tf.Tensor, tf.Tensor]:
    del query_token_ids  # Any passage will do.
    batch = config.batch_size
    seed = tf.cast(source_uids[:2], tf.int32)
    rows = tf.random.stateless_uniform(
      [batch, size - 1], seed, 0, num_passages, tf.int32
    )
    null = tf.fill([batch, 1], num_passages)
    return tf.concat([null, rows], axis=1), tf.ones([batch, size], tf.bool)

  return retrieve


def filled(batches: Sequence[Batch]) -> float:
  """Returns the share of the encoders' positions that hold a wordpiece."""
  names = ("query_token_ids", "passage_token_ids", "joint_token_ids")
  tokens = [batch[name] for batch in batches for name in names]
  return sum(map(np.count_nonzero, tokens)) / sum(t.size for t in tokens)
