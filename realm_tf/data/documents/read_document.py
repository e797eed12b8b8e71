"""A file with one document: its title, text and fields."""

import re
from collections.abc import Mapping
from typing import Any
from typing import NamedTuple

from realm_tf.data import formats
from realm_tf.data.documents import html_text
from realm_tf.data.documents import markdown_text
from realm_tf.data.documents import pdf_text
from realm_tf.data.documents import plain_text
from realm_tf.text import white_space

NO_TEXT = "empty_text"

_READERS = {
  "text": plain_text.read,
  "markdown": markdown_text.read,
  "html": html_text.read,
  "pdf": pdf_text.read,
}
KINDS = tuple(_READERS)

# A longer one is cut: each passage begins with it.
_MAX_TITLE_CHARS = 150
_SENTENCE_END = re.compile(r"[.!?…:][\"'”’)\]]*$")


class DocumentText(NamedTuple):
  """One document.

  Attributes:
    title: Its own, else the file's name.
    text: Its text; a blank line ends a paragraph.
    fields: What it says of itself, by name; values of JSON.
    page_starts: Where each page begins in the text, in characters; none where
      there are no pages.
  """

  title: str
  text: str
  fields: Mapping[str, Any]
  page_starts: tuple[int, ...]


def read(path: str, kind: str) -> DocumentText:
  """Reads a document.

  Args:
    path: The file; gzip or bzip2 if its name says so.
    kind: One of `KINDS`.

  Raises:
    formats.UnfitFile: If it holds no text, or is not of this kind.
    errors.UserError: If it cannot be read.
  """
  title, pages, fields = _READERS[kind](formats.read_bytes(path), path)
  title = _shortened(_valid(title))
  pages = [white_space.normalize(_valid(page)) for page in pages]
  if title:  # Often the first paragraph, too.
    pages[0] = f"{pages[0]}\n\n".removeprefix(f"{title}\n\n").rstrip("\n")
  text, starts = _joined(pages)
  if not text:
    why = ": its pages may be pictures" if kind == "pdf" else ""
    raise formats.UnfitFile(NO_TEXT, f"{path} holds no text{why}.")
  return DocumentText(
    title or _name_as_title(path),
    text,
    fields,
    starts if len(pages) > 1 else (),
  )


def _joined(pages: list[str]) -> tuple[str, tuple[int, ...]]:
  """Joins pages; a sentence may go on on the next one.

  Args:
    pages: Normalized.

  Returns:
    The text, and where each page begins.
  """
  joined, starts, length, last = list[str](), list[int](), 0, ""
  for page in pages:
    if last and page:
      joined.append("\n\n" if _SENTENCE_END.search(last[-8:]) else " ")
      length += len(joined[-1])
    starts.append(length)
    joined.append(page)
    length += len(page)
    last = page or last
  return "".join(joined), tuple(starts)


def _valid(text: str) -> str:
  """Returns the text with "?" for halves of surrogate pairs."""
  return text.encode("utf-8", "replace").decode()


def _shortened(title: str) -> str:
  title = " ".join(title.split())
  if len(title) <= _MAX_TITLE_CHARS:
    return title
  return title[:_MAX_TITLE_CHARS].rsplit(" ", 1)[0] + " …"


def _name_as_title(path: str) -> str:
  name = path.replace("\\", "/").rsplit("/", 1)[-1]
  for suffix in (".gz", ".bz2"):
    name = name.removesuffix(suffix)
  stem = name.rpartition(".")[0] or name
  return " ".join(stem.replace("_", " ").split()) or name
