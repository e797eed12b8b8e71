"""The variables of a TF2 checkpoint, by their Keras names.

A checkpoint keeps the graph of objects it was saved from: paths differ between
Model Garden's encoders, and a variable that two objects share is stored under
one of its paths only; names are the same in all.
"""

from collections.abc import Iterator

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import trackable_object_graph_pb2

from realm_tf import errors
from realm_tf import files
from realm_tf.checkpoints import names
from realm_tf.checkpoints.formats import one_encoder

GRAPH_KEY = "_CHECKPOINTABLE_OBJECT_GRAPH"
_VALUE = "VARIABLE_VALUE"
_OPTIMIZERS = ("optimizer", "_optimizer")


class ObjectGraph:
  """A TF2 checkpoint."""

  def __init__(self, prefix: str):
    """Reads the graph; `prefix` is that of the checkpoint's files."""
    self._prefix = prefix
    files.check_all_readable(prefix)
    self._reader = tf.train.load_checkpoint(prefix)
    proto = trackable_object_graph_pb2.TrackableObjectGraph
    self._nodes = proto.FromString(self._reader.get_tensor(GRAPH_KEY)).nodes

  def bert(self, *below: str) -> tuple[dict[str, np.ndarray], list[str]]:
    """Reads the variables of the only BERT of the checkpoint.

    Args:
      *below: Names of objects, from the root, below which to look.

    Returns:
      Arrays by the names of `names`, and the names of the other variables.

    Raises:
      errors.UserError: If a variable is there twice, with two values.
    """
    keys: dict[str, str] = {}
    unused = []
    for name, key in self._variables(self._find(below)):
      ours = names.from_keras(name)
      if ours is None:
        unused.append(name)
      elif keys.setdefault(ours, key) != key:
        raise errors.UserError(
          f"{self._prefix} holds more than one BERT: {ours} is {keys[ours]} "
          f"and {key}: {one_encoder.REMEDY}."
        )
    return {n: self._reader.get_tensor(k) for n, k in keys.items()}, unused

  def value(self, *path: str) -> np.ndarray | None:
    """Reads the variable at a path from the root; None if there is none."""
    node = self._find(path)
    keys = [key for _, key in self._values(node)] if node is not None else []
    return self._reader.get_tensor(keys[0]) if keys else None

  def _find(self, path: tuple[str, ...]) -> int | None:
    node = 0
    for step in path:
      children = {c.local_name: c.node_id for c in self._nodes[node].children}
      if step not in children:
        return None
      node = children[step]
    return node

  def _variables(self, root: int | None) -> Iterator[tuple[str, str]]:
    """Yields names and keys of all variables below, except optimizers'."""
    pending = [] if root is None else [root]
    seen = set(pending)
    while pending:
      node = pending.pop()
      yield from self._values(node)
      for child in self._nodes[node].children:
        if child.local_name not in _OPTIMIZERS and child.node_id not in seen:
          seen.add(child.node_id)
          pending.append(child.node_id)

  def _values(self, node: int) -> Iterator[tuple[str, str]]:
    for attribute in self._nodes[node].attributes:
      if attribute.name == _VALUE:
        yield attribute.full_name, attribute.checkpoint_key
