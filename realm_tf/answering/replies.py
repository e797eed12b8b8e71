"""A served model's replies, as immutable values."""

import dataclasses
from collections.abc import Mapping
from typing import Any

MASK = "[MASK]"  # as people write it


@dataclasses.dataclass(frozen=True)
class Passage:
  """A passage of the corpus.

  Attributes:
    id: Its id in the corpus; "" for the null passage.
    title: Of its article; "" where the model was exported without texts.
    text: The passage; "" where the model was exported without texts.
    metadata: What else is known of it, by name, such as `url` or `source`.
  """

  id: str
  title: str = ""
  text: str = ""
  metadata: Mapping[str, Any] = dataclasses.field(
    default_factory=dict, hash=False
  )

  @property
  def link(self) -> str:
    """Its `url`, if that is an address of the web; else ""."""
    url = self.metadata.get("url")
    if not isinstance(url, str) or not url.isprintable():
      return ""
    return url if url.lower().startswith(("http://", "https://")) else ""


@dataclasses.dataclass(frozen=True)
class Evidence:
  """The passage of an answer, and the answer's place in it.

  Attributes:
    passage: The passage.
    byte_start: Where the answer begins, in bytes of the UTF-8 text.
    byte_limit: Where it ends: the answer is `text.encode()[start:limit]`.
  """

  passage: Passage
  byte_start: int
  byte_limit: int

  @property
  def character_span(self) -> tuple[int, int]:
    """The span in characters: the answer is `text[start:limit]`."""
    text = self.passage.text.encode()
    return (
      len(text[: self.byte_start].decode(errors="ignore")),
      len(text[: self.byte_limit].decode(errors="ignore")),
    )

  def mark(self, before: str = "[", after: str = "]") -> str:
    """Returns the passage's text with the answer between two marks."""
    text = self.passage.text
    start, limit = self.character_span
    return text[:start] + before + text[start:limit] + after + text[limit:]


@dataclasses.dataclass(frozen=True)
class Candidate:
  """One of the answers to a question.

  Attributes:
    text: The answer, as its passage has it; "" where there is none.
    probability: Of all spans read that say the same.
    evidence: Where the likeliest of these spans is; None where there is no
      answer.
    retriever_score: Of its passage.
    reader_score: Of its span.
  """

  text: str
  probability: float
  evidence: Evidence | None
  retriever_score: float
  reader_score: float


@dataclasses.dataclass(frozen=True)
class Answer(Candidate):
  """The best answer to a question.

  Attributes:
    question: The question.
    abstain: Whether the model abstains: its best probability is too low.
    further: The other answers, best first.
  """

  question: str
  abstain: bool
  further: tuple[Candidate, ...]

  @property
  def answer(self) -> str:
    """The answer, copied from its passage."""
    return self.text


@dataclasses.dataclass(frozen=True)
class Retrieved:
  """A passage that was retrieved, with its score."""

  passage: Passage
  score: float


@dataclasses.dataclass(frozen=True)
class Token:
  """A token for a [MASK], with its probability."""

  text: str
  probability: float


@dataclasses.dataclass(frozen=True)
class Mask:
  """The likeliest tokens for one [MASK], best first.

  Attributes:
    tokens: With retrieval.
    tokens_without_retrieval: From the null passage alone.
  """

  tokens: tuple[Token, ...]
  tokens_without_retrieval: tuple[Token, ...]


@dataclasses.dataclass(frozen=True)
class Influence:
  """How much a passage influenced the masked tokens.

  Attributes:
    passage: The passage; the null passage has id "".
    prior: p(z given x), of the retriever.
    posterior: p(z given x and the best tokens).
  """

  passage: Passage
  prior: float
  posterior: float


@dataclasses.dataclass(frozen=True)
class Filled:
  """A text whose [MASK]s were filled.

  Attributes:
    text: The text, with its [MASK]s.
    masks: The likeliest tokens of each mask that the model fills.
    passages: Those read, the null passage first.
    unfilled: [MASK]s at the end of the text that the model leaves, as there are
      more than `max_masks`, or the text is longer than it reads.
    max_masks: Most that the model fills in one text.
  """

  text: str
  masks: tuple[Mask, ...]
  passages: tuple[Influence, ...]
  unfilled: int
  max_masks: int
