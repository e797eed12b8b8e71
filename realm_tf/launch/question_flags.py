"""The flags of commands that read questions."""

from typing import Any

from absl import flags

from realm_tf.launch import path_checks

BUILDERS = ("curated_trec", "nq_open", "webquestions")
DATASETS = (
  f"{', '.join(BUILDERS)}, a JSONL or CSV file with `question` and `answer` "
  "(its name may hold {split}), or encyclopedia:KINDS"
)

_DATA_DIR = flags.DEFINE_string(
  "data_dir", None, "Where TFDS keeps what it prepared."
)
_MANUAL_DIR = flags.DEFINE_string(
  "manual_dir", None, "Folder with the dataset's source files."
)


def check_paths(split: str | None = None, **datasets: str) -> None:
  """Refuses questions that do not exist, before TensorFlow is imported.

  Args:
    split: The split that is read, where that is one.
    **datasets: The flags that name questions, with their values.

  Raises:
    errors.UserError: If a dataset or the folder of its sources is missing.
  """
  for flag, dataset in datasets.items():
    path_checks.dataset(flag, dataset, split, BUILDERS)
  path_checks.folder("manual_dir", _MANUAL_DIR.value or "")


def where() -> dict[str, Any]:
  """Returns the folders that questions are read from."""
  return {"data_dir": _DATA_DIR.value, "manual_dir": _MANUAL_DIR.value}
