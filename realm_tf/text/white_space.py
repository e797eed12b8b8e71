"""White space, as passages have it."""

import re

_WHITE_SPACE = re.compile(r"\s+")
_BLANK_LINE = re.compile(r"\n[^\S\n]*\n")


def normalize(text: str) -> str:
  """Returns the text with one space, or one blank line, for white space."""
  return _WHITE_SPACE.sub(
    lambda run: "\n\n" if _BLANK_LINE.search(run[0]) else " ", text.strip()
  )
