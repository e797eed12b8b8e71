"""Names by spaCy: by a stand-in for it, and by itself where it is installed."""

import dataclasses
import sys
import types

import pytest

from realm_tf import errors
from realm_tf.data.sentences import annotate_shards
from realm_tf.text import spacy_tagger

_TEXT = "Zoë met Dr. Émile Zola of Médecins on the Eiffel Tower on 12 May 1914."
_ENTITIES = {
  "Zoë": "PERSON",
  "Émile Zola ": "PERSON",  # with the space after it
  "Médecins": "ORG",
  "the Eiffel Tower": "FAC",
  "12 May 1914": "DATE",
}


@dataclasses.dataclass
class _Entity:
  start_char: int
  end_char: int
  label_: str


class _Pipeline:
  """Finds names that it knows, as spaCy's pipelines do."""

  meta = {"lang": "en", "name": "fake", "version": "1.2.3"}

  def __init__(self, entities):
    self._entities = entities

  def pipe(self, texts):
    for text in texts:
      found = [
        _Entity(text.index(name), text.index(name) + len(name), label)
        for name, label in self._entities.items()
        if name in text
      ]
      yield types.SimpleNamespace(ents=found)


@pytest.fixture
def fake(monkeypatch):
  """spaCy with a pipeline that is installed as the package `fake`."""
  module = types.ModuleType("spacy")
  module.__spec__ = types.SimpleNamespace()
  module.load = lambda name, exclude: _Pipeline(_ENTITIES)
  package = types.ModuleType("fake")
  package.__spec__ = types.SimpleNamespace()
  monkeypatch.setitem(sys.modules, "spacy", module)
  monkeypatch.setitem(sys.modules, "fake", package)
  spacy_tagger.load_pipeline.cache_clear()
  yield module
  spacy_tagger.load_pipeline.cache_clear()


def _found(tagger, text):
  [spans] = tagger.tag([text])
  raw = text.encode()
  return [(raw[s.start : s.limit].decode(), s.type) for s in spans]


def test_entities_become_spans_in_bytes_of_our_types(fake):
  tagger = annotate_shards.TaggerSettings("spacy:fake").make([])
  assert _found(tagger, _TEXT) == [
    ("Zoë", "PER"),
    ("Émile Zola", "PER"),
    ("Médecins", "ORG"),
    ("the Eiffel Tower", "LOC"),
    ("12 May 1914", "date"),  # of the rules
  ]
  assert tagger.tag(["nothing", ""]) == [[], []]


@pytest.mark.parametrize(
  "label, ours",
  [
    *(("PER", "PER"), ("GPE", "LOC"), ("LOC", "LOC"), ("NORP", "MISC")),
    *(("WORK_OF_ART", "MISC"), ("GENE", "MISC"), ("MONEY", None)),
    *(("CARDINAL", None), ("TIME", None)),
  ],
)
def test_labels_of_many_pipelines(fake, label, ours):
  fake.load = lambda name, exclude: _Pipeline({"seven": label})
  tagger = spacy_tagger.SpacyTagger("spacy:fake")
  expected = [] if ours is None else [("seven", ours)]
  assert _found(tagger, "It is seven.") == expected


def test_gazetteer_and_numbers_work_beside_it(fake):
  tagger = spacy_tagger.SpacyTagger("spacy:fake", ["Tower on"], numbers=True)
  found = _found(tagger, "Zoë is 12.")
  assert found == [("Zoë", "PER"), ("12", "number")]


def test_the_version_is_a_setting_of_the_annotation(fake):
  settings = annotate_shards.TaggerSettings("spacy:fake")
  settings.check()
  identity = settings.identity()
  assert identity["tagger"] == "spacy:fake"
  assert identity["pipeline"] == "en_fake-1.2.3"


def test_what_is_missing_is_one_line(fake, monkeypatch):
  def message_of(tagger):
    with pytest.raises(errors.UserError) as caught:
      annotate_shards.TaggerSettings(tagger).make([])
    assert f"tagger={tagger}" in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)

  for name in ("spacy:en_no_such_pipeline", "spacy:", "spacy:a/b", "spacy:a.b"):
    assert "there is no package" in message_of(name)

  def fails(name, exclude):
    raise OSError("[E053] no config\nmore")

  fake.load = fails
  assert message_of("spacy:fake").endswith("cannot be loaded: [E053] no config")
  monkeypatch.setitem(sys.modules, "spacy", None)
  assert "needs spaCy" in message_of("spacy:fake")


def test_a_real_pipeline(monkeypatch, tmp_path):
  spacy = pytest.importorskip("spacy", reason="needs spaCy")
  pipeline = spacy.blank("en")
  ruler = pipeline.add_pipe("entity_ruler")
  ruler.add_patterns(
    [
      {"label": "PERSON", "pattern": "Émile Zola"},
      {"label": "GPE", "pattern": "Besançon"},
      {"label": "CARDINAL", "pattern": "seven"},
    ]
  )
  pipeline.add_pipe("lemmatizer", config={"mode": "rule"})
  pipeline.to_disk(tmp_path / "pipeline")
  # A package of the kind that pip installs.
  (tmp_path / "en_mine.py").write_text(
    "import spacy\n"
    "def load(**settings):\n"
    f"  return spacy.load({str(tmp_path / 'pipeline')!r}, **settings)\n"
  )
  monkeypatch.syspath_prepend(tmp_path)
  monkeypatch.setattr(spacy.util, "is_package", lambda name: name == "en_mine")
  spacy_tagger.load_pipeline.cache_clear()
  tagger = annotate_shards.TaggerSettings("spacy:en_mine").make([])
  text = "Émile Zola saw Besançon seven times in May 1871."
  assert _found(tagger, text) == [
    ("Émile Zola", "PER"),
    ("Besançon", "LOC"),
    ("May 1871", "date"),
  ]
