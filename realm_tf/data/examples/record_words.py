"""How many words a passage's record has; see `passage_records`."""

HALF_BITS = 16
HALF_MASK = (1 << HALF_BITS) - 1
_EXTRA_VALUES = 2  # a row's length, and where its body begins


def is_paired(length: int, vocab_size: int) -> bool:
  """Returns whether a word holds two values.

  Args:
    length: Most wordpieces of a passage, special tokens included.
    vocab_size: Wordpieces of the vocabulary.
  """
  return max(vocab_size - 1, length) <= HALF_MASK


def count(length: int, vocab_size: int) -> int:
  """Returns the 32-bit words of a record.

  Args:
    length: Most wordpieces of a passage, special tokens included.
    vocab_size: Wordpieces of the vocabulary.
  """
  values = length + _EXTRA_VALUES
  return -(-values // 2) if is_paired(length, vocab_size) else values
