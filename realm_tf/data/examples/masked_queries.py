"""Masked queries x with their targets y, by step."""

import collections
import dataclasses

import numpy as np
import tensorflow as tf

from realm_tf import errors
from realm_tf.configs import schema
from realm_tf.data import mapped_arrays
from realm_tf.data.examples import order
from realm_tf.data.sentences import annotated_corpus
from realm_tf.text import masking
from realm_tf.text import wordpiece

_SPAN, _MASK, _VARY = range(3)  # purposes of random draws
_SHORTEST_SENTENCE = 4  # wordpieces; below that there is nothing to go by


@dataclasses.dataclass(frozen=True)
class QueryBatch:
  """Queries of a step.

  Attributes:
    masked: Token ids, mask positions, targets and weights.
    token_ids: <int32>[batch, query_length]. The queries before masking.
    source_uids: <int64>[batch]. Fingerprint of the passage that each
      sentence came from, which must not be retrieved.
    sentences: <int64>[batch]. Which sentence each query is.
  """

  masked: masking.MaskedQueries
  token_ids: tf.Tensor
  source_uids: tf.Tensor
  sentences: tf.Tensor


class MaskedQuerySource:
  """Turns a step's number into its masked queries; pure TensorFlow.

  Attributes:
    num_examples: Sentences that can be asked; each comes once an epoch.
    dropped: How many spans and sentences cannot, by reason.
  """

  def __init__(
    self,
    corpus: annotated_corpus.AnnotatedCorpus,
    config: schema.QueryConfig,
    tokenizer: wordpiece.Tokenizer,
    *,
    heldout: bool,
    keep_unmaskable: bool = False,
    keep_whole_passages: bool = True,
  ):
    """Selects the sentences and spans that can be masked.

    Args:
      corpus: The annotated sentences.
      config: Masking policy, lengths, batch size and seed.
      tokenizer: Gives the special tokens.
      heldout: Whether the held-out sentences are wanted, or all others.
      keep_unmaskable: Whether sentences without a span that fits are kept,
        and left unmasked.
      keep_whole_passages: Whether sentences that are all of their passage are
        kept, which leave nothing behind when they are taken out of it.

    Raises:
      errors.UserError: If no sentence is left.
    """
    self._config = config
    self._tokenizer = tokenizer
    self.dropped = collections.Counter(corpus.dropped)
    wanted = corpus.heldout(config.heldout_fraction) == heldout
    chosen = wanted[corpus.sentence_passages]
    lengths = corpus.sentence_limits - corpus.sentence_starts
    short = lengths < _SHORTEST_SENTENCE
    self.dropped["sentence too short"] += int(np.sum(chosen & short))
    chosen &= ~short
    if not keep_whole_passages:
      alone = corpus.whole_passages
      self.dropped["sentence that is its whole passage"] += int(
        np.sum(chosen & alone)
      )
      chosen &= ~alone
    span_splits, fitting = self._fitting_spans(corpus)
    if config.masking == "salient_span" and not keep_unmaskable:
      without = np.diff(span_splits) == 0
      self.dropped["sentence without a span that fits"] += int(
        np.sum(chosen & without)
      )
      chosen &= ~without
    sentences = np.flatnonzero(chosen)
    self.num_examples = len(sentences)
    if not self.num_examples:
      part = "held-out" if heldout else "training"
      raise errors.UserError(
        f"The pre-training corpus leaves no {part} sentence to mask: "
        f"{dict(self.dropped)}. Annotate more text, or change "
        "`config.heldout_fraction` or `config.max_masks`."
      )
    self._sentences = mapped_arrays.as_tensor(_narrow(sentences))
    self._tokens = mapped_arrays.as_tensor(corpus.tokens)
    self._starts = mapped_arrays.as_tensor(corpus.sentence_starts)
    self._limits = mapped_arrays.as_tensor(corpus.sentence_limits)
    self._passages = mapped_arrays.as_tensor(corpus.sentence_passages)
    self._uids = mapped_arrays.as_tensor(corpus.uids)
    self._span_splits = mapped_arrays.as_tensor(_narrow(span_splits))
    self._fitting = mapped_arrays.as_tensor(_narrow(fitting))
    # One at least, so that a sentence without a span has something to read.
    self._span_starts, self._span_limits = (
      mapped_arrays.as_tensor(array if len(array) else np.zeros([1], np.int64))
      for array in (corpus.span_starts, corpus.span_limits)
    )
    with tf.device("/cpu:0"):
      self._words = tf.constant(tokenizer.words(), tf.int32)

  @property
  def nbytes(self) -> int:
    """Bytes of memory that the choice of sentences and spans takes."""
    own = (self._sentences, self._span_splits, self._fitting)
    return sum(int(tf.size(part)) * part.dtype.size for part in own)

  def _fitting_spans(
    self, corpus: annotated_corpus.AnnotatedCorpus
  ) -> tuple[np.ndarray, np.ndarray]:
    """Leaves out the spans that are longer than the mask budget.

    Returns:
      Where each sentence's spans begin among those that fit, <int64>[S + 1];
      and which spans these are, with one more, <int64>[fitting + 1].
    """
    fits = corpus.span_limits - corpus.span_starts <= self._config.max_masks
    self.dropped["span longer than max_masks"] += int(np.sum(~fits))
    before = np.concatenate([[0], np.cumsum(fits)])
    # One more, so that a sentence without a span has something to read.
    return before[corpus.span_splits], np.append(np.flatnonzero(fits), 0)

  def __call__(self, step: tf.Tensor) -> QueryBatch:
    """Returns the queries of a step.

    Args:
      step: <int64>[].
    """
    config = self._config
    examples = order.shuffled_examples(
      step, config.batch_size, self.num_examples, config.seed
    )
    return self.mask(_gather(self._sentences, examples), step)

  def mask(self, sentences: tf.Tensor, step: tf.Tensor) -> QueryBatch:
    """Masks sentences.

    Args:
      sentences: <int64>[batch]. Which sentences.
      step: <int64>[]. Seeds the draws.
    """
    start = tf.gather(self._starts, sentences)  # [batch], places in tokens
    limit = tf.gather(self._limits, sentences)
    if self._config.masking != "salient_span":
      return self._mask(sentences, start, limit, step)
    return self._mask(sentences, *self._choose_spans(sentences, step), step)

  def spans(self) -> tuple[np.ndarray, np.ndarray]:
    """Returns all salient spans of the selected sentences, in order.

    Returns:
      The sentence of each and its number, for `mask_spans`: both <int64>[n].
    """
    sentences = self._sentences.numpy().astype(np.int64)
    splits = self._span_splits.numpy().astype(np.int64)
    counts = splits[sentences + 1] - splits[sentences]
    first = np.cumsum(counts) - counts
    within = np.arange(counts.sum()) - np.repeat(first, counts)
    return (
      np.repeat(sentences, counts),
      np.repeat(splits[sentences], counts) + within,
    )

  def mask_spans(self, sentences: tf.Tensor, spans: tf.Tensor) -> QueryBatch:
    """Masks given spans, where `config.masking` is "salient_span".

    Args:
      sentences: <int64>[batch]. See `spans`.
      spans: <int64>[batch].
    """
    return self._mask(
      sentences,
      *self._places(spans),
      tf.constant(0, tf.int64),  # Nothing is drawn.
    )

  def _mask(
    self,
    sentences: tf.Tensor,
    target_start: tf.Tensor,
    target_limit: tf.Tensor,
    step: tf.Tensor,
  ) -> QueryBatch:
    """Masks sentences at given places in `tokens`, <int64>[batch]."""
    config = self._config
    room = config.query_length - 2
    start = tf.gather(self._starts, sentences)
    limit = tf.gather(self._limits, sentences)
    # A sentence that is too long is read through a window around its span.
    middle = (target_start + target_limit) // 2
    first = tf.clip_by_value(
      middle - room // 2, start, tf.maximum(limit - room, start)
    )
    limit = tf.minimum(limit, first + room)
    token_ids = self._read(first, limit)
    begin = tf.ones_like(first, tf.int32)  # after [CLS]
    end = tf.cast(limit - first, tf.int32) + 1
    seed = order.step_seed(config.seed, step, _MASK)
    if config.masking == "salient_span":
      chosen = masking.span_mask(
        config.query_length,
        tf.cast(target_start - first, tf.int32) + 1,
        tf.cast(target_limit - first, tf.int32) + 1,
      )
    elif config.masking == "random_span":
      chosen = masking.random_span_mask(
        config.query_length, begin, end, config.max_masks, seed
      )
    else:
      # "random_tokens" and "bert_tokens"
      chosen = masking.random_token_mask(
        config.query_length, begin, end, config.max_masks, seed
      )
    masked = masking.apply_mask(
      token_ids, chosen, config.max_masks, self._tokenizer.mask_id
    )
    if config.masking == "bert_tokens":
      seed = order.step_seed(config.seed, step, _VARY)
      masked = masking.vary(masked, token_ids, self._words, seed)
    passages = tf.gather(self._passages, sentences)
    source_uids = tf.gather(self._uids, passages)
    return QueryBatch(masked, token_ids, source_uids, sentences)

  def _choose_spans(
    self, sentences: tf.Tensor, step: tf.Tensor
  ) -> tuple[tf.Tensor, tf.Tensor]:
    """Draws one salient span of each sentence, or an empty span."""
    first = _gather(self._span_splits, sentences)
    count = _gather(self._span_splits, sentences + 1) - first
    seed = order.step_seed(self._config.seed, step, _SPAN)
    limit = tf.maximum(tf.cast(count, tf.int32), 1)
    span = first + tf.cast(masking.choose_below(limit, seed), tf.int64)
    none = tf.gather(self._starts, sentences)
    start, limit = self._places(span)
    return (
      tf.where(count > 0, start, none),
      tf.where(count > 0, limit, none),
    )

  def _places(self, spans: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns where spans begin and end in `tokens`, both <int64>[batch]."""
    spans = _gather(self._fitting, spans)
    return (
      tf.gather(self._span_starts, spans),
      tf.gather(self._span_limits, spans),
    )

  def _read(self, first: tf.Tensor, limit: tf.Tensor) -> tf.Tensor:
    """Returns `[CLS] tokens[first:limit] [SEP]`, padded to query_length."""
    place = tf.range(self._config.query_length, dtype=tf.int64)[None, :]
    source = first[:, None] + place - 1
    end = (limit - first + 1)[:, None]
    inside = (place >= 1) & (place < end)
    tokens = tf.gather(self._tokens, tf.where(inside, source, 0))
    token_ids = tf.where(inside, tf.cast(tokens, tf.int32), 0)
    token_ids = tf.where(place == 0, self._tokenizer.cls_id, token_ids)
    return tf.where(place == end, self._tokenizer.sep_id, token_ids)


def _narrow(numbers: np.ndarray) -> np.ndarray:
  """Returns numbers, none negative, in four bytes each if they fit."""
  fits = numbers.max(initial=0) <= np.iinfo(np.int32).max
  return numbers.astype(np.int32) if fits else numbers


def _gather(numbers: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
  """Returns numbers of `_narrow`, <int64>[...]."""
  return tf.cast(tf.gather(numbers, places), tf.int64)
