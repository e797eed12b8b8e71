"""Fills the masks of a sentence, with and without passages, in the graph."""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from realm_tf.answering import answer_graph
from realm_tf.answering import passage_memory
from realm_tf.answering.retrievers import retriever
from realm_tf.configs import schema
from realm_tf.data.examples import packing
from realm_tf.models import masked_lm
from realm_tf.models import objective
from realm_tf.text import wordpiece


class Filled(NamedTuple):
  """The likeliest tokens of each mask, and how passages influence them.

  K candidates, of which the first is the null passage; M masks, "" and 0 beyond
  those of a text; n tokens, best first.

  Attributes:
    token: <string>[B, M, n]. By p(y|x), the mixture over the candidates.
    probability: <float32>[B, M, n].
    token_without_retrieval: <string>[B, M, n]. By p(y|null passage, x).
    probability_without_retrieval: <float32>[B, M, n].
    row: <int32>[B, K]. The candidates; -1 for the null passage, and where there
      is none.
    prior: <float32>[B, K]. p(z|x).
    posterior: <float32>[B, K]. p(z|x, y), y the best token of each mask.
  """

  token: tf.Tensor
  probability: tf.Tensor
  token_without_retrieval: tf.Tensor
  probability_without_retrieval: tf.Tensor
  row: tf.Tensor
  prior: tf.Tensor
  posterior: tf.Tensor

  def outputs(self) -> dict[str, tf.Tensor]:
    """Returns the outputs, but the rows, by their names in docs/serving.md."""
    return {name: v for name, v in self._asdict().items() if name != "row"}


