"""Replies as lines for a terminal."""

import functools
import json
import textwrap
from collections.abc import Iterator

from realm_tf.answering import replies

_BOLD, _DIM, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"
# Stand for bold and plain type while lines are broken, as one character each.
_MARKS = ("\2", "\3")
_FACT_CHARS = 120


def lines(
  reply: replies.Answer | replies.Filled, *, width: int = 80, styled: bool
) -> str:
  """Returns a reply as lines of text.

  Args:
    reply: The reply.
    width: Of the terminal, in characters.
    styled: Whether the terminal shows bold type; else the answer is marked by
      brackets in its passage.
  """
  if isinstance(reply, replies.Filled):
    return "\n".join(_filled(reply, width, styled))
  return "\n".join(_answer(reply, width, styled))


def _answer(answer: replies.Answer, width: int, styled: bool) -> Iterator[str]:
  style = functools.partial(_style, styled=styled)
  if not answer.text:
    yield "No answer: no passage was found."
    return
  note = "  (below the threshold for an answer)" if answer.abstain else ""
  probability = f"{answer.probability:.1%}{note}"
  yield f"{style(answer.text, _BOLD)}  {style(probability, _DIM)}"
  if answer.evidence is None:
    return
  marks = _MARKS if styled else ("[", "]")
  yield ""
  passage = answer.evidence.passage
  yield f"  {passage.title}  {style(passage.id, _DIM)}"
  if passage.link:
    yield f"  {passage.link}"  # in one piece, however wide
  if facts := _facts(passage):
    yield from (
      style(x, _DIM) for x in _wrapped(facts, width, "  ").split("\n")
    )
  if passage.text:
    yield _wrapped(answer.evidence.mark(*marks), width, "  ")
  if answer.further:
    yield ""
    header = (
      f"  {'other answers':<34} {'probability':>12} {'retriever':>10} "
      f"{'reader':>7}  passage"
    )
    yield style(header[:width], _DIM)
  for other in answer.further:
    title = other.evidence.passage.title if other.evidence else ""
    yield (
      f"  {textwrap.shorten(other.text, 34):<34} {other.probability:>12.1%} "
      f"{other.retriever_score:>10.2f} {other.reader_score:>7.2f}  {title}"
    )[:width]


def _facts(passage: replies.Passage) -> str:
  """Returns the metadata of a passage on one line, but for its link."""
  facts = []
  for name, value in passage.metadata.items():
    if name == "url" and passage.link:
      continue
    text = value if isinstance(value, str) else json.dumps(value)
    facts.append(f"{name}: {textwrap.shorten(text, _FACT_CHARS)}")
  # What a terminal would take for a command is not printable.
  return "".join(c for c in " · ".join(facts) if c.isprintable())


def _filled(filled: replies.Filled, width: int, styled: bool) -> Iterator[str]:
  style = functools.partial(_style, styled=styled)
  if not filled.masks:
    yield (
      "The text is too long: the first [MASK] is beyond what the model reads."
      if replies.MASK in filled.text
      else f"Write {replies.MASK} for each word that is asked for."
    )
    return
  best = iter([mask.tokens[0].text for mask in filled.masks])
  parts = filled.text.split(replies.MASK)
  said = parts[0]
  for part in parts[1:]:
    word = next(best, replies.MASK)
    said += (word.join(_MARKS) if styled else word) + part
  yield _wrapped(said, width, "")
  if filled.unfilled:
    why = "the text is too long"
    if len(filled.masks) == filled.max_masks:
      why = f"the model fills {filled.max_masks} of a text at most"
    count = f"{filled.unfilled} {replies.MASK}"
    count += " stays" if filled.unfilled == 1 else "s stay"
    yield _wrapped(f"{count} unfilled: {why}.", width, "")
  yield ""
  yield style(f"  {'with passages':<30} without", _DIM)
  for number, mask in enumerate(filled.masks, start=1):
    if len(filled.masks) > 1:
      yield f"  mask {number}"
    for token, alone in zip(
      mask.tokens, mask.tokens_without_retrieval, strict=True
    ):
      one, other = (
        f"{t.text:<18} {t.probability:>7.1%}" for t in (token, alone)
      )
      yield f"  {one}    {other}"
  yield ""
  yield style("  p(z|x)  p(z|x,y)  passage", _DIM)
  ranked = sorted(filled.passages, key=lambda p: -p.posterior)
  for influence in ranked:
    passage = influence.passage
    name = f"{passage.title}: {passage.text}" if passage.id else "(no passage)"
    row = f"  {influence.prior:>6.3f}  {influence.posterior:>8.3f}  "
    yield row + textwrap.shorten(name, max(20, width - len(row)))


def _wrapped(text: str, width: int, indent: str) -> str:
  filled = textwrap.fill(
    text, width, initial_indent=indent, subsequent_indent=indent
  )
  return filled.replace(_MARKS[0], _BOLD).replace(_MARKS[1], _PLAIN)


def _style(text: str, code: str, *, styled: bool) -> str:
  return f"{code}{text}{_PLAIN}" if styled else text
