"""An encyclopedia of true facts, written by rules from tables of facts.

The corpus of the demo: no download, and every fact stands in several passages
in different words. README.md of this package says how to add to it.
"""

from realm_tf.encyclopedia.articles import Article
from realm_tf.encyclopedia.articles import articles
from realm_tf.encyclopedia.kinds import select_kinds
from realm_tf.encyclopedia.questions import Question
from realm_tf.encyclopedia.questions import questions

__all__ = [
  "Article",
  "Question",
  "articles",
  "questions",
  "select_kinds",
]
