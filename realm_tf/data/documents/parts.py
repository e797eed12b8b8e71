"""What a reader of one kind of files returns."""

from typing import Any
from typing import NamedTuple


class Parts(NamedTuple):
  """A document as its file has it.

  Attributes:
    title: Its own title; "" for none.
    pages: The text of each page, one at least; a blank line ends a paragraph.
    fields: What it says of itself, by name; values of JSON.
  """

  title: str
  pages: list[str]
  fields: dict[str, Any]
