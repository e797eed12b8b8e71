r"""Measures kNN-LM beside REALM, on masked words of held-out sentences.

python -m realm_tf.launch.knn_lm --model_dir=MODEL_DIR --output=OUTPUT

The store holds the hidden states of the run's own reader at the salient spans
of the training sentences. Accuracy and log-likelihood are of the reader alone,
of kNN-LM, and, for a run of pretrain, of REALM with its passages.
"""

from realm_tf.baselines import knn_lm_options
from realm_tf.launch import command
from realm_tf.launch import dry_run
from realm_tf.launch import option_flags
from realm_tf.launch import path_checks
from realm_tf.launch import verify_flag

option_flags.define(knn_lm_options.Options)
verify_flag.define()


def main() -> None:
  """Builds the store and measures."""
  verify_flag.apply()
  options = knn_lm_options.Options(**option_flags.read(knn_lm_options.Options))
  path_checks.run(options.model_dir)
  path_checks.corpus(options.corpus)
  path_checks.output(options.output)
  if dry_run.shown(writes=[options.output]):
    return
  from realm_tf.baselines import knn_lm

  knn_lm.run(options)


if __name__ == "__main__":
  command.run(main)
