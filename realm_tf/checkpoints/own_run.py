"""Our own runs: where their weights are, and their BERT as a source."""

import tensorflow as tf

from realm_tf import errors
from realm_tf import files
from realm_tf.checkpoints import model_garden
from realm_tf.checkpoints import names
from realm_tf.checkpoints import object_graph
from realm_tf.checkpoints import source
from realm_tf.configs import run_config
from realm_tf.data import corpus as corpus_lib

FORMAT = "run"
FOLDER = "checkpoints"
BEST_FOLDER = ("exports", "best")


def weights_path(model_dir: str) -> tuple[str, int]:
  """Returns a run's best weights, else its newest, and their step.

  Raises:
    errors.UserError: If it has neither.
  """
  folder = tf.io.gfile.join(model_dir, *BEST_FOLDER)
  manifest = tf.io.gfile.join(folder, "manifest.json")
  if tf.io.gfile.exists(manifest):
    best = files.read_json(manifest)
    return tf.io.gfile.join(folder, best["weights"]), best["step"]
  path = tf.train.latest_checkpoint(tf.io.gfile.join(model_dir, FOLDER))
  if path is None:
    raise errors.UserError(f"{model_dir} holds no checkpoint yet.")
  return path, int(path.rsplit("-", 1)[1])


def roles(checkpoint: str) -> set[str]:
  """Returns the parts that a checkpoint holds: "reader", "retriever"."""
  stored = tf.train.list_variables(checkpoint)
  return {name.split("/")[0] for name, _ in stored} & {"reader", "retriever"}


def read(path: str) -> source.Source:
  """Reads the BERT of a run: its reader's, else its query embedder's.

  Args:
    path: The run's folder. Its corpus must still be where it was: it has the
      vocabulary.

  Raises:
    errors.UserError: If the run holds no checkpoint, or its corpus is gone.
  """
  run = run_config.read(path)
  graph = object_graph.ObjectGraph(weights_path(path)[0])
  arrays, _ = graph.bert("reader")
  if arrays:
    # Nothing reads a reader's pooler: it is as random as it was.
    arrays = {
      name: array
      for name, array in arrays.items()
      if names.role(name) != names.POOLER
    }
  else:
    arrays, _ = graph.bert("retriever", "query_embedder", "encoder")
  tokenizer = corpus_lib.Corpus.open(run.corpus).tokenizer
  return source.make(
    path,
    FORMAT,
    sizes=model_garden.sizes(path, arrays),
    activations=(run.config.activation,),
    arrays=arrays,
    vocabulary=tokenizer.vocabulary,
    lower_case=tokenizer.lower_case,
  )
