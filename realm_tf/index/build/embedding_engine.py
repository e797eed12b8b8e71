"""Runs an exported embedder: by Estimator where there is one, or tf.distribute.

Both embed the same batches in the same order, and give the same embeddings.
"""

import os
from collections.abc import Iterable
from collections.abc import Iterator
from typing import Protocol

import numpy as np

from realm_tf import errors
from realm_tf import stack
from realm_tf.checkpoints import saved
from realm_tf.index.build import embed_distributed
from realm_tf.index.build import embed_estimator


class Engine(Protocol):
  """Embeds batches of token ids with one signature of an export."""

  def predict(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Yields the embeddings of each batch, before the next one is asked for.

    Args:
      batches: <int32>[batch, length] each. Pulled one at a time: what makes
        them may wait for the embeddings of the batch before.

    Yields:
      <float32>[batch, dim] for each batch, in order.
    """


def name() -> str:
  """Returns which engine `make` makes here, for logs and manifests."""
  return "Estimator" if stack.has_estimator() else "tf.distribute"


def make(
  export_path: str, signature: str = "passage", *, num_threads: int = 0
) -> Engine:
  """Returns the engine of this stack; it loads nothing yet.

  Args:
    export_path: A SavedModel whose signature takes `token_ids`
      <int32>[batch, length] and returns `embedding` <float32>[batch, dim].
    signature: "passage" or "query".
    num_threads: Threads of an operation of Estimator's own session; 0 for all
      cores. tf.distribute has those of the process.

  Raises:
    errors.UserError: If the export's weights are damaged.
  """
  found = saved.problem(os.path.join(export_path, "variables", "variables"))
  if found:
    raise errors.UserError(
      f"{export_path} {found}: copy the run again, or remove this folder."
    )
  if stack.has_estimator():
    return embed_estimator.EmbedEstimator(
      export_path, signature, num_threads=num_threads
    )
  return embed_distributed.EmbedDistributed(export_path, signature)
