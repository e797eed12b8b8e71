"""Learns a WordPiece vocabulary from text, with TF Text's learner."""

import collections
from collections.abc import Iterable
from collections.abc import Iterator

import tensorflow as tf
from tensorflow_text.python.ops import bert_tokenizer
from tensorflow_text.tools.wordpiece_vocab import (
  wordpiece_tokenizer_learner_lib as learner,
)

from realm_tf import errors
from realm_tf.text import wordpiece

# Text beyond this hardly changes a vocabulary, but the learner's time.
MAX_LEARNED_BYTES = 100_000_000

_BATCH = 512
# The learner keeps each character, and once more as a continuation, whatever
# happens: rare scripts would crowd out words.
_MAX_UNIQUE_CHARS = 1000
_CHARS_PER_WORDPIECE = 1 / 16
# Letters, digits and punctuation; a quarter of the smallest vocabularies.
_MIN_UNIQUE_CHARS = 100
_MIN_SIZE = 32
# The learner's time is proportional to the different words that it looks at.
_MAX_WORDS = 100_000
_NUM_ITERATIONS = 3
# Of a vocabulary, at least this part is whole words.
_MIN_WORDS_PART = 1 / 4
# The search ends when a vocabulary is as full as this.
_FILLED_PART = 0.95


def learn_vocabulary(
  texts: Iterable[str], size: int, lower_case: bool
) -> list[str]:
  """Learns a BERT vocabulary.

  Args:
    texts: Texts; of very many, the first `MAX_LEARNED_BYTES` count.
    size: Wordpieces at most, special tokens included; the learner stays
      somewhat below.
    lower_case: Whether text is lower-cased and stripped of accents first.

  Returns:
    The wordpieces by id; [PAD] is 0, the other special tokens follow.

  Raises:
    errors.UserError: If there is too little text to learn from.
  """
  counts = _count_words(texts, lower_case)
  if not counts or size < _MIN_SIZE:
    raise errors.UserError(
      f"vocab_size={size}: no vocabulary can be learned from the "
      f"{len(counts)} different words of `input`."
    )
  # Sorted, so that words of one count are cut off alike in each run.
  words = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
  return _search(words, size)


def _search(words: list[tuple[str, int]], size: int) -> list[str]:
  """Returns the largest vocabulary that the size allows, or nearly so.

  The learner's own search starts at the count of "the", which takes many
  runs, and it may end above the size.
  """
  lower, upper = _thresholds(words, size)
  while len(best := _learn(words, size, upper)) > size:
    # The characters alone are few enough, so that some threshold will do.
    lower, upper = upper + 1, upper * 2
  while lower < upper and len(best) < _FILLED_PART * size:
    threshold = (lower + upper) // 2
    learned = _learn(words, size, threshold)
    if len(learned) <= size:
      best, upper = learned, threshold
    else:
      lower = threshold + 1
  return best


def _learn(
  words: list[tuple[str, int]], size: int, threshold: int
) -> list[str]:
  """Learns the wordpieces that occur at least `threshold` times."""
  max_chars = max(
    int(size * _CHARS_PER_WORDPIECE), min(_MIN_UNIQUE_CHARS, size // 4)
  )
  return learner.learn(
    words,
    vocab_size=size,
    reserved_tokens=list(wordpiece.SPECIAL_TOKENS),
    lower_thresh=threshold,
    upper_thresh=threshold,
    num_iterations=_NUM_ITERATIONS,
    max_input_tokens=_MAX_WORDS,
    max_unique_chars=min(_MAX_UNIQUE_CHARS, max_chars),
  )


def _count_words(
  texts: Iterable[str], lower_case: bool
) -> collections.Counter[str]:
  """Counts the words, split as BERT's tokenizer splits them."""
  split = bert_tokenizer.BasicTokenizer(lower_case=lower_case).tokenize
  counts: collections.Counter[bytes] = collections.Counter()
  for batch in _batches(texts):
    counts.update(split(tf.constant(batch)).flat_values.numpy().tolist())
  return collections.Counter({w.decode(): n for w, n in counts.items()})


def _thresholds(words: list[tuple[str, int]], size: int) -> tuple[int, int]:
  """Returns the counts between which the threshold should lie.

  Args:
    words: Words and their counts, the most frequent first.
    size: Wordpieces at most.

  Returns:
    With the lower bound, words alone fill the vocabulary; with the upper, a
    quarter of it.
  """
  rarest = words[min(size, len(words)) - 1][1]
  commoner = words[min(int(size * _MIN_WORDS_PART), len(words) - 1)][1]
  return rarest, commoner + 1


def _batches(texts: Iterable[str]) -> Iterator[list[bytes]]:
  batch, total = [], 0
  for text in texts:
    batch.append(text.encode())
    total += len(batch[-1])
    if len(batch) == _BATCH:
      yield batch
      batch = []
    if total > MAX_LEARNED_BYTES:
      break
  if batch:
    yield batch
