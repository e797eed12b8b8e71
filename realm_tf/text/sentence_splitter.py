"""Splits English text into sentences, as byte offsets."""

import re
from collections.abc import Iterator

from syntok import segmenter
from syntok import tokenizer as syntok_tokenizer

# Offsets must point into the original text, so contractions are left alone.
_TOKENIZER = syntok_tokenizer.Tokenizer(replace_not_contraction=False)

# What may end a sentence: syntok's terminals. It also breaks before brackets
# where none stands.
_TERMINAL = re.compile(
  "[.!?;\u203c\u203d\u2047-\u2049\u3002\ufe52\ufe57\uff01\uff0e\uff1f\uff61]"
)

# A blank line: the only break that needs no punctuation. A single line break
# is mere white space, because hard-wrapped text and formulas hold many.
_PARAGRAPH_BREAK = re.compile(r"\r?\n[^\S\n]*\n\s*")

# Where syntok breaks though the sentence goes on: after titles that it does not
# know, and none of which ends a sentence in ordinary prose, and semicolons.
_GOES_ON = re.compile(
  r"(?:;|(?:^|[\s(\"'\u201c\u2018])(?:Sgt|Cpl|Pvt|Lt|Maj|Cmdr|Gov|Rep|Rev|Hon|"
  r"Messrs|Mme|Mlle|Msgr|Supt|Pres|Ft|Ste|Insp|Det|Amb|Eq|Eqs|Nos|Op|pp|eds|"
  r"viz|i\.e|e\.g)\.)$"
)


def sentence_spans(text: str) -> list[tuple[int, int]]:
  """Returns the characters [start, limit) of each sentence.

  A blank line always ends a sentence; a single line break is white space.
  Sentences neither overlap nor have white space at their ends, and together
  they hold all else of the text.

  Args:
    text: English prose; other languages work as far as their punctuation does.

  Returns:
    Pairs of character offsets, in order.
  """
  spans = []
  for start, limit in _paragraphs(text):
    paragraph = text[start:limit]
    starts = _sentence_starts(paragraph)
    for left, right in zip(starts, [*starts[1:], limit - start], strict=True):
      sentence = paragraph[left:right]
      left += len(sentence) - len(sentence.lstrip())
      right -= len(sentence) - len(sentence.rstrip())
      if left < right:
        spans.append((start + left, start + right))
  return spans


def sentence_byte_spans(text: str) -> list[tuple[int, int]]:
  """Returns the UTF-8 bytes [start, limit) of each sentence.

  As `sentence_spans`, in bytes: `text.encode()[start:limit]` is a sentence.
  """
  spans = sentence_spans(text)
  if text.isascii():
    return spans
  byte_spans = []
  char, byte = 0, 0
  for start, limit in spans:
    byte += len(text[char:start].encode())
    length = len(text[start:limit].encode())
    byte_spans.append((byte, byte + length))
    char, byte = limit, byte + length
  return byte_spans


def _paragraphs(text: str) -> Iterator[tuple[int, int]]:
  start = 0
  for match in _PARAGRAPH_BREAK.finditer(text):
    yield start, match.start()
    start = match.end()
  yield start, len(text)


def _sentence_starts(paragraph: str) -> list[int]:
  """Returns where each sentence starts; the first of them is 0."""
  starts = [0]
  # The segmenter is slow, and many a paragraph is one sentence.
  if not _TERMINAL.search(paragraph, 0, len(paragraph.rstrip()) - 1):
    return starts
  for sentence in segmenter.segment(_TOKENIZER.tokenize(paragraph)):
    start = sentence[0].offset
    is_words = any(token.value[:1].isalnum() for token in sentence)
    if (
      start
      and is_words
      and _TERMINAL.search(paragraph, starts[-1], start)
      and not _GOES_ON.search(paragraph[starts[-1] : start].rstrip())
    ):
      starts.append(start)
  return starts
