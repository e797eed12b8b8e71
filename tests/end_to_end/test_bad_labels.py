"""Bad labelled files and taggers: one line, status 2, nothing half-written."""

import pytest

from tests.data import small_corpora
from tests.end_to_end import refusals

_GOOD = "the\tO\nann\tB-PER\n"

# Name -> train file, and words of the message.
_FILES = {
  "label_off_its_scheme": (
    "ann\tB-PER\nsat\tO\nlee\tI-PER\n",
    ["line 3", "BIO", "--repair_labels"],
  ),
  "no_label": ("ann\tB-PER\nlee\tE-PER\n", ["line 2", "E-PER"]),
  "ragged_column": ("the\tX\tO\ncat\tO\n", ["line 2", "columns"]),
  "empty_sentence": ("the\tO\n\n\ncat\tO\n", ["line 3", "empty sentence"]),
  "unknown_type": ("the\tO\ncat\tB-ANIMAL\n", ["line 2", "ANIMAL"]),
  "empty_file": ("", ["holds no sentence"]),
}


def cases_of(root):
  """Yields (name, words of the message, command, flags)."""
  vocab = small_corpora.write_vocabulary(root)

  def flags(name, *others):
    return [
      "--config=tiny",
      f"--model_dir={root}/run_{name}",
      f"--data={root}/{name}",
      *others,
    ]

  for name, (text, words) in _FILES.items():
    (root / name).mkdir()
    (root / name / "train.txt").write_text(text)
    (root / name / "valid.txt").write_text(_GOOD)
    words = [f"{name}/train.txt", *words]
    yield name, words, "train_tagger", flags(name, f"--vocab={vocab}")
  good = root / "good"
  good.mkdir()
  for split in ("train", "valid"):
    (good / f"{split}.txt").write_text(_GOOD)
  yield "no_vocab", ["--vocab"], "train_tagger", flags("good")
  words = ["nowhere.txt"]
  others = [f"--vocab={root}/nowhere.txt"]
  yield "missing_vocab", words, "train_tagger", flags("good", *others)
  others = [f"--vocab={vocab}", f"--init_checkpoint={good}"]
  yield "init_is_no_run", ["good"], "train_tagger", flags("good", *others)
  others = [f"--vocab={vocab}", f"--valid={root}/nowhere"]
  yield "missing_valid", ["nowhere"], "train_tagger", flags("good", *others)
  yield "missing_data", ["nothing"], "train_tagger", flags("nothing", *others)
  yield (
    "no_tagger",
    [f"--tagger={good}"],
    "annotate_spans",
    [f"--corpus={root}/corpus", f"--tagger={good}"],
  )


NAMES = (
  *_FILES,
  "no_vocab",
  "missing_vocab",
  "init_is_no_run",
  "missing_valid",
  "missing_data",
  "no_tagger",
)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
  """By name: words of the message, and what the command did."""
  root = tmp_path_factory.mktemp("bad_labels")
  cases = list(cases_of(root))
  results = refusals.outcomes(root, [case[2:] for case in cases])
  return {
    name: (words, outcome)
    for (name, words, *_), outcome in zip(cases, results, strict=True)
  }


@pytest.mark.parametrize("name", NAMES)
def test_one_line_status_two_and_nothing_written(outcomes, name):
  words, outcome = outcomes[name]
  refusals.check(outcome, words)
