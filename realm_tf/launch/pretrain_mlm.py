r"""Pre-trains a small BERT: masked language modelling over pairs of passages.

python -m realm_tf.launch.pretrain_mlm --config=tiny --corpus=CORPUS \
  --model_dir=MODEL_DIR
"""

from absl import flags

from realm_tf.launch import command
from realm_tf.launch import run_flags

run_flags.define("pretrain_mlm")


def main() -> None:
  """Trains, and names the next command."""
  values = flags.FLAGS
  config = run_flags.config("pretrain_mlm")
  from realm_tf.training import warm_start

  warm_start.run(
    "pretrain_mlm",
    config,
    corpus=values.corpus,
    pretrain_corpus=values.pretrain_corpus,
    init_checkpoint=values.init_checkpoint,
    model_dir=values.model_dir,
    tpu=values.tpu,
  )


if __name__ == "__main__":
  command.run(main)
