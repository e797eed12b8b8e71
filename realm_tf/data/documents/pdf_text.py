"""PDF files, read by PDFium."""

import collections
import re
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from realm_tf.data import formats
from realm_tf.data.documents import parts

if TYPE_CHECKING:
  import pypdfium2

BROKEN_PDF = "broken_pdf"
ENCRYPTED_PDF = "encrypted_pdf"

_PASSWORD_ERROR = 4  # FPDF_ERR_PASSWORD
# PDFium must not run in two threads at a time.
_LOCK = threading.Lock()

# PDFium puts it for a hyphen that parts a word at a line's end.
_PARTED_WORD = "\ufffe"
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
_PROGRAM = re.compile(r"^Microsoft (Word|PowerPoint|Excel) - ")
# A line that is shorter than this part of the page's long ones ends a
# paragraph, unless the next one begins in lower case.
_FULL_LINE = 0.75
# A first or last line is a running head if so many pages have it.
_RUNNING_HEAD_PAGES = 3
_NUMBER = re.compile(r"\d+|\b[ivxlc]+\b")


def read(content: bytes, path: str) -> parts.Parts:
  """Reads a PDF file; its title is the one of its metadata.

  Raises:
    formats.UnfitFile: If it is damaged or needs a password.
  """
  import pypdfium2

  with _LOCK:
    try:
      pdf = pypdfium2.PdfDocument(content)
      try:
        title = pdf.get_metadata_value("Title")
        pages = [_lines(pdf, number) for number in range(len(pdf))]
      finally:
        pdf.close()
    except pypdfium2.PdfiumError as e:
      if getattr(e, "err_code", None) == _PASSWORD_ERROR:
        raise formats.UnfitFile(
          ENCRYPTED_PDF, f"{path} is encrypted: save it without a password."
        ) from e
      raise formats.UnfitFile(
        BROKEN_PDF, f"{path} is no PDF file, or a damaged one."
      ) from e
  pages = _without_running_heads(pages)
  texts = [_paragraphs(lines) for lines in pages]
  return parts.Parts(_PROGRAM.sub("", title), texts or [""], {})


def _lines(pdf: "pypdfium2.PdfDocument", number: int) -> list[str]:
  """Returns the lines of a page, without empty ones."""
  page = pdf[number]
  text_page = page.get_textpage()
  try:
    text = text_page.get_text_range()
  finally:
    text_page.close()
    page.close()
  text = _CONTROL.sub("", text.replace(_PARTED_WORD, ""))
  return [line.strip() for line in text.splitlines() if line.strip()]


def _without_running_heads(pages: Sequence[list[str]]) -> list[list[str]]:
  """Drops first and last lines that most pages share but for their numbers."""

  def pattern(line: str) -> str:
    return _NUMBER.sub("#", line.lower())

  edges = [{pattern(lines[0]), pattern(lines[-1])} for lines in pages if lines]
  counts = collections.Counter(edge for both in edges for edge in both)
  least = max(_RUNNING_HEAD_PAGES, len(edges) / 2)
  running = {edge for edge, count in counts.items() if count >= least}
  kept = []
  for lines in pages:
    first = 1 if lines and pattern(lines[0]) in running else 0
    last = len(lines)
    if last > first and pattern(lines[-1]) in running:
      last -= 1
    kept.append(lines[first:last])
  return kept


def _paragraphs(lines: Sequence[str]) -> str:
  """Returns a page's text with blank lines between its paragraphs.

  PDFium gives lines. Where paragraphs end shows in their lengths.
  """
  if not lines:
    return ""
  full = _FULL_LINE * float(np.percentile([len(line) for line in lines], 90))
  joined = [lines[0]]
  for line, following in zip(lines, lines[1:], strict=False):
    ends = len(line) < full and not following[0].islower()
    joined.append("\n\n" if ends else "\n")
    joined.append(following)
  return "".join(joined)
