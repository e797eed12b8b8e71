"""Writes what imported models become: the first part of a run."""

import tensorflow as tf

from realm_tf.checkpoints.formats import own_run
from realm_tf.configs import schema
from realm_tf.export import embedder_export
from realm_tf.models import embedders
from realm_tf.runs import best_weights
from realm_tf.runs import run_folder
from realm_tf.text import wordpiece

STEP = 0  # of the weights, the export and the index
_NAME = "weights-0"


def write(
  folder: str,
  tokenizer: wordpiece.Tokenizer,
  towers: embedders.TwoTowers,
  config: schema.RetrievalConfig,
  **parts: tf.keras.Model,
) -> None:
  """Writes vocabulary, weights and export.

  Args:
    folder: Of the run.
    tokenizer: Of the vocabulary.
    towers: The retriever, which is exported.
    config: The run's.
    **parts: All models by role, the retriever among them.
  """
  paths = run_folder.RunFolder(folder)
  tf.io.gfile.makedirs(paths.best)
  own_run.write_tokenizer(folder, tokenizer)
  tf.train.Checkpoint(**parts).write(tf.io.gfile.join(paths.best, _NAME))
  best_weights.write(folder, best_weights.BestWeights(STEP, _NAME, {}))
  embedder_export.Exporter(towers, config).save(folder, STEP)
