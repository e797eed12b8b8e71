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
    mapped: Wordpieces of passages and sentences, and where they are: of a large
      corpus, files that are mapped, whose pages processes share.
    examples: Which sentences and spans are asked.
    index: Searchers, or what devices are given of an index.
    other: Such as texts of passages, and answers.
  """

  mapped: int = 0
  examples: int = 0
  index: int = 0
  other: int = 0

  def describe(self) -> str:
    """Returns a line for a plan."""
    held = self.examples + self.index + self.other
    return (
      f"{held / 1e9:,.2f} GB a process: examples {self.examples / 1e9:,.2f}, "
      f"index {self.index / 1e9:,.2f}, other data {self.other / 1e9:,.2f}; "
      f"passages and sentences {self.mapped / 1e9:,.2f} GB"
    )


def of_examples(size: corpus_size.CorpusSize) -> int:
  """Returns the bytes of two `masked_queries.MaskedQuerySource`.

  One of the sentences that are trained on, and one of those that are held out.

  Args:
    size: Of the annotated corpus.
  """
  # A sentence is of one source; both know all sentences' and all spans' places.
  sentence = 3 * _HALF_NUMBER_BYTES
  span = 2 * _HALF_NUMBER_BYTES
  return size.sentences * sentence + size.spans * span


def of_pairs(size: corpus_size.CorpusSize) -> int:
  """Returns the bytes of two `mlm_examples.MlmExamples`, about.

  Args:
    size: Of the annotated corpus.
  """
  # Of each wordpiece, the span that it is of; of each passage, its article.
  return 2 * _NUMBER_BYTES * size.passages * (size.wordpieces + 4)


def of_packed(size: corpus_size.CorpusSize, length: int) -> int:
  """Returns the bytes of `packing.PackedPassages`.

  Args:
    size: Of the corpus.
    length: Most wordpieces of a packed passage.
  """
  # A place, a length, the body's place.
  fixed = _NUMBER_BYTES + 2 * _HALF_NUMBER_BYTES
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
