r"""Warms the retriever up with the Inverse Cloze Task.

python -m realm_tf.launch.pretrain_ict --config=tiny --corpus=CORPUS \
  --model_dir=MODEL_DIR
"""

from realm_tf.launch import command
from realm_tf.launch import run_flags

run_flags.define("pretrain_ict")


def main() -> None:
  """Trains, and prints the next command."""
  config = run_flags.config("pretrain_ict")
  if run_flags.is_dry_run(config):
    return
  from realm_tf.training.recipes import warm_start

  warm_start.run(
    "pretrain_ict",
    config,
    **run_flags.where(),
  )


if __name__ == "__main__":
  command.run(main)
