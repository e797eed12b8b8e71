r"""Adds, removes and replaces passages: a new corpus, and a run's index of it.

python -m realm_tf.launch.edit_corpus --corpus=CORPUS --add=news.jsonl \
  --remove=0123456789abcdef --output=NEW_CORPUS --model_dir=FINETUNED

Nothing is trained. Only new passages are embedded, with the embedder that made
the run's index; `--model_dir` and NEW_CORPUS together then answer from it.
"""

from absl import flags

from realm_tf.launch import command
from realm_tf.launch import dry_run
from realm_tf.launch import model_dir_flag
from realm_tf.launch import path_checks
from realm_tf.launch import verify_flag

_CORPUS = flags.DEFINE_string(
  "corpus",
  None,
  "Folder of the corpus to edit, which stays as it is.",
  required=True,
)
_OUTPUT = flags.DEFINE_string(
  "output", None, "Folder to write the new corpus to.", required=True
)
_ADD = flags.DEFINE_multi_string(
  "add",
  [],
  "Articles that come in addition: files as build_corpus --input takes them. "
  "Several: repeat the flag, or separate them by commas.",
)
_REMOVE = flags.DEFINE_multi_string(
  "remove",
  [],
  "Passages and articles that go: ids of passages or titles of articles, "
  "separated by commas, or @FILE with one a line.",
)
_REPLACE = flags.DEFINE_multi_string(
  "replace",
  [],
  "Articles that take the place of those of the same title: files as for "
  "--add. A JSON object with `id` takes the place of that passage alone.",
)
_MODEL_DIR = model_dir_flag.define(
  "The run whose index is brought up to date, of finetune or pretrain; empty "
  "to write the corpus alone.",
  required=False,
)
verify_flag.define()


def main() -> None:
  """Edits the corpus that the flags name."""
  add = [part for value in _ADD.value for part in value.split(",")]
  replace = [part for value in _REPLACE.value for part in value.split(",")]
  path_checks.corpus(_CORPUS.value)
  path_checks.documents("add", add)
  path_checks.documents("replace", replace)
  names = (value for value in _REMOVE.value if value.startswith("@"))
  path_checks.there("remove", (value[1:] for value in names))
  path_checks.run(_MODEL_DIR.value)
  path_checks.output(_OUTPUT.value)
  verify_flag.apply()
  if dry_run.shown(writes=[_OUTPUT.value, _MODEL_DIR.value]):
    return
  from realm_tf.data.ingest import corpus_edit
  from realm_tf.index.job import index_edit

  index_edit.run(
    corpus_edit.EditOptions(
      corpus=_CORPUS.value,
      output=_OUTPUT.value,
      add=add,
      remove=_REMOVE.value,
      replace=replace,
    ),
    _MODEL_DIR.value,
  )


if __name__ == "__main__":
  command.run(main)
