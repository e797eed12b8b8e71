"""Pairs of passages of one article, for a language model that can copy.

A reader is of use to REALM once it can take a name from the passage into the
query. It learns this where names cannot be known by heart: in most pairs every
name is replaced by another, random one, the same throughout the pair. If told
so, some pairs are easier, one passage twice, and some are of two articles.
"""

import numpy as np
import tensorflow as tf

from realm_tf import errors
from realm_tf.configs import schema
from realm_tf.data import mapped_arrays
from realm_tf.data.examples import order
from realm_tf.data.examples import renaming
from realm_tf.data.sentences import annotated_corpus
from realm_tf.text import masking
from realm_tf.text import wordpiece

# Purposes of random draws.
_PARTNER, _START, _NULL, _SPANS, _TOKENS, _UNRELATED, _SAME = range(20, 27)
_LARGE = 1 << 30


class MlmExamples:
  """Turns a step's number into its pairs; pure TensorFlow.

  Attributes:
    num_examples: Passages that have a partner in their article.
    rename: Replaces the names of a pair at random.
  """

  def __init__(
    self,
    corpus: annotated_corpus.AnnotatedCorpus,
    config: schema.MlmConfig,
    tokenizer: wordpiece.Tokenizer,
    *,
    heldout: bool,
  ):
    """Selects the passages.

    Args:
      corpus: The annotated passages.
      config: Lengths, probabilities, batch size and seed.
      tokenizer: Gives the special tokens.
      heldout: Whether the held-out passages are wanted, or all others.

    Raises:
      errors.UserError: If no article has two such passages.
    """
    self._config = config
    self._tokenizer = tokenizer
    first, group, size, by_article = _partners(
      corpus, corpus.heldout(config.heldout_fraction) == heldout
    )
    self.num_examples = len(first)
    if not self.num_examples:
      raise errors.UserError(
        "No article of the corpus has two passages to pair: build it with a "
        "smaller `max_passage_tokens`, or change `config.heldout_fraction`."
      )
    self.rename = renaming.Renamer(
      renaming.find_kinds(corpus, tokenizer),
      config.rename_probability,
      config.seed,
    )
    span_of_token = np.full(len(corpus.tokens), -1, np.int64)
    for offset in range(
      int(np.max(corpus.span_limits - corpus.span_starts, initial=0))
    ):
      place = corpus.span_starts + offset
      inside = np.flatnonzero(place < corpus.span_limits)
      span_of_token[place[inside]] = inside
    self._tokens = mapped_arrays.as_tensor(corpus.tokens)
    self._splits = mapped_arrays.as_tensor(corpus.passage_splits)
    self._sentence_starts = mapped_arrays.as_tensor(corpus.sentence_starts)
    with tf.device("/cpu:0"):
      self._first = tf.constant(first)
      self._group = tf.constant(group)
      self._size = tf.constant(size)
      self._by_article = tf.constant(by_article)
      self._span_of_token = tf.constant(span_of_token)
      self._sentence_splits = tf.constant(
        np.searchsorted(
          corpus.sentence_passages, np.arange(corpus.num_passages + 1)
        )
      )

  @property
  def nbytes(self) -> int:
    """Bytes of memory that the choice of passages and spans takes."""
    own = [self._first, self._group, self._size, self._by_article]
    own += [self._span_of_token, self._sentence_splits]
    return sum(int(tf.size(part)) * part.dtype.size for part in own)

  def __call__(self, step: tf.Tensor) -> dict[str, tf.Tensor]:
    """Returns the features of a step.

    Args:
      step: <int64>[].

    Returns:
      `token_ids` and `segment_ids` <int32>[batch, joint_length],
      `mask_positions` and `targets` <int32>[batch, max_targets],
      `target_weights` <float32>[batch, max_targets].
    """
    config = self._config
    examples = order.shuffled_examples(
      step, config.batch_size, self.num_examples, config.seed
    )
    place = tf.gather(self._first, examples)
    first = tf.gather(self._by_article, place)
    same = self._draw(step, _SAME) < config.same_passage_probability
    second = tf.gather(self._by_article, self._partner(place, step))
    second = tf.where(same, first, second)
    places, segment_ids, special = self._layout(first, second, step)
    inside = places >= 0
    tokens = tf.gather(self._tokens, tf.where(inside, places, 0))
    token_ids = tf.where(inside, tf.cast(tokens, tf.int32), special)
    token_ids, renamed = self.rename(token_ids, step)
    chosen = self._choose(places, inside, step)
    chosen &= (segment_ids == 0) | ~same[:, None]
    chosen &= ~renamed | _stands_elsewhere(token_ids, chosen)
    place = tf.cumsum(tf.cast(chosen, tf.int32), axis=1)
    chosen &= place <= config.max_targets
    masked = masking.apply_mask(
      token_ids, chosen, config.max_targets, self._tokenizer.mask_id
    )
    return {
      "token_ids": masked.token_ids,
      "segment_ids": segment_ids,
      "mask_positions": masked.mask_positions,
      "targets": masked.targets,
      "target_weights": masked.target_weights,
    }

  def _seed(self, step: tf.Tensor, purpose: int) -> tf.Tensor:
    return order.step_seed(self._config.seed, step, purpose)

  def _draw(self, step: tf.Tensor, purpose: int) -> tf.Tensor:
    """<float32>[batch], uniform in [0, 1)."""
    return tf.random.stateless_uniform(
      [self._config.batch_size], self._seed(step, purpose)
    )

  def _partner(self, place: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
    """Draws another place of the same article, now and then of any."""
    unrelated = (
      self._draw(step, _UNRELATED) < self._config.unrelated_probability
    )
    group, size = tf.gather(self._group, place), tf.gather(self._size, place)
    group = tf.where(unrelated, tf.zeros_like(group), group)
    size = tf.where(unrelated, tf.size(self._by_article, tf.int64), size)
    shift = 1 + masking.choose_below(
      tf.cast(size, tf.int32) - 1, self._seed(step, _PARTNER)
    )
    return group + (place - group + tf.cast(shift, tf.int64)) % size

  def _layout(
    self, first: tf.Tensor, second: tf.Tensor, step: tf.Tensor
  ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Lays out `[CLS] first [SEP] second [SEP]`.

    The first passage is read from a sentence on, as a query is; the second is
    empty now and then, as the null passage is.

    Returns:
      Places in `tokens` <int64>[batch, joint_length], -1 where there is none;
      segment ids <int32>, and the special tokens <int32> of the same shape.
    """
    config = self._config
    sentence_first = tf.gather(self._sentence_splits, first)
    count = tf.gather(self._sentence_splits, first + 1) - sentence_first
    sentence = sentence_first + tf.cast(
      masking.choose_below(tf.cast(count, tf.int32), self._seed(step, _START)),
      tf.int64,
    )
    start_a = tf.gather(self._sentence_starts, sentence)
    length_a = tf.minimum(
      tf.gather(self._splits, first + 1) - start_a, config.query_length - 2
    )[:, None]
    start_b = tf.gather(self._splits, second)
    length_b = tf.minimum(
      tf.gather(self._splits, second + 1) - start_b,
      config.passage_length - 1,
    )
    null = self._draw(step, _NULL) < config.null_probability
    length_b = tf.where(null, tf.zeros_like(length_b), length_b)[:, None]

    place = tf.range(config.joint_length, dtype=tf.int64)[None, :]
    place_b = place - length_a - 2
    in_a = (place >= 1) & (place <= length_a)
    in_b = (place_b >= 0) & (place_b < length_b)
    places = tf.where(in_a, start_a[:, None] + place - 1, -1)
    places = tf.where(in_b, start_b[:, None] + place_b, places)
    ends = (place_b == -1) | (place_b == length_b)
    special = tf.where(ends, self._tokenizer.sep_id, self._tokenizer.pad_id)
    special = tf.where(place == 0, self._tokenizer.cls_id, special)
    segment_ids = tf.cast((place_b >= 0) & (place_b <= length_b), tf.int32)
    return places, segment_ids, special

  def _choose(
    self, places: tf.Tensor, inside: tf.Tensor, step: tf.Tensor
  ) -> tf.Tensor:
    """Chooses whole spans and single wordpieces to mask.

    Returns:
      <bool>[batch, joint_length].
    """
    config = self._config
    span = tf.gather(self._span_of_token, tf.maximum(places, 0))
    draw = order.permute_rows(
      tf.maximum(span, 0), _LARGE, self._seed(step, _SPANS)
    )
    limit = int(config.span_mask_probability * _LARGE)
    chosen = inside & (span >= 0) & (draw < limit)
    single = tf.random.stateless_uniform(
      tf.shape(places), self._seed(step, _TOKENS)
    )
    return chosen | (inside & (single < config.token_mask_probability))


def _stands_elsewhere(token_ids: tf.Tensor, chosen: tf.Tensor) -> tf.Tensor:
  """Returns which wordpieces also occur unmasked.

  A random name that occurs nowhere else cannot be predicted: to mask it would
  only add noise.

  Args:
    token_ids: <int32>[batch, length].
    chosen: <bool>[batch, length]. Wordpieces to mask.

  Returns:
    <bool>[batch, length].
  """
  seen = tf.where(chosen, -1, token_ids)
  return tf.reduce_any(token_ids[:, :, None] == seen[:, None, :], axis=2)


def _partners(
  corpus: annotated_corpus.AnnotatedCorpus, chosen: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
  """Groups the chosen passages by article.

  Returns:
    Places of passages that have a partner; the first place of each place's
    article; the number of passages of each place's article; and the passage at
    each place.
  """
  sentences = np.bincount(
    corpus.sentence_passages, minlength=corpus.num_passages
  )
  passages = np.flatnonzero(chosen & (sentences > 0))
  by_article = passages[np.argsort(corpus.articles[passages], kind="stable")]
  _, first, article, count = np.unique(
    corpus.articles[by_article],
    return_index=True,
    return_inverse=True,
    return_counts=True,
  )
  size = count[article]
  return np.flatnonzero(size > 1), first[article], size, by_article
