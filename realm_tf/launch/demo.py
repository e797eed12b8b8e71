"""Pre-trains and fine-tunes on the embedded encyclopedia, in minutes.

python -m realm_tf.launch.demo
"""

from absl import flags

from realm_tf.configs import schema
from realm_tf.launch import command
from realm_tf.launch import dry_run
from realm_tf.launch import path_checks

_OUTPUT = flags.DEFINE_string(
  "output", "runs/demo", "Folder of all that is written."
)
_SEED = flags.DEFINE_integer(
  "seed",
  0,
  "Of all trainings.",
  lower_bound=0,
  upper_bound=schema.MOST_SEED,
)
_RETRIEVAL = flags.DEFINE_enum(
  "retrieval",
  "host",
  ["host", "device"],
  "Where pre-training embeds queries and searches the index; see pretrain.",
)
_REBUILD_BERT = flags.DEFINE_bool(
  "rebuild_bert",
  False,
  "Instead of the demo: train the small BERT that it starts from, which comes "
  "with the package, and put it there.",
)


def main() -> None:
  """Runs the demo or rebuilds its BERT."""
  path_checks.demo(_OUTPUT.value)
  if dry_run.shown(writes=[_OUTPUT.value]):
    return
  from realm_tf.demo import run

  if _REBUILD_BERT.value:
    run.rebuild_bert(_OUTPUT.value, _SEED.value)
  else:
    run.run(_OUTPUT.value, _SEED.value, _RETRIEVAL.value)


if __name__ == "__main__":
  command.run(main)
