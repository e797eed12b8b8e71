"""The small BERT that the demo starts from, as the paper starts from BERT.

It is package data, made by `python -m realm_tf.launch.demo --rebuild_bert`:
`pretrain_mlm` on the embedded encyclopedia, whose vocabulary it has, with names
drawn afresh in each example, so that it can read and copy but knows no fact.
"""

import os

import numpy as np

from realm_tf import files
from realm_tf.checkpoints.formats import imported
from realm_tf.checkpoints.formats import own_run
from realm_tf.demo import settings

FOLDER = settings.BERT
RECIPE = "recipe.json"


def write(model_dir: str, command: str) -> None:
  """Replaces the package's BERT by that of a run.

  Args:
    model_dir: A run of `pretrain_mlm`.
    command: That trained it, for the recipe.
  """
  found = own_run.read(model_dir)
  imported.write(found, FOLDER, np.float16)
  names = sorted(name for name in os.listdir(FOLDER) if name != RECIPE)
  files.write_json(
    os.path.join(FOLDER, RECIPE),
    {
      "command": command,
      "sha256": {
        name: files.sha256(os.path.join(FOLDER, name)) for name in names
      },
    },
  )
