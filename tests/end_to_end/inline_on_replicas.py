"""Runs of `--refresh=inline` on several replicas: run by test_device_retrieval.

python -m tests.end_to_end.inline_on_replicas REPLICAS CORPUS WHAT NAME...

A process of its own, as logical devices must be there before TensorFlow
starts; and one that is killed, if WHAT says so. Prints a JSON object.
"""

import json
import os
import pathlib
import signal
import sys

from realm_tf import environment

environment.configure()

from realm_tf import devices  # noqa: E402
from realm_tf.training.recipes import inline_hook  # noqa: E402
from tests.end_to_end import device_runs  # noqa: E402
from tests.training import logical_devices  # noqa: E402


def _die(self, step, feed):
  if step == device_runs.KILLED_BEFORE:
    os.kill(os.getpid(), signal.SIGKILL)


def main(replicas: str, corpus: str, what: str, *names: str) -> None:
  """Trains the runs, one after the other."""
  strategy = logical_devices.strategies()[int(replicas)]
  devices.make_strategy = lambda tpu, *, join_cluster=False: strategy
  if what == "killed":
    inline_hook.InlineHook.before_step = _die
  runs = [
    device_runs.pretrain(
      pathlib.Path(corpus),
      name,
      "device",
      "inline",
      export_every_steps=4,
      learning_rate=1e-2,
    )
    for name in names
  ]
  vectors = [done.task.index.vectors() for done in runs]
  print(
    json.dumps(
      {
        "replicas": [len(shares) for shares in vectors],
        "vectors": [
          [row.tolist() for share in shares for row in share]
          for shares in vectors
        ],
      }
    )
  )


if __name__ == "__main__":
  main(*sys.argv[1:])
