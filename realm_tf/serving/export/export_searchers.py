"""The searchers of an exported run."""

import tensorflow as tf

from realm_tf.answering import passage_memory
from realm_tf.index.search import exact
from realm_tf.index.search import partitioned
from realm_tf.index.search import searcher_base

EXACT = "exact"
PARTITIONED = "partitioned"
SCANN = "scann"
NAMES = (EXACT, PARTITIONED, SCANN)
# Below, exact search takes some milliseconds a question; see benchmarks.
_PARTITIONED_FROM = 20_000


def choose(num_passages: int) -> str:
  """Chooses a searcher that runs in a stock TensorFlow Serving."""
  return EXACT if num_passages < _PARTITIONED_FROM else PARTITIONED


def make(
  name: str,
  memory: passage_memory.PassageMemory,
  scann: searcher_base.Searcher,
) -> tf.Module:
  """Builds a searcher over the embeddings of a corpus, in memory.

  Args:
    name: One of `NAMES`.
    memory: The corpus, in variables.
    scann: ScaNN's, of the same embeddings, which may be taken.
  """
  if name == EXACT:
    return exact.ExactSearcher(memory.embeddings)
  if name == PARTITIONED:
    return partitioned.PartitionedSearcher.build(memory.embeddings)
  return scann.as_module()
