"""Tests of the articles, over the whole encyclopedia."""

import collections
import re

from realm_tf.encyclopedia import articles
from realm_tf.encyclopedia.kinds import KINDS
from realm_tf.encyclopedia.phrasing import misleads
from realm_tf.encyclopedia.phrasing import sentence
from realm_tf.encyclopedia.phrasing import title_of
from realm_tf.encyclopedia.schema import Kind
from realm_tf.encyclopedia.schema import Relation
from realm_tf.encyclopedia.tables import entities
from realm_tf.text.sentence_splitter import sentence_spans


def _sentences(article) -> list[str]:
  return [text + "." for text in article.text.removesuffix(".").split(". ")]


def _titles_by_sentence(all_articles) -> dict[str, list[str]]:
  found = collections.defaultdict(list)
  for number, article in enumerate(all_articles):
    for text in _sentences(article):
      found[text].append((number, article.title))
  return found


def test_there_are_enough(all_articles):
  assert len(all_articles) >= 2000


def test_the_same_every_time(all_articles):
  assert list(articles()) == all_articles


def test_no_two_are_equal(all_articles):
  assert len(set(all_articles)) == len(all_articles)
  assert len({article.text for article in all_articles}) == len(all_articles)


def test_sections_have_the_length_of_a_passage(all_articles):
  for article in all_articles:
    assert 2 <= len(_sentences(article)) <= 4, article
    assert 20 <= len(article.text.split()) <= 50, article


def test_text_is_clean(all_articles):
  for article in all_articles:
    assert re.search(r"  |[{}|\t\n]|\b(the|a) \1\b", article.text) is None
    assert article.title[0] == article.title[0].upper()
    for text in _sentences(article):
      assert not text[0].islower(), text
      assert text.count(".") == 1, text
      assert "!" not in text and "?" not in text, text


def test_every_sentence_names_its_title(all_articles):
  for article in all_articles:
    for text in _sentences(article):
      assert article.title.lower() in text.lower(), article


def test_the_splitter_agrees(all_articles):
  """But for the rare section with two sentences on "George III." alike."""
  sample = all_articles[::5]
  for article in sample:
    sentences = _sentences(article)
    found = [article.text[i:j] for i, j in sentence_spans(article.text)]
    if not any(misleads(text) for text in sentences[:-1]):
      assert found == sentences
  doubtful = sum(
    any(misleads(text) for text in _sentences(article)[:-1])
    for article in all_articles
  )
  assert doubtful / len(all_articles) < 0.005


def test_every_fact_stands_in_two_sections_of_its_own_in_other_words(
  all_articles,
):
  where = _titles_by_sentence(all_articles)
  for kind in KINDS:
    for entity in entities(kind):
      title = title_of(entity.name)
      for fact in entity.facts:
        stated = [
          (template, number)
          for template in fact.relation.statements
          for number, found in where[
            sentence(template, (entity.name,), fact.values)
          ]
          if found == title
        ]
        # Two different templates in two different articles.
        assert len(stated) == 2, (entity.name, fact)
        assert len({template for template, _ in stated}) == 2
        assert len({number for _, number in stated}) == 2


def test_sections_of_an_entity_hold_different_facts(all_articles):
  sections = collections.Counter(article.title for article in all_articles)
  for kind in KINDS:
    for entity in entities(kind):
      least = 2 if len(entity.facts) == 1 else 3
      assert sections[title_of(entity.name)] >= least


def test_every_mirrored_value_has_an_article_that_names_the_subject(
  all_articles,
):
  texts = collections.defaultdict(list)
  for article in all_articles:
    texts[article.title].extend(_sentences(article))
  for kind in KINDS:
    for entity in entities(kind):
      for fact in entity.facts:
        for value in fact.values if fact.relation.mirrors else ():
          named = {
            text
            for text in texts[title_of(value)]
            if entity.name.lower() in text.lower()
          }
          assert len(named) >= 2, (entity.name, value)


def test_a_value_of_many_subjects_lists_at_most_four_a_sentence(monkeypatch):
  relation = Relation(
    name="king",
    statements=tuple(
      f"{{subject}} number {i} obeys {{value}}." for i in "abcd"
    ),
    questions=("Who rules {subject}?", "Whom does {subject} obey?"),
    mirrors=tuple(
      f"The mighty {{value}} with the staff {i} rules the lands of {{subject}}."
      for i in "abc"
    ),
  )
  kind = Kind(
    "lands",
    "lands.tsv",
    tuple(f"{{subject}} is a land of the old kind {i}." for i in "abcd"),
    (relation,),
  )
  text = "name\tking\n" + "".join(f"Land{i}\tAda\n" for i in range(9))
  monkeypatch.setattr(
    "realm_tf.encyclopedia.tables.resources.files",
    lambda package: _Folder(text),
  )
  ada = [item.text for item in articles((kind,)) if item.title == "Ada"]
  for i in range(9):
    mentions = [
      line
      for line in ". ".join(ada).split(". ")
      if re.search(rf"\bLand{i}\b", line)
    ]
    assert len(mentions) >= 2
    assert len(set(mentions)) == len(mentions)
  assert all(
    len(re.findall("Land", line)) <= 4 for line in ". ".join(ada).split(". ")
  )
  entities.cache_clear()


class _Folder:
  """A package folder that holds the same text under any name."""

  def __init__(self, text: str):
    self._text = text

  def __truediv__(self, name: str) -> "_Folder":
    return self

  def read_text(self, encoding: str) -> str:
    return self._text
