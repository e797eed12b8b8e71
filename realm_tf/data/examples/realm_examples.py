"""REALM's examples: masked queries with their candidates, packed."""

from collections.abc import Callable

import tensorflow as tf

from realm_tf.data.examples import masked_queries
from realm_tf.data.examples import packing

RetrieveFunction = Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
# From <int32>[batch, length] token ids and the step to as many.
NoiseFunction = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


class RealmExamples:
  """Turns a step's number into its features; pure TensorFlow.

  A function of the query source, the index version and the step alone: to
  resume and to take a new index version are the same operation.
  """

  def __init__(
    self,
    source: masked_queries.MaskedQuerySource,
    retrieve: RetrieveFunction,
    passages: packing.PackedPassages,
    noise: NoiseFunction | None = None,
  ):
    """Joins the parts.

    Args:
      source: Masked queries by step.
      retrieve: From query token ids and source fingerprints to candidates;
        see `candidates.CandidateRetriever`.
      passages: The knowledge corpus.
      noise: Changes the retriever's query, such as
        `renaming.WordNoise`; the reader sees the original words.
    """
    self._source = source
    self._retrieve = retrieve
    self._passages = passages
    self._noise = noise

  def __call__(self, step: tf.Tensor) -> dict[str, tf.Tensor]:
    """Returns the features of a step, as `RealmModel` takes them.

    Args:
      step: <int64>[].
    """
    batch = self._source(step)
    query_token_ids = batch.masked.token_ids
    if self._noise is not None:
      query_token_ids = self._noise(query_token_ids, step)
    rows, mask = self._retrieve(query_token_ids, batch.source_uids)
    joint_token_ids, joint_segment_ids = self._passages.joined(
      batch.masked.token_ids, rows
    )
    return {
      "query_token_ids": query_token_ids,
      "passage_token_ids": self._passages.passages(rows),
      "joint_token_ids": joint_token_ids,
      "joint_segment_ids": joint_segment_ids,
      "candidate_rows": rows,
      "candidate_mask": mask,
      "mask_positions": batch.masked.mask_positions,
      "targets": batch.masked.targets,
      "target_weights": batch.masked.target_weights,
    }
