"""What a run's data take of a host's memory, by arithmetic."""

import dataclasses

from realm_tf.plans import corpus_size

_NUMBER_BYTES = 8
_HALF_NUMBER_BYTES = 4
_ID_BYTES = 16
_FLOAT_BYTES = 4
# Wikipedia's mean: 9 GB for 13,353,718 passages.
_TEXT_BYTES = 674
_VERSIONS = 2  # a new one is loaded while the old one is still searched


@dataclasses.dataclass(frozen=True)
class HostBytes:
  """Bytes of a host's memory, by what takes them.

  Attributes:
    passages: Wordpieces of the knowledge corpus, and where they are.
    sentences: Wordpieces of the pre-training corpus, sentences and spans.
    index: Searchers.
    texts: Titles and bodies, of what answers questions.
  """

  passages: int = 0
  sentences: int = 0
  index: int = 0
  texts: int = 0

  @property
  def total(self) -> int:
    """All of them."""
    return self.passages + self.sentences + self.index + self.texts

  def describe(self) -> str:
    """Returns a line for a plan."""
    parts = {
      "passages": self.passages,
      "sentences": self.sentences,
      "index": self.index,
      "texts": self.texts,
    }
    shown = ", ".join(
      f"{name} {size / 1e9:,.2f}" for name, size in parts.items() if size
    )
    return f"about {self.total / 1e9:,.2f} GB a process: {shown}"


def of_packed(size: corpus_size.CorpusSize, length: int) -> int:
  """Returns the bytes of `packing.PackedPassages`, and fingerprints.

  Args:
    size: Of the corpus.
    length: Most wordpieces of a packed passage.
  """
  # A place, a length, the body's place; a fingerprint.
  fixed = _NUMBER_BYTES + 2 * _HALF_NUMBER_BYTES + _NUMBER_BYTES
  wordpieces = min(length, size.wordpieces)
  return size.passages * (wordpieces * size.token_bytes + fixed)


def of_table(size: corpus_size.CorpusSize) -> int:
  """Returns the bytes of `passage_table.PassageTable`.

  Args:
    size: Of the corpus.
  """
  fixed = _ID_BYTES + _NUMBER_BYTES + 2 * _NUMBER_BYTES  # two splits
  return size.passages * (size.wordpieces * size.token_bytes + fixed)


def of_sentences(size: corpus_size.CorpusSize) -> int:
  """Returns the bytes of `annotated_corpus.AnnotatedCorpus`.

  Args:
    size: Of the annotated corpus.
  """
  # Two splits and two fingerprints; start, limit, passage, a split; a span's
  # start and limit.
  passage = size.wordpieces * size.token_bytes + 4 * _NUMBER_BYTES
  sentence = 3 * _NUMBER_BYTES + _HALF_NUMBER_BYTES
  span = 2 * _NUMBER_BYTES
  return size.passages * passage + size.sentences * sentence + size.spans * span


def of_texts(size: corpus_size.CorpusSize) -> int:
  """Returns the bytes of the passages' texts, as long as Wikipedia's.

  Args:
    size: Of the corpus.
  """
  return size.passages * _TEXT_BYTES


def of_searchers(size: corpus_size.CorpusSize, dim: int) -> int:
  """Returns the bytes of the index while it changes versions.

  Args:
    size: Of the corpus.
    dim: Of the embeddings.
  """
  return _VERSIONS * size.passages * dim * _FLOAT_BYTES
