"""Tests of the questions, their split and the passages that answer them."""

import collections

import pytest

from realm_tf.encyclopedia import questions
from realm_tf.encyclopedia.kinds import KINDS
from realm_tf.encyclopedia.questions import split_of
from realm_tf.encyclopedia.tables import entities
from realm_tf.evaluation import answer_matching


def test_there_are_enough(all_questions):
  facts = sum(len(item.facts) for kind in KINDS for item in entities(kind))
  assert len(all_questions) >= max(1000, 2 * facts)


def test_the_same_every_time(all_questions):
  assert list(questions()) == all_questions


def test_ids_and_texts_are_unique(all_questions):
  ids = collections.Counter(item.id for item in all_questions)
  texts = collections.Counter(item.question for item in all_questions)
  assert [key for key, count in (ids + texts).items() if count > 1] == []


def test_all_questions_of_a_fact_share_its_split(all_questions):
  splits = collections.defaultdict(set)
  for item in all_questions:
    splits[item.fact].add(item.split)
  assert all(len(found) == 1 for found in splits.values())


def test_splits_have_their_shares(all_questions):
  counts = collections.Counter(item.split for item in all_questions)
  assert counts["train"] / len(all_questions) == pytest.approx(0.7, abs=0.03)
  assert counts["dev"] / len(all_questions) == pytest.approx(0.1, abs=0.03)
  assert counts["test"] / len(all_questions) == pytest.approx(0.2, abs=0.03)


def test_split_is_frozen():
  """A fact must not move between splits when others are added."""
  assert split_of("countries", "France", "capital") == "test"
  assert split_of("countries", "Turkey", "capital") == "test"


def test_every_question_has_supporting_articles(all_articles, all_questions):
  by_word = collections.defaultdict(list)
  for article in all_articles:
    text = answer_matching.Text(article.text)
    for word in set(_words(article.text)):
      by_word[word].append(text)
  for item in all_questions:
    # The rarest word of the name leads to the few articles worth a look.
    candidates = min((by_word[word] for word in _words(item.subject)), key=len)
    # What recall@k takes for an answer.
    wanted = (
      answer_matching.AnswerSet(item.answers),
      answer_matching.AnswerSet([item.subject]),
    )
    supporting = sum(
      all(one.found_in(text) for one in wanted) for text in candidates
    )
    assert supporting >= 2, item


def test_a_question_names_what_it_asks_about(all_questions):
  for item in all_questions:
    assert item.question[0].isupper()
    assert "{" not in item.question
    assert item.answers and item.subject
    assert item.subject.lower() in item.question.lower()


def _words(text: str) -> list[str]:
  return "".join(
    letter if letter.isalnum() else " " for letter in text.lower()
  ).split()
