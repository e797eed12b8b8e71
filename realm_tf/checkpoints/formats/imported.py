"""The folders that `import_checkpoint` writes: one format for any source.

`config.json` (`task` is "import_checkpoint"), `vocab.txt`, and a TensorFlow
checkpoint `weights.*` of the variables by the names of `names`, and, below
`span_scorer`, of those of a scorer of spans. The config is written last: a
folder without one is not whole.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from realm_tf import errors
from realm_tf import files
from realm_tf.checkpoints import span_weights
from realm_tf.checkpoints import weight_source
from realm_tf.checkpoints.formats import json_config
from realm_tf.checkpoints.formats import vocabularies
from realm_tf.data.corpus import corpus_manifest
from realm_tf.text import wordpiece

CONFIG = "config.json"
TASK = "import_checkpoint"
_WEIGHTS = "weights"
_SPAN_SCORER = "span_scorer/"
_SIZES = (
  "num_layers",
  "hidden_size",
  "num_heads",
  "intermediate_size",
  "max_positions",
)


def write(
  found: weight_source.Source,
  folder: str,
  dtype: type[np.floating] = np.float32,
) -> None:
  """Writes a source.

  Args:
    found: The source.
    folder: A new folder.
    dtype: Of the variables in the file.
  """
  tf.io.gfile.makedirs(folder)
  arrays = dict(found.variables)
  if found.span_scorer is not None:
    for name, array in vars(found.span_scorer).items():
      arrays[_SPAN_SCORER + name] = array
  variables = sorted(arrays)
  tf.raw_ops.SaveV2(
    prefix=tf.io.gfile.join(folder, _WEIGHTS),
    tensor_names=variables,
    shape_and_slices=[""] * len(variables),
    tensors=[np.ascontiguousarray(arrays[n], dtype) for n in variables],
  )
  files.write_bytes(
    tf.io.gfile.join(folder, corpus_manifest.VOCABULARY_NAME),
    "".join(f"{piece}\n" for piece in found.vocabulary).encode(),
  )
  config = dataclasses.asdict(found.config)
  files.write_json(
    tf.io.gfile.join(folder, CONFIG),
    {
      "task": TASK,
      "source": found.path,
      "format": found.format,
      **{field: config[field] for field in _SIZES},
      "activations": found.activations,
      "lower_case": found.lower_case,
      "vocab_sha256": wordpiece.vocabulary_sha256(found.vocabulary),
    },
  )


def read(path: str) -> weight_source.Source:
  """Reads a folder that `write` wrote.

  Raises:
    errors.UserError: If a file is missing or damaged.
  """
  file = tf.io.gfile.join(path, CONFIG)
  config = json_config.read(file)
  vocabulary = vocabularies.read(path, path)
  try:
    if wordpiece.vocabulary_sha256(vocabulary) != config["vocab_sha256"]:
      raise errors.UserError(
        f"{path} has another vocabulary than was imported: import it again."
      )
    prefix = tf.io.gfile.join(path, _WEIGHTS)
    files.check_all_readable(prefix)
    reader = tf.train.load_checkpoint(prefix)
    arrays = {
      name: reader.get_tensor(name)
      for name in reader.get_variable_to_shape_map()
    }
    scorer = {
      name.removeprefix(_SPAN_SCORER): np.asarray(arrays.pop(name), np.float32)
      for name in list(arrays)
      if name.startswith(_SPAN_SCORER)
    }
    found = weight_source.make(
      path,
      f"imported from {config['format']}",
      sizes={field: config[field] for field in _SIZES},
      activations=tuple(config["activations"]),
      arrays=arrays,
      vocabulary=vocabulary,
      lower_case=config["lower_case"],
    )
    if scorer:
      spans = span_weights.SpanScorer(**scorer)
      found = dataclasses.replace(found, span_scorer=spans)
    return found
  except (KeyError, TypeError, tf.errors.OpError) as e:
    raise errors.UserError(
      f"{path} is damaged ({type(e).__name__}): import it again."
    ) from e
