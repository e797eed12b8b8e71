"""REALM's examples: masked queries with their candidates, packed."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from realm_tf.data.examples import masked_queries
from realm_tf.data.examples import packing

RetrieveFunction = Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
# From <int32>[batch, length] token ids and the step to as many.
NoiseFunction = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
# From a nest of tensors of a whole batch to the rows of one host.
RowsFunction = Callable[[Any], Any]


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
    rows: RowsFunction | None = None,
  ):
    """Joins the parts.

    Args:
      source: Masked queries by step.
      retrieve: From query token ids and source fingerprints to candidates;
        see `candidates.CandidateRetriever`.
      passages: The knowledge corpus.
      noise: Changes the retriever's query, such as
        `renaming.WordNoise`; the reader sees the original words.
      rows: Cuts out what this host makes of a batch, before passages are
        retrieved: what is drawn at random is drawn for the whole batch. All
        of it if None.
    """
    self._source = source
    self._retrieve = retrieve
    self._passages = passages
    self._noise = noise
    self._rows = rows

  def __call__(self, step: tf.Tensor) -> dict[str, tf.Tensor]:
    """Returns the features of a step, as `RealmModel` takes them.

    Args:
      step: <int64>[].
    """
    batch = self._source(step)
    masked, source_uids = batch.masked, batch.source_uids
    query_token_ids = masked.token_ids
    if self._noise is not None:
      query_token_ids = self._noise(query_token_ids, step)
    if self._rows is not None:
      masked, source_uids, query_token_ids = self._rows(
        (masked, source_uids, query_token_ids)
      )
    rows, mask = self._retrieve(query_token_ids, source_uids)
    joint_token_ids, joint_segment_ids = self._passages.joined(
      masked.token_ids, rows
    )
    return {
      "query_token_ids": query_token_ids,
      "passage_token_ids": self._passages.passages(rows),
      "joint_token_ids": joint_token_ids,
      "joint_segment_ids": joint_segment_ids,
      "candidate_rows": rows,
      "candidate_mask": mask,
      "mask_positions": masked.mask_positions,
      "targets": masked.targets,
      "target_weights": masked.target_weights,
    }
