"""Scores of spans, by hand, and the labels that the repository holds."""

import json
import pathlib

import pytest

from realm_tf import errors
from realm_tf.evaluation import span_quality
from realm_tf.text import salient_spans

_LABELS = (
  pathlib.Path(__file__).resolve().parents[2]
  / "benchmarks/span_labels/squad_wiki.jsonl"
)


def test_exact_and_overlapping_matches():
  found = [[(0, 4), (6, 9)], [], [(3, 5)]]
  wanted = [[(0, 4), (7, 9)], [(1, 2)], []]
  exact = span_quality.score(found, wanted)
  assert (exact.precision, exact.recall) == (1 / 3, 1 / 3)
  assert exact.f1 == pytest.approx(1 / 3)
  overlap = span_quality.score(found, wanted, overlap=True)
  assert (overlap.precision, overlap.recall) == (2 / 3, 2 / 3)


def test_one_long_span_over_two_labels_counts_once_as_found():
  score = span_quality.score([[(0, 9)]], [[(0, 4), (5, 9)]], overlap=True)
  assert (score.found_right, score.wanted_found) == (1, 2)


def test_touching_spans_do_not_overlap():
  score = span_quality.score([[(0, 4)]], [[(4, 9)]], overlap=True)
  assert (score.precision, score.recall, score.f1) == (0, 0, 0)


def test_the_tagger_reads_the_passage_but_only_the_sentence_counts():
  text = "In 1914. Élan in 1918."
  labels = [span_quality.LabelledSentence(7, 9, len(text.encode()), ())]
  passages = {7: ("Wars", text)}
  tagged = span_quality.tag_sentences(
    salient_spans.RuleTagger(), labels, passages
  )
  dates = [s for s in tagged[0] if s.type == "date"]
  assert [text.encode()[s.start : s.limit] for s in dates] == [b"1918"]


def test_our_labels_are_sound_and_hold_no_text():
  labels = span_quality.read_labels(str(_LABELS))
  assert len(labels) == 200
  assert len({sentence.passage for sentence in labels}) == 200
  types = {span.type for sentence in labels for span in sentence.spans}
  assert types == {span_quality.DATE_LABEL, *span_quality.ENTITY_LABELS}
  for line in _LABELS.read_text().splitlines():
    assert set(json.loads(line)) == {"passage", "sentence", "spans"}


@pytest.mark.parametrize(
  "line",
  [
    "{}",
    '{"passage": 1, "sentence": [0, 9], "spans": [[0, 4, "XYZ"]]}',
    '{"passage": 1, "sentence": [0, 9], "spans": [[0, 12, "PER"]]}',
    '{"passage": 1, "sentence": [0, 9], "spans": [[3, 5, "PER"], '
    '[1, 2, "LOC"]]}',
  ],
)
def test_a_wrong_line_is_named(tmp_path, line):
  path = tmp_path / "labels.jsonl"
  path.write_text(line + "\n")
  with pytest.raises(errors.UserError, match="labels.jsonl:1"):
    span_quality.read_labels(str(path))


def test_labels_that_are_not_utf_8_are_named(tmp_path):
  path = tmp_path / "labels.jsonl"
  path.write_bytes(b'{"passage": "\xfc"}\n')
  with pytest.raises(errors.UserError, match="line 1 is not UTF-8"):
    span_quality.read_labels(str(path))
