"""Labelled sentences as batches of wordpieces, by step."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from realm_tf.configs import schema
from realm_tf.data.examples import order
from realm_tf.data.tagging import conll
from realm_tf.text import bio
from realm_tf.text import capitals
from realm_tf.text import entity_types
from realm_tf.text import token_windows
from realm_tf.text import wordpiece

IGNORED = -1  # the label of wordpieces that are not trained on

_BATCHES, _BUCKETS = range(2)  # purposes of random draws


class TaggingExamples:
  """Turns a step's number into its batch; pure TensorFlow.

  BERT splits words further: "U.S." is four basic tokens, and "Gaza" may be two
  wordpieces. The first wordpiece of each basic token bears its word's label,
  B- on the word's first one only; the others are ignored. So the tagger learns
  what it will see in raw text, where basic tokens are all the words there are.

  Sentences become windows (`text/token_windows.py`), and windows of similar
  length share a batch, which is padded to the length of its bucket. In an epoch
  each
  window comes once. What is missing in the last batch of a bucket is filled up
  with windows whose labels are ignored.

  Attributes:
    num_sentences: Sentences.
    num_windows: Windows; as many as sentences, if none is too long.
    num_batches: Batches of an epoch.
    max_length: Wordpieces of a window at most.
  """

  def __init__(
    self,
    sentences: Sequence[conll.LabeledSentence],
    config: schema.TaggerConfig,
    tokenizer: wordpiece.Tokenizer,
  ):
    """Tokenizes the sentences.

    Args:
      sentences: At least one.
      config: Lengths, batch size and seed.
      tokenizer: Of the model.
    """
    self._config = config
    self.max_length = config.max_length
    self._sentence_lengths = [len(s.words) for s in sentences]
    width = self.max_length
    with tf.device("/cpu:0"):
      tokens, segments, labels = self._tokenize(sentences, tokenizer)
      windows = token_windows.cut(
        tokens.row_lengths(), width - 2, config.overlap
      )
      self._token_ids = token_windows.read(
        windows, tokens, width, tokenizer.cls_id, tokenizer.sep_id
      )  # [windows, max_length]
      self._segment_ids = token_windows.read(windows, segments, width, 0, 0)
      self._owned = token_windows.owned(windows, width).numpy()
      at_places = np.full(self._owned.shape, IGNORED, np.int32)
      at_places[self._owned] = labels
      self._sentence_of_piece = tokens.value_rowids().numpy()
      self._labels = tf.constant(at_places)
      self._plan_batches((windows.limits - windows.starts).numpy() + 2)
    self.num_sentences = len(sentences)
    self.num_windows = len(at_places)

  @property
  def num_bytes(self) -> int:
    """Bytes of memory that the windows take."""
    return 13 * self.num_windows * self.max_length

  def _tokenize(
    self,
    sentences: Sequence[conll.LabeledSentence],
    tokenizer: wordpiece.Tokenizer,
  ) -> tuple[tf.RaggedTensor, tf.RaggedTensor, np.ndarray]:
    """Returns wordpieces and their segments by sentence, and their labels."""
    words = tf.constant([word for s in sentences for word in s.words])
    pieces, *places = tokenizer.tokenize_with_offsets(words)
    counts, ids = pieces.row_lengths().numpy(), pieces.flat_values.numpy()
    segments = capitals.segment_ids(
      words, *places, seen=self._config.capitals
    ).flat_values.numpy()
    # A word of control characters alone has no wordpiece.
    empty = np.cumsum(counts)[counts == 0]
    ids = np.insert(ids, empty, tokenizer.unk_id)
    segments = np.insert(segments, empty, 0)
    counts = np.maximum(counts, 1)
    self._first_pieces = np.cumsum(counts) - counts  # [words]
    by_name = {name: i for i, name in enumerate(entity_types.LABELS)}
    labels = np.array([by_name[x] for s in sentences for x in s.labels])
    of_pieces = np.repeat(labels, counts)
    is_first = np.zeros(len(ids), bool)
    is_first[self._first_pieces] = True
    # B- of a type is odd, its I- is the next number.
    of_pieces += (of_pieces % 2 == 1) & ~is_first
    starts = np.array(tokenizer.starts_word())[ids] | is_first
    splits = np.cumsum([0, *self._sentence_lengths])
    piece_splits = np.append(self._first_pieces, len(ids))[splits]
    tokens = tf.RaggedTensor.from_row_splits(
      tf.constant(ids, tf.int32), tf.constant(piece_splits, tf.int64)
    )
    return (
      tokens,
      tokens.with_flat_values(tf.constant(segments, tf.int32)),
      np.where(starts, of_pieces, IGNORED),
    )

  def _plan_batches(self, lengths: np.ndarray) -> None:
    """Puts the windows into buckets, and the buckets into batches."""
    widths = np.array(self._config.bucket_lengths)
    buckets = np.searchsorted(widths, lengths)
    sizes = np.bincount(buckets, minlength=len(widths))
    batches = [
      (bucket, place)
      for bucket, size in enumerate(sizes)
      for place in range(0, size, self._config.batch_size)
    ]
    self.num_batches = len(batches)
    self._batches = tf.constant(batches, tf.int64)  # [batches, 2]
    self._widths = tf.constant(widths, tf.int64)
    self._sizes = tf.constant(sizes, tf.int64)
    self._bucket_starts = tf.constant(np.cumsum(sizes) - sizes, tf.int64)
    # The windows, bucket by bucket.
    self._windows = tf.constant(np.argsort(buckets, kind="stable"), tf.int64)

  def __call__(self, step: tf.Tensor) -> dict[str, tf.Tensor]:
    """Returns the batch of a step.

    Args:
      step: <int64>[].

    Returns:
      `token_ids` <int32>[batch, L], L being one of the config's bucket
      lengths; `segment_ids` <int32>[batch, L], 1 for capitals, if the config
      says so, else 0; `labels` <int32>[batch, L], `IGNORED` where nothing is
      learned; `windows` <int64>[batch], which windows these are, -1 for those
      that fill the batch up.
    """
    config = self._config
    epoch, number = step // self.num_batches, step % self.num_batches
    number = order.permute(
      number[None], self.num_batches, self._seeds(epoch, 1, _BATCHES)
    )[0]
    bucket, first = tf.unstack(self._batches[number])
    size = self._sizes[bucket]
    place = first + tf.range(config.batch_size, dtype=tf.int64)
    shuffled = order.permute(
      place % size,
      size,
      self._seeds(epoch, config.batch_size, _BUCKETS + bucket),
    )
    windows = tf.gather(self._windows, self._bucket_starts[bucket] + shuffled)
    width = self._widths[bucket]
    is_real = place < size
    token_ids = tf.gather(self._token_ids, windows)[:, :width]
    segment_ids = tf.gather(self._segment_ids, windows)[:, :width]
    labels = tf.gather(self._labels, windows)[:, :width]
    labels = tf.where(is_real[:, None], labels, IGNORED)
    if config.num_buckets == 1:
      token_ids = tf.ensure_shape(token_ids, [None, config.max_length])
      segment_ids = tf.ensure_shape(segment_ids, [None, config.max_length])
      labels = tf.ensure_shape(labels, [None, config.max_length])
    return {
      "token_ids": token_ids,
      "segment_ids": segment_ids,
      "labels": labels,
      "windows": tf.where(is_real, windows, -1),
    }

  def _seeds(
    self, epoch: tf.Tensor, count: int, purpose: tf.Tensor | int
  ) -> tf.Tensor:
    seed = tf.stack(
      [self._config.seed, tf.cast(epoch, tf.int32), tf.cast(purpose, tf.int32)]
    )
    return tf.tile(seed[None], [count, 1])

  def word_labels(self, probs: np.ndarray) -> list[list[str]]:
    """Joins windows again, and returns the labels of each sentence's words.

    Args:
      probs: <float32>[num_windows, max_length, labels]. Of the labels at each
        place.
    """
    begins = self._labels.numpy()[self._owned] != IGNORED  # a basic token
    of_pieces = np.zeros(len(begins), np.int32)
    of_pieces[begins] = bio.likeliest_labels(
      tf.constant(probs[self._owned][begins]),
      tf.constant(self._sentence_of_piece[begins]),
    ).numpy()
    of_words = of_pieces[self._first_pieces]
    splits = np.cumsum(self._sentence_lengths)[:-1]
    return [
      [entity_types.LABELS[label] for label in sentence]
      for sentence in np.split(of_words, splits)
    ]
