"""Searches the whole corpus for answers."""

import collections
from collections.abc import Iterable
from collections.abc import Sequence

import numpy as np

from realm_tf.data.questions import qa_datasets
from realm_tf.evaluation import answer_matching
from realm_tf.evaluation import recall


def answerable(
  questions: Sequence[qa_datasets.Example],
  judge: recall.Judge,
  bodies: Iterable[str],
) -> np.ndarray:
  """Returns which questions have an answer anywhere in the corpus.

  A question is looked for until it is found, and with string answers only in
  passages that hold the longest word of one, so that the time is that of
  cutting the corpus into words: some 200 microseconds a passage.

  Args:
    questions: The questions.
    judge: Of the same questions.
    bodies: All passages.

  Returns:
    <bool>[questions]. Whether any passage holds an answer.
  """
  found = np.zeros(len(questions), bool)
  by_word = collections.defaultdict[str, set[int]](set)
  patterns = set[int]()
  for number, question in enumerate(questions):
    if question.answer_type == answer_matching.REGEX:
      patterns.add(number)
    for phrase in answer_matching.AnswerSet.of(question).phrases:
      by_word[max(phrase.split(), key=len)].add(number)
  for body in bodies:
    text = answer_matching.Text(body)
    candidates = set(patterns)
    if by_word:
      for word in set(text.words.split()) & by_word.keys():
        candidates |= by_word[word]
    for number in candidates:
      if not found[number] and judge.answers(number, text):
        found[number] = True
        patterns.discard(number)
  return found
