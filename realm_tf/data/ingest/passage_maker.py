"""Packs the sentences of a document into passages, as ORQA does."""

import collections
import itertools
import re
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from realm_tf.data.corpus import passage_metadata
from realm_tf.data.corpus import passage_record
from realm_tf.data.ingest import sources
from realm_tf.text import sentence_splitter
from realm_tf.text import white_space
from realm_tf.text import wordpiece

# [CLS] title [SEP] body [SEP].
SPECIAL_TOKENS_PER_PASSAGE = 3
# A title that leaves less than this to the body makes no useful passage.
_MIN_BODY_TOKENS = 16
# The field of a passage's page, from 1, where its document has pages.
_PAGE = "page"

_LEFT_OUT = (
  ("list_page", re.compile(r"lists? of\b", re.IGNORECASE)),
  ("index_page", re.compile(r"index of\b", re.IGNORECASE)),
  ("outline_page", re.compile(r"outline of\b", re.IGNORECASE)),
  ("disambiguation_page", re.compile(r".*\(disambiguation\)$", re.IGNORECASE)),
)


def normalize_title(title: str) -> str:
  """Returns the title as passages have it: on one line."""
  return white_space.normalize(title).replace("\n\n", " ")


def reason_to_leave_out(title: str) -> str | None:
  """Returns why an article is left out, such as "list_page"; else None."""
  for reason, pattern in _LEFT_OUT:
    if pattern.match(title):
      return reason
  return None


def pack(lengths: Sequence[int], budget: int) -> list[tuple[int, int]]:
  """Groups neighbours greedily, so that no group's sum exceeds the budget.

  Args:
    lengths: Of the items; one that alone exceeds the budget gets a group of
      its own.
    budget: The most that a group may hold.

  Returns:
    The items [start, limit) of each group, in order; each item is in one.
  """
  groups = []
  start, total = 0, 0
  for i, length in enumerate(lengths):
    if i > start and total + length > budget:
      groups.append((start, i))
      start, total = i, 0
    total += length
  if start < len(lengths):
    groups.append((start, len(lengths)))
  return groups


