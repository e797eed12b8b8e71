"""How large a corpus is, by its manifests, or assumed to be."""

import dataclasses
import json
import pathlib
from typing import Any

from realm_tf import errors

# The paper's knowledge corpus, Wikipedia of December 20, 2018, and about what
# its annotation holds.
WIKIPEDIA_PASSAGES = 13_353_718
_WIKIPEDIA_WORDPIECES = 288
_SENTENCES_PER_PASSAGE = 7.5
_SPANS_PER_PASSAGE = 15.0
# BERT's uncased vocabulary.
VOCAB_SIZE = 30_522

_MANIFEST = "manifest.json"
_SENTENCES = "sentences"


@dataclasses.dataclass(frozen=True)
class CorpusSize:
  """The counts that memory depends on.

  Attributes:
    passages: How many.
    wordpieces: Of a passage at most, title and special ones included.
    sentences: How many are annotated.
    spans: How many are salient.
    vocab_size: Wordpieces of the vocabulary.
    is_known: Whether a manifest says so; else it is Wikipedia's.
    is_annotated: Whether a manifest says how many sentences there are; else
      there are as many a passage as Wikipedia has.
  """

  passages: int = WIKIPEDIA_PASSAGES
  wordpieces: int = _WIKIPEDIA_WORDPIECES
  sentences: int = round(WIKIPEDIA_PASSAGES * _SENTENCES_PER_PASSAGE)
  spans: int = round(WIKIPEDIA_PASSAGES * _SPANS_PER_PASSAGE)
  vocab_size: int = VOCAB_SIZE
  is_known: bool = False
  is_annotated: bool = False

  @property
  def token_bytes(self) -> int:
    """Bytes of a wordpiece in memory."""
    return 2 if self.vocab_size <= 1 << 16 else 4

  def describe(self, name: str) -> str:
    """Returns a line for a plan.

    Args:
      name: The corpus's folder.
    """
    if self.is_known:
      return f"{name}: {self.passages:,} passages"
    return (
      f"{name} says nothing yet: planned for Wikipedia's {self.passages:,} "
      f"passages of {self.wordpieces} wordpieces"
    )


def read(corpus: str) -> CorpusSize:
  """Returns the size of a corpus on this machine's disks.

  Args:
    corpus: Its folder, which need not be there yet.

  Raises:
    errors.UserError: If it is there, but its manifests cannot be read.
  """
  folder = pathlib.Path(corpus)
  found = _read_json(folder / _MANIFEST)
  if found is None:
    return CorpusSize()
  try:
    passages = int(found["passages"])
    size = CorpusSize(
      passages,
      int(found["max_passage_tokens"]),
      round(passages * _SENTENCES_PER_PASSAGE),
      round(passages * _SPANS_PER_PASSAGE),
      int(found["tokenizer"]["vocab_size"]),
      is_known=True,
    )
    annotated = _read_json(folder / _SENTENCES / _MANIFEST)
    if annotated is None:
      return size
    return dataclasses.replace(
      size,
      sentences=int(annotated["sentences"]),
      spans=sum(annotated["spans"].values()),
      is_annotated=True,
    )
  except errors.MALFORMED as e:
    raise errors.UserError(
      f"corpus={corpus} has a manifest that is damaged ({e!r}). Copy it again, "
      "or build the corpus again with build_corpus(overwrite=True)."
    ) from e


def _read_json(path: pathlib.Path) -> Any:
  """Returns what a file holds; None if there is no such file."""
  try:
    return json.loads(path.read_text(encoding="utf-8"))
  except OSError:
    return None
  except ValueError as e:
    raise errors.UserError(f"`corpus`: {path} is not JSON.") from e
