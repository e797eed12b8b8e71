"""The official metrics once more, written from their definitions.

Nothing here is shared with realm_tf, and little of how it is done: characters
one by one instead of regular expressions, another engine for patterns, lists
instead of counters and substrings.
"""

import functools
import itertools
import unicodedata

import regex

_PUNCTUATION = {
  chr(code)
  for first, last in ((33, 47), (58, 64), (91, 96), (123, 126))
  for code in range(first, last + 1)
}


@functools.lru_cache(maxsize=1000)
def normalized_words(text):
  """SQuAD's and ORQA's normalisation, as a list of words."""
  lower = unicodedata.normalize("NFD", text).lower()
  kept = [character for character in lower if character not in _PUNCTUATION]
  words = []
  for space, run in itertools.groupby(kept, str.isspace):
    if space:
      continue
    # An article may stand beside an accent, which ends a word for `\b`.
    word = ""
    for _, part in itertools.groupby(run, str.isalnum):
      part = "".join(part)
      if part in ("a", "an", "the"):
        words.append(word)
        word = ""
      else:
        word += part
    words.append(word)
  return [word for word in words if word]


def exact_match(prediction, references):
  """Whether the normalised texts are equal."""
  return any(
    normalized_words(prediction) == normalized_words(reference)
    for reference in references
  )


def f1(prediction, references):
  """SQuAD's F1, the best of the references."""
  best = 0.0
  for reference in references:
    predicted = sorted(normalized_words(prediction))
    left = sorted(normalized_words(reference))
    if not predicted or not left:
      best = max(best, 1.0 if predicted == left else 0.0)
      continue
    size, common = len(left), 0
    for word in predicted:
      if word in left:
        left.remove(word)
        common += 1
    if common:
      precision, recall = common / len(predicted), common / size
      best = max(best, 2 * precision * recall / (precision + recall))
  return best


def regex_match(prediction, patterns):
  """DrQA's and ORQA's regex match, with DrQA's engine."""
  flags = regex.IGNORECASE | regex.UNICODE | regex.MULTILINE
  for pattern in patterns:
    try:
      found = regex.compile(pattern, flags).finditer(prediction)
    except regex.error:
      continue
    if any(match.start() == 0 for match in found):
      return True
  return False


def words(text):
  """DrQA's SimpleTokenizer, uncased."""
  found, open_run = [], False
  for character in unicodedata.normalize("NFD", text):
    category = unicodedata.category(character)[0]
    if category in "LNM":
      if open_run:
        found[-1] += character
      else:
        found.append(character)
      open_run = True
      continue
    open_run = False
    if category not in "ZC":
      found.append(character)
  return [word.lower() for word in found]


def has_answer(text, answers):
  """DrQA's token match; an answer without words is found nowhere."""
  passage = words(text)
  for answer in map(words, answers):
    for start in range(len(passage) - len(answer) + 1):
      if answer and passage[start : start + len(answer)] == answer:
        return True
  return False