class PassageMaker:
  """Cuts documents into passages.

  Attributes:
    counts: What was left out, by reason, and under "split_sentence" how many
      sentences did not fit into a passage and were cut.
    metadata_fields: Names of the fields that stayed with passages.
  """

  def __init__(
    self,
    tokenizer: wordpiece.Tokenizer,
    max_passage_tokens: int,
    metadata_choice: Sequence[str] | None = None,
    list_pages: bool = False,
  ):
    """Prepares.

    Args:
      tokenizer: Counts and makes the wordpieces.
      max_passage_tokens: Wordpieces of a passage at most, title and the three
        special tokens included.
      metadata_choice: The fields of documents that stay with their passages;
        all if None.
      list_pages: Whether Wikipedia's lists, indexes, outlines and
        disambiguation pages become passages, too.
    """
    self._tokenizer = tokenizer
    self._max_tokens = max_passage_tokens
    self._metadata_choice = metadata_choice
    self._list_pages = list_pages
    self.counts: collections.Counter[str] = collections.Counter()
    self.metadata_fields: set[str] = set()

  def make(
    self, documents: Sequence[sources.Document]
  ) -> Iterator[tuple[sources.Document, list[passage_record.Passage]]]:
    """Yields each document that makes passages, with its passages in order.

    Args:
      documents: A batch: they are tokenized together.
    """
    kept = []
    for document in documents:
      title = normalize_title(document.title)
      text = white_space.normalize(document.text)
      reason = None if text else "empty_text"
      if text and document.is_article and not self._list_pages:
        reason = reason_to_leave_out(title)
      if reason:
        self.counts[reason] += 1
      else:
        kept.append((document, title, text))
    if not kept:
      return
    titles = self._tokenizer.tokenize(tf.constant([t for _, t, _ in kept]))
    tokens = self._tokenizer.tokenize_with_offsets(
      tf.constant([text for _, _, text in kept])
    )
    title_rows = _rows(titles)
    token_rows = zip(*(_rows(part) for part in tokens), strict=True)
    for (document, title, text), title_ids, (ids, starts, limits) in zip(
      kept, title_rows, token_rows, strict=True
    ):
      budget = self._max_tokens - SPECIAL_TOKENS_PER_PASSAGE - len(title_ids)
      if budget < min(_MIN_BODY_TOKENS, self._max_tokens // 2):
        self.counts["long_title"] += 1
        continue
      content = text.encode()
      metadata = self._metadata(document, text)
      passages = [
        passage_record.Passage(
          title,
          content[start:limit].decode(),
          title_ids,
          ids[first:last],
          metadata(start),
        )
        for start, limit, first, last in self._blocks(
          text, starts, limits, ids, budget
        )
        if last > first
      ]
      if passages:
        yield document, passages
      else:
        self.counts["empty_text"] += 1

  def _metadata(
    self, document: sources.Document, text: str
  ) -> Callable[[int], str]:
    """Returns a function from a passage's first byte to its metadata.

    Args:
      document: Where the passages are from.
      text: Its text, normalized.
    """
    choice = self._metadata_choice
    fields = {
      name: value
      for name, value in document.fields.items()
      if choice is None or name in choice
    }
    has_pages = document.page_starts and (choice is None or _PAGE in choice)
    whole = passage_metadata.encode(fields)
    self.metadata_fields.update(passage_metadata.decode(whole))
    if not has_pages:
      return lambda start: whole
    self.metadata_fields.add(_PAGE)
    edges = [*document.page_starts, len(text)]
    lengths = [
      len(text[first:limit].encode())
      for first, limit in itertools.pairwise(edges)
    ]
    starts = np.cumsum([0, *lengths[:-1]])

    def of_page(start: int) -> str:
      page = int(np.searchsorted(starts, start, side="right"))
      return passage_metadata.encode(fields | {_PAGE: page})

    return of_page

  def _blocks(
    self,
    text: str,
    starts: np.ndarray,
    limits: np.ndarray,
    ids: np.ndarray,
    budget: int,
  ) -> Iterator[tuple[int, int, int, int]]:
    """Yields the bytes [start, limit) and tokens [first, last) of passages."""
    spans = sentence_splitter.sentence_byte_spans(text)
    first_tokens = np.searchsorted(starts, [start for start, _ in spans])
    edges = [*first_tokens.tolist(), len(ids)]
    pieces = []
    for (start, limit), first, last in zip(
      spans, edges[:-1], edges[1:], strict=True
    ):
      if last - first <= budget:
        pieces.append((start, limit, first, last))
        continue
      self.counts["split_sentence"] += 1
      cuts = self._cuts(ids, first, last, budget)
      byte_cuts = [start, *starts[cuts[1:-1]].tolist()]
      byte_ends = [*limits[np.asarray(cuts[1:-1]) - 1].tolist(), limit]
      pieces.extend(zip(byte_cuts, byte_ends, cuts[:-1], cuts[1:], strict=True))
    for i, j in pack([last - first for *_, first, last in pieces], budget):
      yield pieces[i][0], pieces[j - 1][1], pieces[i][2], pieces[j - 1][3]

  def _cuts(
    self, ids: np.ndarray, first: int, last: int, budget: int
  ) -> list[int]:
    """Returns where to cut a long sentence: at words wherever possible."""
    starts_word = self._tokenizer.starts_word()
    cuts = [first]
    while last - cuts[-1] > budget:
      cut = cuts[-1] + budget
      while cut > cuts[-1] and not starts_word[ids[cut]]:
        cut -= 1
      cuts.append(cut if cut > cuts[-1] else cuts[-1] + budget)
    return [*cuts, last]


def _rows(ragged: tf.RaggedTensor) -> list[np.ndarray]:
  """Returns the rows as NumPy views."""
  values, splits = ragged.values.numpy(), ragged.row_splits.numpy()
  return np.split(values, splits[1:-1])
