"""What an exported run searches its index with."""

import tensorflow as tf

from realm_tf.answering import passage_memory
from realm_tf.index import exact
from realm_tf.index import partitioned
from realm_tf.index import version as version_lib
from realm_tf.serving import signatures

EXACT = "exact"
PARTITIONED = "partitioned"
SCANN = "scann"
NAMES = (EXACT, PARTITIONED, SCANN)
# Below, exact search takes some milliseconds a question; see benchmarks.
_PARTITIONED_FROM = 20_000


def choose(num_passages: int) -> str:
  """Returns what suits a corpus and runs in a stock TF Serving."""
  return EXACT if num_passages < _PARTITIONED_FROM else PARTITIONED


def maker(
  name: str, version: version_lib.IndexVersion
) -> signatures.MakeSearcher:
  """Returns what makes a searcher from a corpus in memory.

  Args:
    name: One of `NAMES`.
    version: The index version, whose ScaNN searcher may be taken.
  """

  def make(memory: passage_memory.PassageMemory) -> tf.Module:
    if name == EXACT:
      return exact.ExactSearcher(memory.embeddings)
    if name == PARTITIONED:
      return partitioned.PartitionedSearcher.build(memory.embeddings)
    return version.load_searcher().as_module()

  return make
