"""Questions from the command line or a prompt, and their replies."""

import contextlib
import dataclasses
import json
import shutil
import sys
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence

from absl import flags

from realm_tf import errors
from realm_tf.answering import replies
from realm_tf.answering import shown
from realm_tf.launch import console

Ask = Callable[[str], replies.Answer | replies.Filled]
_PROMPT = "? "


def run(ask: Ask, texts: Sequence[str], *, as_json: bool) -> None:
  """Asks each text, and prints the reply.

  Args:
    ask: From a text to its reply.
    texts: Texts to ask; without any, lines are read from standard input.
    as_json: Whether each reply is printed as a JSON object on a line.

  Raises:
    errors.UserError: If a text is empty, or cannot be asked. One that was typed
      is told so, and the next one may be.
  """
  if texts:
    for text in texts:
      _check(text)
      _print(ask(text), as_json)
    return
  for text in _typed():
    try:
      _check(text)
      _print(ask(text), as_json)
    except errors.UserError as e:
      message = console.in_flags(str(e), {*flags.FLAGS})
      print(f"error: {message}", file=sys.stderr)


def _typed() -> Iterator[str]:
  """Yields the lines that are typed or piped in, except empty ones."""
  if not sys.stdin.isatty():
    yield from filter(None, map(str.strip, sys.stdin))
    return
  with contextlib.suppress(ImportError):
    import readline  # noqa: F401 - lets `input` edit, with a history
  while True:
    try:
      text = input(_PROMPT).strip()
    except EOFError:
      print()
      return
    if text:
      yield text


def _check(text: str) -> None:
  if not text.strip():
    raise errors.UserError("The question is empty.")


def _print(reply: replies.Answer | replies.Filled, as_json: bool) -> None:
  if as_json:
    print(json.dumps(dataclasses.asdict(reply), ensure_ascii=False), flush=True)
    return
  width = min(100, shutil.get_terminal_size((80, 24)).columns)
  styled = sys.stdout.isatty()
  print(shown.lines(reply, width=width, styled=styled) + "\n", flush=True)
