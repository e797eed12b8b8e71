"""Answers that are regular expressions, as CuratedTREC has them."""

import logging
import re
from collections.abc import Callable
from typing import TypeVar

import regex

_log = logging.getLogger(__name__)
_FLAGS = re.IGNORECASE | re.UNICODE | re.MULTILINE
# As `re` matches, but with a limit of time; equal on all of CuratedTREC's.
_SAME_FLAGS = (
  regex.IGNORECASE | regex.UNICODE | regex.MULTILINE | regex.VERSION0
)
_SECONDS = 5.0
_T = TypeVar("_T")


class AnswerPattern:
  """A pattern that takes a few seconds a text at most.

  Some patterns, such as `(a+)+$`, take longer than anyone waits. After the
  first such text a warning names the pattern, and it matches nothing more.

  Attributes:
    pattern: As it was given.
    gave_up: Whether it took too long.
  """

  def __init__(self, pattern: str, seconds: float = _SECONDS):
    """Compiles the pattern.

    Args:
      pattern: A regular expression of Python's `re`; case does not matter.
      seconds: The limit, of processor time.

    Raises:
      ValueError: If it is none.
    """
    try:
      re.compile(pattern, _FLAGS)
      self._compiled = regex.compile(pattern, _SAME_FLAGS)
    except (re.error, regex.error, OverflowError, RecursionError) as e:
      raise ValueError(f"{pattern!r} is no regular expression: {e}") from e
    self.pattern = pattern
    self.gave_up = False
    self._seconds = seconds

  def matches(self, text: str) -> bool:
    """Returns whether the pattern matches a text from its beginning."""
    return self._limited(
      lambda: bool(self._compiled.match(text, timeout=self._seconds)), False
    )

  def found_in(self, text: str) -> bool:
    """Returns whether the pattern matches anywhere in a text."""
    return self._limited(
      lambda: bool(self._compiled.search(text, timeout=self._seconds)), False
    )

  def spans(self, text: str) -> list[tuple[int, int]]:
    """Returns the characters [start, limit) of each match, in order."""
    return self._limited(
      lambda: [
        match.span()
        for match in self._compiled.finditer(text, timeout=self._seconds)
      ],
      [],
    )

  def _limited(self, function: Callable[[], _T], otherwise: _T) -> _T:
    if self.gave_up:
      return otherwise
    try:
      return function()
    except TimeoutError:
      self.gave_up = True
      _log.warning(
        "The answer pattern %r takes more than %g s for a text, and counts as "
        "matching nothing from here on: make it simpler.",
        self.pattern,
        self._seconds,
      )
      return otherwise
