"""Pre-trains REALM on the embedded encyclopedia, in minutes on two cores.

python -m realm_tf.launch.demo
"""

from absl import flags

from realm_tf import environment
from realm_tf.launch import command

_OUTPUT = flags.DEFINE_string(
  "output", "runs/demo", "Folder of all that is written."
)
_SEED = flags.DEFINE_integer("seed", 0, "Of all trainings.")


def main() -> None:
  """Runs the demo."""
  environment.use_bfloat16_products()
  from realm_tf.demo import run

  run.run(_OUTPUT.value, _SEED.value)


if __name__ == "__main__":
  command.run(main)
