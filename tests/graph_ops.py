"""What the graph of a function consists of."""

import collections

import tensorflow as tf

# Operations that call back into the process that has built the graph.
_PYTHON = {"PyFunc", "PyFuncStateless", "EagerPyFunc"}


def list_ops(function):
  """Returns the kinds of ops of a concrete function and of all it calls."""
  return {*count_ops(function)}


def count_ops(function):
  """Returns how many ops there are of each kind, by function called once."""
  return ops_of_graph(function.graph.as_graph_def())


def ops_of_graph(graph):
  """Returns how many ops a GraphDef has of each kind."""
  nodes = list(graph.node)
  for called in graph.library.function:
    nodes += called.node_def
  return collections.Counter(node.op for node in nodes)


def not_in_tensorflow(ops):
  """Returns the ops that another host's TensorFlow cannot run.

  Those are of other libraries, and Python functions.
  """
  return {
    op
    for op in ops
    if op in _PYTHON or not (op.startswith("_") or hasattr(tf.raw_ops, op))
  }
