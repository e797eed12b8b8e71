import json

import pytest

from realm_tf import errors
from realm_tf.text import model_tagger
from realm_tf.text import salient_spans
from tests import planted_tagger


@pytest.fixture(scope="module")
def export(tmp_path_factory):
  model_dir = tmp_path_factory.mktemp("run")
  folder = model_dir.joinpath(*model_tagger.EXPORT_FOLDER)
  return model_dir, planted_tagger.save(folder)


def found(tagger, text):
  (spans,) = tagger.tag([text])
  raw = text.encode()
  return [(raw[s.start : s.limit].decode(), s.type) for s in spans]


def test_sentences_and_dates_of_a_passage(export):
  tagger = model_tagger.ModelTagger(str(export[0]))
  text = "É! In Zürich on 12 May 1850. Dr. Xu saw 東京. It was 1921."
  assert found(tagger, text) == [
    ("Zürich", "LOC"),
    ("12 May 1850", "date"),
    ("東京", "LOC"),
    ("1921", "date"),
  ]


def test_the_longer_of_two_spans_stays(export):
  tagger = model_tagger.ModelTagger(export[1])
  # The model takes "1914" and "1914 cup" for names.
  assert found(tagger, "In 1914 x.") == [("1914", "date")]
  assert found(tagger, "The 1914 cup x.") == [("1914 cup", "MISC")]
  assert found(tagger, "On 12 May 1914 x.") == [("12 May 1914", "date")]


def test_gazetteer_and_numbers(export):
  tagger = model_tagger.ModelTagger(export[1], ["gold"], numbers=True)
  assert found(tagger, "He had 12 gold in Łódź.") == [
    ("12", "number"), ("gold", "entity"), ("Łódź", "LOC"),
  ]  # fmt: skip


def test_passages_are_tagged_each_by_itself(export):
  texts = [f"{'x ' * n}Zürich. y 東京 {'z ' * n}." for n in range(7)]
  texts += ["", "x"]
  tagger = model_tagger.ModelTagger(export[1])
  for text, spans in zip(texts, tagger.tag(texts), strict=True):
    raw = text.encode()
    names = [raw[s.start : s.limit].decode() for s in spans]
    assert names == (["Zürich", "東京"] if "東京" in text else [])
    assert all(isinstance(span, salient_spans.Span) for span in spans)
  assert tagger.tag([]) == []
  assert tagger.tag([""]) == [[]]


def test_what_is_no_tagger_is_named(tmp_path):
  def error_of(path):
    with pytest.raises(errors.UserError) as error:
      model_tagger.find_export(str(path))
    return str(error.value)

  assert "nowhere is no tagger" in error_of(tmp_path / "nowhere")
  manifest = tmp_path / "manifest.json"
  manifest.write_text(json.dumps({"step": 1, "dim": 8}))  # an embedder's
  assert "is no tagger" in error_of(tmp_path)
  manifest.write_text("{")
  assert "is damaged" in error_of(tmp_path)
  manifest.write_text(json.dumps({"kind": model_tagger.KIND}))
  with pytest.raises(errors.UserError, match="is damaged, or only a part"):
    model_tagger.ModelTagger(str(tmp_path))
