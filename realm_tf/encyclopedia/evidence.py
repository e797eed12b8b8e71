"""Which passages hold the answer to a question: the gold of recall@k."""

import functools
import re

from realm_tf.encyclopedia.questions import Question


def supports(question: Question, passage: str) -> bool:
  """Says whether a passage states what a question asks for.

  Args:
    question: The question.
    passage: Text of the passage, perhaps with its title before it.

  Returns:
    Whether it contains the name that is asked about and one of the answers,
    both as whole words, upper and lower case alike.
  """
  return bool(_whole_words((question.subject,)).search(passage)) and bool(
    _whole_words(question.answers).search(passage)
  )


@functools.lru_cache(maxsize=65536)
def _whole_words(names: tuple[str, ...]) -> re.Pattern[str]:
  alternatives = "|".join(re.escape(name) for name in names)
  return re.compile(rf"(?<!\w)(?:{alternatives})(?!\w)", re.IGNORECASE)
