"""Examples of the Inverse Cloze Task: a sentence, and its source block."""

import numpy as np
import tensorflow as tf

from realm_tf.configs import schema
from realm_tf.data import mapped_arrays
from realm_tf.data.examples import masked_queries
from realm_tf.data.examples import order
from realm_tf.data.examples import renaming
from realm_tf.data.sentences import annotated_corpus
from realm_tf.text import wordpiece

_KEEP, _TITLE, _MASK = range(10, 13)  # purposes of random draws


class IctExamples:
  """Turns a step's number into its sentences and blocks; pure TensorFlow.

  A sentence that is all of its passage is left out, as in ORQA's released
  code ("Masked examples for single-sentence blocks don't make any sense"):
  its block would be empty. ORQA takes such a sentence all the same where it
  stays in its block; here it comes only if every sentence stays.

  Attributes:
    source: The sentences.
  """

  def __init__(
    self,
    corpus: annotated_corpus.AnnotatedCorpus,
    config: schema.IctConfig,
    tokenizer: wordpiece.Tokenizer,
    *,
    heldout: bool,
  ):
    """Selects the sentences; see `masked_queries.MaskedQuerySource`."""
    self._config = config
    self._tokenizer = tokenizer
    self.source = masked_queries.MaskedQuerySource(
      corpus,
      config,
      tokenizer,
      heldout=heldout,
      keep_unmaskable=True,
      keep_whole_passages=config.keep_sentence_probability == 1,
    )
    kinds = renaming.no_kinds(tokenizer)
    if config.rename_probability or config.noise_probability:
      kinds = renaming.find_kinds(corpus, tokenizer)
    self._rename = renaming.Renamer(
      kinds, config.rename_probability, config.seed
    )
    self._noise = renaming.WordNoise(
      kinds, config.noise_probability, config.seed
    )
    self._tokens = mapped_arrays.as_tensor(corpus.tokens)
    self._title_tokens = mapped_arrays.as_tensor(
      np.append(corpus.title_tokens, corpus.title_tokens.dtype.type(0))
    )
    self._sentence_starts = mapped_arrays.as_tensor(corpus.sentence_starts)
    self._sentence_limits = mapped_arrays.as_tensor(corpus.sentence_limits)
    self._sentence_passages = mapped_arrays.as_tensor(corpus.sentence_passages)
    self._passage_splits = mapped_arrays.as_tensor(corpus.passage_splits)
    self._title_splits = mapped_arrays.as_tensor(corpus.title_splits)

  def __call__(self, step: tf.Tensor) -> dict[str, tf.Tensor]:
    """Returns the features of a step.

    Args:
      step: <int64>[].

    Returns:
      `query_token_ids` <int32>[batch, query_length] and `passage_token_ids`
      <int32>[batch, passage_length].
    """
    config = self._config
    batch = self.source(step)
    keep, drop_title, mask = (
      self._draw(step, purpose) < probability
      for purpose, probability in (
        (_KEEP, config.keep_sentence_probability),
        (_TITLE, config.drop_title_probability),
        (_MASK, config.mask_query_probability),
      )
    )
    query = tf.where(mask[:, None], batch.masked.token_ids, batch.token_ids)
    block = self._blocks(batch.sentences, keep, drop_title)
    both, _ = self._rename(tf.concat([query, block], axis=1), step)
    return {
      "query_token_ids": self._noise(both[:, : config.query_length], step),
      "passage_token_ids": both[:, config.query_length :],
    }

  def _draw(self, step: tf.Tensor, purpose: int) -> tf.Tensor:
    seed = order.step_seed(self._config.seed, step, purpose)
    return tf.random.stateless_uniform([self._config.batch_size], seed)

  def _blocks(
    self, sentences: tf.Tensor, keep: tf.Tensor, drop_title: tf.Tensor
  ) -> tf.Tensor:
    """Returns `[CLS] title [SEP] body without the sentence [SEP]`.

    Args:
      sentences: <int64>[batch].
      keep: <bool>[batch]. Whether the sentence stays in its block.
      drop_title: <bool>[batch].

    Returns:
      <int32>[batch, passage_length].
    """
    length = self._config.passage_length
    passages = tf.gather(self._sentence_passages, sentences)
    title_start = tf.gather(self._title_splits, passages)
    title_length = tf.gather(self._title_splits, passages + 1) - title_start
    title_length = tf.where(
      drop_title, tf.zeros_like(title_length), title_length
    )
    title_length = tf.minimum(title_length, length - 3)
    start = tf.gather(self._passage_splits, passages)
    limit = tf.gather(self._passage_splits, passages + 1)
    cut_start = tf.gather(self._sentence_starts, sentences)
    cut_length = tf.gather(self._sentence_limits, sentences) - cut_start
    cut_length = tf.where(keep, tf.zeros_like(cut_length), cut_length)
    body_start = title_length + 2
    body_length = tf.minimum(
      limit - start - cut_length, length - 1 - body_start
    )

    place = tf.range(length, dtype=tf.int64)[None, :]  # [1, length]
    in_title = (place >= 1) & (place <= title_length[:, None])
    body_place = place - body_start[:, None]
    in_body = (body_place >= 0) & (body_place < body_length[:, None])
    source = start[:, None] + body_place
    source += tf.where(source >= cut_start[:, None], cut_length[:, None], 0)
    titles = tf.gather(
      self._title_tokens,
      tf.where(in_title, title_start[:, None] + place - 1, 0),
    )
    bodies = tf.gather(self._tokens, tf.where(in_body, source, 0))
    token_ids = tf.where(in_body, tf.cast(bodies, tf.int32), 0)
    token_ids = tf.where(in_title, tf.cast(titles, tf.int32), token_ids)
    token_ids = tf.where(place == 0, self._tokenizer.cls_id, token_ids)
    ends = (body_place == -1) | (body_place == body_length[:, None])
    return tf.where(ends, self._tokenizer.sep_id, token_ids)
