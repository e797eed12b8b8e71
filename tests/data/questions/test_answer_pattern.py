import logging
import re

import pytest

from realm_tf.data.questions import answer_pattern

_TEXT = "Flown from Long  Island\nin May 1927, Élan; RE: a+b"


@pytest.mark.parametrize(
  "pattern",
  [
    r"Long\s+Island|New\s?York",
    r"^in\b",
    r"may 19(27|28)",
    "élan",
    r"re: a\+b$",
    r"x*",
    r"(?i)FLOWN",
    r"\d{4}",
    r"[^a-z]+",
  ],
)
def test_it_matches_as_the_standard_library_does(pattern):
  reference = re.compile(pattern, re.IGNORECASE | re.UNICODE | re.MULTILINE)
  ours = answer_pattern.AnswerPattern(pattern)
  assert ours.spans(_TEXT) == [m.span() for m in reference.finditer(_TEXT)]
  assert ours.found_in(_TEXT) == bool(reference.search(_TEXT))
  assert ours.matches(_TEXT) == bool(reference.match(_TEXT))


@pytest.mark.parametrize("pattern", ["(", "a{2}{3}", "*a", r"(?P<x>a)(?P<x>b)"])
def test_what_is_no_pattern_is_refused(pattern):
  with pytest.raises(ValueError, match="no regular expression"):
    answer_pattern.AnswerPattern(pattern)


def test_all_of_curated_trec_match_as_the_standard_library_does(shared_data):
  path = shared_data / "curated_trec" / "large2470-test.tsv"
  lines = path.read_text(errors="replace").splitlines()
  text = " ".join(line.split("\t")[2] for line in lines[:100])
  found = 0
  for line in lines:
    pattern = line.rsplit("\t", 1)[1]
    reference = re.compile(pattern, re.IGNORECASE | re.UNICODE | re.MULTILINE)
    spans = answer_pattern.AnswerPattern(pattern).spans(text)
    assert spans == [m.span() for m in reference.finditer(text)]
    found += bool(spans)
  assert found > 10


def test_a_pattern_that_takes_too_long_matches_nothing_more(caplog):
  slow = answer_pattern.AnswerPattern("(a|aa)+$", seconds=0.05)
  assert slow.found_in("baa")
  with caplog.at_level(logging.WARNING):
    assert not slow.matches("a" * 60 + "b")
    assert not slow.found_in("a" * 60 + "b")
    assert slow.spans("baa") == []
  assert slow.gave_up
  [record] = caplog.records
  assert "'(a|aa)+$'" in record.getMessage()
