import pytest

from realm_tf.evaluation import entities


def test_scores_by_hand():
  gold = [["B-PER", "I-PER", "O", "B-LOC"], ["B-LOC", "O"]]
  # One person is cut short; one place is right, one missed; one is invented.
  found = [["B-PER", "O", "O", "B-LOC"], ["O", "B-MISC"]]
  scores = entities.scores(gold, found)
  assert list(scores) == ["LOC", "MISC", "PER", "all"]
  assert scores["PER"] == entities.Score(0.0, 0.0, 0.0, 1)
  assert scores["LOC"].precision == 1.0
  assert scores["LOC"].recall == 0.5
  assert scores["LOC"].f1 == pytest.approx(2 / 3)
  assert scores["MISC"].entities == 0
  assert scores["all"].precision == pytest.approx(1 / 3)
  assert scores["all"].recall == pytest.approx(1 / 3)
  assert scores["all"].entities == 3


def test_nothing_found_scores_nothing():
  scores = entities.scores([["B-PER", "O"]], [["O", "O"]])
  assert scores["all"] == entities.Score(0.0, 0.0, 0.0, 1)


def test_no_entity_at_all():
  assert entities.scores([["O"]], [["O"]])["all"].f1 == 0.0


def test_the_table_has_a_row_for_each_type():
  scores = entities.scores([["B-PER", "O"]], [["B-PER", "O"]])
  lines = entities.table("valid.txt", scores).splitlines()
  assert lines[0].startswith("valid.txt")
  assert lines[1].split() == ["PER", "1.0000", "1.0000", "1.0000", "1"]
  assert lines[2].split()[0] == "all"
