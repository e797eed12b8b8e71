"""Decides whether an answer is right, and whether a passage holds it.

Predictions are scored as ORQA, REALM and SQuAD score them; passages are judged
as DrQA and DPR judge them. docs/evaluation.md gives the rules and the cases
in which the originals differ.
"""

import collections
import dataclasses
import functools
import re
import string
import unicodedata
from collections.abc import Sequence

import regex

from realm_tf.data.questions import answer_pattern
from realm_tf.data.questions import qa_datasets

STRING = qa_datasets.STRING
REGEX = qa_datasets.REGEX
TYPES = (STRING, REGEX)

_ARTICLE = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
# DrQA's SimpleTokenizer. The standard library's `re` knows no categories.
_WORD = regex.compile(r"[\p{L}\p{N}\p{M}]+|[^\p{Z}\p{C}]")


def normalize(text: str) -> str:
  """Normalizes a text for exact match.

  NFD, lower case, no ASCII punctuation, no English articles, single spaces,
  in this order (ORQA, `eval_utils.normalize_answer`). NFD parts a letter from
  its accent, so that accents do matter.

  Args:
    text: A prediction or a reference.
  """
  text = unicodedata.normalize("NFD", text).lower().translate(_NO_PUNCTUATION)
  return " ".join(_ARTICLE.sub(" ", text).split())


def f1(prediction: str, reference: str) -> float:
  """Returns the harmonic mean of precision and recall of words.

  As in SQuAD 2.0: if either side has no word, 1 if both have none, else 0.

  Args:
    prediction: As `normalize` gives it.
    reference: As well.
  """
  predicted, expected = prediction.split(), reference.split()
  if not predicted or not expected:
    return float(predicted == expected)
  common = collections.Counter(predicted) & collections.Counter(expected)
  return 2 * common.total() / (len(predicted) + len(expected))


@functools.lru_cache(maxsize=1 << 16)
def compile_regex(pattern: str) -> answer_pattern.AnswerPattern | None:
  """Compiles an answer pattern as ORQA does; None if it is invalid."""
  try:
    return answer_pattern.AnswerPattern(pattern)
  except ValueError:
    return None


def words(text: str) -> str:
  """Joins a text's words by spaces, so that a run of words is a substring.

  Words are runs of letters, digits and accents, or any other visible
  character; NFD and lower case (DrQA, `SimpleTokenizer`).

  Args:
    text: Of a passage or an answer.

  Returns:
    The words between single spaces, one space at either end.
  """
  found = _WORD.findall(unicodedata.normalize("NFD", text))
  return f" {' '.join(found).lower()} "


@dataclasses.dataclass(frozen=True)
class Text:
  """A text to search for answers, prepared once.

  Attributes:
    raw: The original text.
  """

  raw: str

  @functools.cached_property
  def words(self) -> str:
    """The text as `words` gives it."""
    return words(self.raw)


class AnswerSet:
  """The reference answers of one question; any of them is right.

  Attributes:
    answers: Strings, or regular expressions.
    type: `STRING` or `REGEX`.
    invalid: The answers that are invalid regular expressions. Nothing matches
      them; reports must name them.
  """

  def __init__(self, answers: Sequence[str], type: str = STRING):
    """Prepares the answers.

    Args:
      answers: At least one.
      type: One of `TYPES`.

    Raises:
      ValueError: If the type is unknown or there is no answer.
    """
    if type not in TYPES:
      raise ValueError(f"Unknown type of answers {type!r}.")
    if not answers:
      raise ValueError("There must be an answer.")
    self.answers = tuple(answers)
    self.type = type
    self._patterns: list[answer_pattern.AnswerPattern] = []
    self.invalid: tuple[str, ...] = ()
    if type == REGEX:
      compiled = [compile_regex(answer) for answer in self.answers]
      self._patterns = [pattern for pattern in compiled if pattern is not None]
      self.invalid = tuple(
        answer
        for answer, pattern in zip(self.answers, compiled, strict=True)
        if pattern is None
      )

  @classmethod
  def of(cls, example: qa_datasets.Example) -> "AnswerSet":
    """Builds the answer set of an example."""
    return cls(example.answers, example.answer_type)

  @functools.cached_property
  def _normalized(self) -> frozenset[str]:
    return frozenset(normalize(answer) for answer in self.answers)

  @functools.cached_property
  def phrases(self) -> tuple[str, ...]:
    """String answers as `words`, except those without a word."""
    if self.type == REGEX:
      return ()
    found = (words(answer) for answer in self.answers)
    return tuple(phrase for phrase in found if phrase.strip())

  @property
  def degenerate(self) -> bool:
    """Whether the prediction "" counts as right, as in the originals."""
    return self.is_right("")

  def is_right(self, prediction: str) -> bool:
    """Whether a prediction is right: exact match, or regex match.

    A pattern must match from the beginning of the prediction, not up to its
    end: `re.match`, without normalising text or pattern (ORQA,
    `eval_utils.regex_match_score`).
    """
    if self.type == REGEX:
      return any(pattern.matches(prediction) for pattern in self._patterns)
    return normalize(prediction) in self._normalized

  def f1(self, prediction: str) -> float | None:
    """Returns the best F1 over the answers; None for regular expressions."""
    if self.type == REGEX:
      return None
    normalized = normalize(prediction)
    return max(f1(normalized, answer) for answer in self._normalized)

  def found_in(self, text: Text) -> bool:
    """Whether a text holds an answer.

    String answers are runs of whole words; a pattern may match anywhere
    (DrQA, `has_answer`). Unlike in DrQA, an answer without words matches
    nothing, and patterns see the text without NFD, which would split `[eé]`.
    """
    if self.type == REGEX:
      return any(pattern.found_in(text.raw) for pattern in self._patterns)
    return any(phrase in text.words for phrase in self.phrases)