class FillMaskGraph(tf.Module):
  """A pre-trained retriever and reader over the retriever's index.

  Passages are scored by their embeddings in the index, which the query tower
  of the same step searches: pre-training computes the same inner products.
  """

  def __init__(
    self,
    reader: masked_lm.MaskedLanguageModel,
    embed_queries: Callable[[tf.Tensor], tf.Tensor],
    embed_passages: Callable[[tf.Tensor], tf.Tensor],
    config: schema.RealmConfig,
    memory: passage_memory.PassageMemory,
    tokenizer: wordpiece.Tokenizer,
    search: Callable[[tf.Tensor, int], retriever.Found],
  ):
    """Takes the parts.

    Args:
      reader: Of the run.
      embed_queries: The tower that belongs to the index, from token ids
        <int32>[B, L] to <float32>[B, D].
      embed_passages: That of passages, alike; embeds the null passage.
      config: The run's settings.
      memory: The corpus and the embeddings of its index.
      tokenizer: Of the corpus.
      search: The index.
    """
    super().__init__(name="fill_mask_graph")
    self._reader = reader
    self._embed_queries = embed_queries
    self._embed_passages = embed_passages
    self._config = config
    self._memory = memory
    self._tokenizer = tokenizer
    self._search = search

  def fill(self, texts: tf.Tensor, count: int) -> Filled:
    """Fills the masks of texts.

    Args:
      texts: <string>[B]. "[MASK]" stands for a wordpiece that is asked for, at
        most `max_masks` times; further ones stay masked and are not filled.
      count: n, tokens a mask.
    """
    token_ids, positions, is_mask = self.tokenize(texts)
    queries = self._embed_queries(token_ids)  # [B, D]
    rows, scores = self._candidates(queries)  # [B, K]
    is_passage = rows >= 0
    null_first = tf.range(tf.shape(rows)[1]) == 0
    log_prior = objective.retrieval_log_probs(scores, is_passage | null_first)
    log_probs = self._read(token_ids, positions, rows)  # [B, K, M, V]
    mixture = tf.reduce_logsumexp(
      log_prior[:, :, None, None] + log_probs, axis=1
    )  # [B, M, V]
    best, chosen = tf.nn.top_k(mixture, count)
    alone, chosen_alone = tf.nn.top_k(log_probs[:, 0], count)
    explained = tf.gather(
      log_probs,
      tf.tile(chosen[:, None, :, :1], [1, tf.shape(rows)[1], 1, 1]),
      batch_dims=3,
    )[..., 0]  # [B, K, M], log p of the best tokens under each passage
    log_posterior = log_prior + tf.reduce_sum(
      tf.where(is_mask[:, None, :], explained, 0.0), axis=2
    )
    words = tf.constant(self._tokenizer.vocabulary)
    shown = is_mask[:, :, None]
    return Filled(
      token=tf.where(shown, tf.gather(words, chosen), ""),
      probability=tf.where(shown, tf.exp(best), 0.0),
      token_without_retrieval=tf.where(
        shown, tf.gather(words, chosen_alone), ""
      ),
      probability_without_retrieval=tf.where(shown, tf.exp(alone), 0.0),
      row=rows,
      prior=tf.exp(log_prior),
      posterior=tf.nn.softmax(log_posterior),
    )

  def tokenize(
    self, texts: tf.Tensor
  ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns `[CLS] text [SEP]` with masks, and where the masks are.

    Args:
      texts: <string>[B]. See `fill`.

    Returns:
      Token ids <int32>[B, query_length], positions <int32>[B, M] and whether
      there is such a mask <bool>[B, M].
    """
    tokenizer, config = self._tokenizer, self._config
    # The tokenizer would split "[MASK]": it reads what stands between.
    pieces = tf.strings.split(texts, wordpiece.MASK)  # [B, (pieces)]
    ids = tokenizer.tokenize(pieces.flat_values)  # [all pieces, (wordpieces)]
    mask = tf.fill([ids.nrows(), 1], tokenizer.mask_id)
    ids = tf.concat([mask, ids], axis=1).with_row_splits_dtype(tf.int64)
    joined = pieces.with_flat_values(ids).merge_dims(1, 2)
    token_ids = packing.pack_queries(
      joined[:, 1:], config.query_length, tokenizer
    )
    is_mask = token_ids == tokenizer.mask_id  # [B, query_length]
    length = tf.range(config.query_length)
    order = tf.where(is_mask, length, config.query_length)
    first = -tf.nn.top_k(-order, config.max_masks)[0]  # [B, M], ascending
    there = first < config.query_length
    return token_ids, tf.where(there, first, 0), there

  def _candidates(self, queries: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the rows <int32>[B, K], -1 first, and scores <float32>[B, K]."""
    _, rows, valid = self._search(queries, self._config.num_candidates - 1)
    rows = tf.where(valid, rows, -1)
    found = tf.gather(self._memory.embeddings, tf.maximum(rows, 0))
    packed = self._memory.packed
    null = self._embed_passages(packed.passages(tf.constant([packed.null_row])))
    passages = tf.concat(
      [
        tf.broadcast_to(null, tf.shape(queries))[:, None],
        tf.cast(found, tf.float32),
      ],
      axis=1,
    )  # [B, K, D]
    scores = objective.retrieval_scores(
      queries, passages, self._config.score_scale
    )
    return tf.pad(rows, [[0, 0], [1, 0]], constant_values=-1), scores

  def _read(
    self, token_ids: tf.Tensor, positions: tf.Tensor, rows: tf.Tensor
  ) -> tf.Tensor:
    """Returns log p(y_m|z, x) of all wordpieces, <float32>[B, K, M, V]."""
    packed = self._memory.packed
    joint, segments = packed.joined(
      token_ids, tf.where(rows < 0, packed.null_row, rows)
    )
    joint, segments = packing.trim_padding(
      joint, segments, answer_graph.LENGTH_STEP, at_least=token_ids.shape[1]
    )
    batch, candidates, length = tf.unstack(tf.shape(joint))
    logits = self._reader(
      tf.reshape(joint, [-1, length]),
      tf.reshape(segments, [-1, length]),
      tf.repeat(positions, candidates, axis=0),
      training=False,
    )  # [B * K, M, V]
    return tf.reshape(
      tf.nn.log_softmax(logits),
      [batch, candidates, positions.shape[1], self._tokenizer.vocab_size],
    )
