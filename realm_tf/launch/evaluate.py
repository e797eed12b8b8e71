r"""Asks a run questions, or scores answers: exact match, F1, recall@k.

python -m realm_tf.launch.evaluate --dataset=nq_open --split=test \
  --model_dir=MODEL_DIR --retriever=dense,bm25,hybrid,none

python -m realm_tf.launch.evaluate --dataset=nq_open --split=test \
  --predictions=predictions.jsonl --output=runs/evaluation
"""

from realm_tf.evaluation import evaluation_options
from realm_tf.launch import command
from realm_tf.launch import dry_run
from realm_tf.launch import option_flags
from realm_tf.launch import path_checks
from realm_tf.launch import question_flags
from realm_tf.launch import verify_flag

option_flags.define(evaluation_options.Options)
verify_flag.define()


def main() -> None:
  """Evaluates the run or the predictions that the flags name."""
  verify_flag.apply()
  given = option_flags.read(evaluation_options.Options)
  given["retriever"] = given["retriever"] or ()
  options = evaluation_options.Options(**given)
  evaluation_options.check(options)
  path_checks.run(options.model_dir)
  path_checks.there("predictions", [options.predictions])
  question_flags.check_paths(options.split, dataset=options.dataset)
  path_checks.corpus(options.corpus)
  path_checks.output(options.output)
  if dry_run.shown(writes=[options.output or options.model_dir]):
    return
  from realm_tf.evaluation import evaluation_run

  evaluation_run.run(options)


if __name__ == "__main__":
  command.run(main)
