"""The flags of commands that read questions."""

from typing import Any

from absl import flags

_DATA_DIR = flags.DEFINE_string(
  "data_dir", None, "Where TFDS keeps what it prepared."
)
_MANUAL_DIR = flags.DEFINE_string(
  "manual_dir", None, "Folder with the dataset's source files."
)

DATASETS = (
  "nq_open, webquestions, curated_trec, a JSONL file with `question` and "
  "`answer` (its name may hold {split}), or encyclopedia:KINDS"
)


def where() -> dict[str, Any]:
  """Returns the folders that questions are read from."""
  return {"data_dir": _DATA_DIR.value, "manual_dir": _MANUAL_DIR.value}
