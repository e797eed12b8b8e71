"""What the graph of a function consists of."""

import collections


def list_ops(function):
  """Returns the kinds of ops of a concrete function and of all it calls."""
  return {*count_ops(function)}


def count_ops(function):
  """Returns how many ops there are of each kind, by function called once."""
  graph = function.graph.as_graph_def()
  nodes = list(graph.node)
  for called in graph.library.function:
    nodes += called.node_def
  return collections.Counter(node.op for node in nodes)
