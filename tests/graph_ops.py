"""What the graph of a function consists of."""


def list_ops(function):
  """Returns the kinds of ops of a concrete function and of all it calls."""
  graph = function.graph.as_graph_def()
  nodes = list(graph.node)
  for called in graph.library.function:
    nodes += called.node_def
  return {node.op for node in nodes}
