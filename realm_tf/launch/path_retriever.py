r"""Trains PathRetriever, a baseline of Table 1, and has it answer questions.

python -m realm_tf.launch.path_retriever --bert=BERT --corpus=CORPUS \
  --dataset=webquestions --model_dir=MODEL_DIR

Passages are chosen one after the other, along the links between them, by a
recurrent network on top of BERT; a reader ranks the paths and extracts the
answer. The answers are scored by evaluate --predictions, the command that is
printed at the end.
"""

from realm_tf.baselines import path_options
from realm_tf.launch import command
from realm_tf.launch import dry_run
from realm_tf.launch import model_dir_flag
from realm_tf.launch import option_flags
from realm_tf.launch import path_checks
from realm_tf.launch import question_flags
from realm_tf.launch import verify_flag

model_dir_flag.define("Folder of the run; resumed if it exists.")
option_flags.define(path_options.Options)
verify_flag.define()


def main() -> None:
  """Trains and answers."""
  verify_flag.apply()
  options = path_options.Options(**option_flags.read(path_options.Options))
  path_checks.weights("bert", options.bert)
  path_checks.corpus(options.corpus)
  question_flags.check_paths("train", dataset=options.dataset)
  question_flags.check_paths(options.split, dataset=options.dataset)
  if dry_run.shown(writes=[options.model_dir]):
    return
  from realm_tf.baselines import path_retriever

  path_retriever.run(options)


if __name__ == "__main__":
  command.run(main)
