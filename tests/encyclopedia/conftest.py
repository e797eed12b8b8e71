"""The whole encyclopedia, written once for all tests of this folder."""

import pytest

from realm_tf.encyclopedia import Article
from realm_tf.encyclopedia import Question
from realm_tf.encyclopedia import articles
from realm_tf.encyclopedia import questions


@pytest.fixture(scope="session")
def all_articles() -> list[Article]:
  """Every article of every kind."""
  return list(articles())


@pytest.fixture(scope="session")
def all_questions() -> list[Question]:
  """Every question of every kind."""
  return list(questions())
