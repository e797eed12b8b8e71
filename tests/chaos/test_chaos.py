"""The attack finds planted faults, and none in a short run of its own."""

import random
import time

import pytest

from realm_tf import errors
from tests.chaos import file_attack
from tests.chaos import mutations
from tests.chaos import readers
from tests.chaos import report
from tests.chaos import verdicts

# Those that take no TensorFlow to speak of.
_QUICK = ("documents", "questions", "predictions", "vocabulary", "labels")
_INPUTS = 120


def judged(
  tmp_path, read, damage="a.txt: emptied", sealed=(), *, is_listed=True
):
  """What is said of a reader of a damaged file."""
  folder = tmp_path / "files"
  folder.mkdir()
  (folder / "a.txt").write_text("new")
  reader = readers.Reader(
    "planted", lambda _: None, read, sealed=sealed, is_listed=is_listed
  )
  expected = readers.digest("old")
  found = verdicts.judge(reader, "1", damage, folder, expected)
  assert (found.reader, found.case, found.damage) == ("planted", "1", damage)
  return found.verdict


def text_of(folder):
  return (folder / "a.txt").read_text()


def test_the_right_result_or_that_of_the_file_is_good(tmp_path):
  assert judged(tmp_path / "1", lambda _: "old") == verdicts.SAME
  assert judged(tmp_path / "2", text_of) == verdicts.CHANGED


def test_what_a_check_sum_tells_must_not_be_taken(tmp_path):
  assert judged(tmp_path / "1", text_of, sealed=(".txt",)) == verdicts.WRONG


def test_a_file_that_no_list_names_may_be_removed(tmp_path):
  def outcome(place, is_listed):
    return judged(
      tmp_path / place,
      lambda _: "new",
      "a.txt: removed",
      (".txt",),
      is_listed=is_listed,
    )

  assert outcome("1", is_listed=True) == verdicts.WRONG
  assert outcome("2", is_listed=False) == verdicts.CHANGED


@pytest.mark.parametrize("name", ["a.npy", "a.safetensors", "a.json"])
def test_what_is_damaged_can_be_damaged_again(tmp_path, name):
  for case in range(60):
    path = tmp_path / f"case-{case}" / name
    path.parent.mkdir()
    path.write_bytes(random.Random(case).randbytes(100))
    assert mutations.damage(path, random.Random(case))


@pytest.fixture(autouse=True)
def _folders(tmp_path):
  for name in "12":
    (tmp_path / name).mkdir(exist_ok=True)


def test_a_line_must_name_the_file(tmp_path):
  def refuse(folder):
    raise errors.UserError(f"{folder}/a.txt is damaged.")

  def refuse_without_name(_):
    raise errors.UserError("A file is damaged.")

  assert judged(tmp_path / "1", refuse) == verdicts.REFUSED
  assert judged(tmp_path / "2", refuse_without_name) == verdicts.UNNAMED


def test_other_errors_are_tracebacks_and_broken_rules_wrong(tmp_path):
  def fail(_):
    return {}["key"]

  def check(_):
    raise AssertionError("row 3 is beyond the text")

  assert judged(tmp_path / "1", fail) == verdicts.TRACEBACK
  assert judged(tmp_path / "2", check) == verdicts.WRONG


def test_files_are_neither_lost_nor_left(tmp_path):
  def remove(folder):
    (folder / "a.txt").unlink()

  def leave(folder):
    (folder / "b.tmp").touch()

  assert judged(tmp_path / "1", remove) == verdicts.LOST
  assert judged(tmp_path / "2", leave) == verdicts.LEFT


@pytest.mark.parametrize("name", ["a.jsonl.gz", "b.json", "c.bin", "d.csv"])
def test_a_seed_damages_in_the_same_way_again(tmp_path, name):
  import gzip

  text = b'{"a": [1, 2, {"b": "c"}]}\n' * 3
  content = {".gz": gzip.compress(text), ".json": text[:26]}
  told = set()
  for case in range(60):
    outcomes = []
    for copy in range(2):
      folder = tmp_path / f"{case}-{copy}"
      folder.mkdir()
      path = folder / name
      path.write_bytes(content.get(path.suffix, text))
      said = mutations.damage(path, random.Random(case))
      is_file = path.is_file() and not path.is_symlink()
      outcomes.append((said, path.read_bytes() if is_file else None))
    # gzip writes the time.
    if not name.endswith(".gz"):
      assert outcomes[0] == outcomes[1]
    assert outcomes[0][0] == outcomes[1][0]
    told.add(said)
  assert len(told) > 20


def test_a_short_attack_finds_nothing(tmp_path):
  attacks = list(
    file_attack.run(
      seed=7, names=_QUICK, folder=tmp_path, most=_INPUTS, workers=1
    )
  )
  assert len(attacks) == _INPUTS
  assert report.breaches(attacks) == ""
  table = report.table(attacks)
  assert f"| all | {_INPUTS} |" in table
  assert {attack.reader for attack in attacks} == set(_QUICK)
  assert any(attack.verdict == verdicts.REFUSED for attack in attacks)


def test_an_attack_can_be_repeated_and_ended(tmp_path):
  (tmp_path / "1" / "x").mkdir()
  first = next(
    file_attack.run(
      seed=3, names=("config",), folder=tmp_path / "1" / "x", workers=1
    )
  )
  again = file_attack.repeat("config", first.case, tmp_path / "2")
  # Folders differ.
  assert (again.verdict, again.damage) == (first.verdict, first.damage)
  none = file_attack.run(
    seed=0,
    names=("config",),
    folder=tmp_path / "1",
    until=time.monotonic(),
    workers=1,
  )
  assert list(none) == []
