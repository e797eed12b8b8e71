"""Compares REALM's parts, as imported, with Hugging Face's own program."""

import dataclasses
import pathlib

import numpy as np
import tensorflow as tf

from realm_tf.checkpoints import assignment
from realm_tf.checkpoints import comparison
from realm_tf.checkpoints import names
from realm_tf.checkpoints import weight_source
from realm_tf.checkpoints.formats import hugging_face_realm
from realm_tf.configs import schema
from realm_tf.models import embedders
from realm_tf.models import encoders
from realm_tf.models import masked_lm
from realm_tf.models import span_reader

_PEER = pathlib.Path(__file__).with_name("peer_realm.py")
# Takes what its docstring says; see `comparison.run_peer`.
ANSWERS_PEER = _PEER.with_name("peer_realm_answers.py")
_MAX_SPAN_LENGTH = 10


def inputs(found: weight_source.Source) -> dict[str, np.ndarray]:
  """Returns a batch of single texts and of pairs of texts.

  Args:
    found: The source; sets the tokenizer and the number of positions.

  Returns:
    `token_ids`, `segment_ids`, `body_mask` <int32>[B, L]: 1 for the second text
    and its [SEP], and for that text alone; `mask_positions` <int32>[B, 2].
  """
  tokenizer = found.tokenizer()
  most = (found.config.max_positions - 3) // 2
  texts = [
    ids[:most]
    for ids in tokenizer.tokenize(tf.constant(comparison.SENTENCES)).to_list()
  ]
  cls, sep = [tokenizer.cls_id], [tokenizer.sep_id]
  rows = [[*cls, *ids, *sep] for ids in texts]
  rows += [
    [*cls, *one, *sep, *two, *sep]
    for one, two in zip(texts, reversed(texts), strict=True)
  ]
  token_ids = tf.keras.utils.pad_sequences(rows, None, "int32", padding="post")
  segments = embedders.pair_segments(
    tf.constant(token_ids), tokenizer.sep_id
  ).numpy()
  return {
    "token_ids": token_ids,
    "segment_ids": segments,
    "body_mask": segments * (token_ids != tokenizer.sep_id),
    "mask_positions": np.tile(np.array([[1, 2]], np.int32), (len(rows), 1)),
  }


def our_outputs(
  found: weight_source.Source, batch: comparison.Arrays
) -> dict[str, np.ndarray]:
  """Runs our models with a source's weights.

  Args:
    found: An embedder, an encoder or a reader.
    batch: See `inputs`.

  Returns:
    `hidden_states` [B, L, width]; `embeddings` [B, D] of an embedder;
    `span_scores` [B, L, W] of a reader, which are 0 for what is no span; else
    `logits` [B, M, V].
  """
  config = dataclasses.replace(found.config, dropout=0.0)
  ids, segments, places = (
    tf.constant(batch[name])
    for name in ("token_ids", "segment_ids", "mask_positions")
  )
  reader = masked_lm.MaskedLanguageModel(
    config, found.vocab_size, name="reader"
  )
  assignment.initialize_reader(reader, found)
  encoded = encoders.encode(reader.encoder, ids, segments, training=False)
  outputs = {"hidden_states": encoded["sequence_output"].numpy()}
  if found.encoder is not None:
    embedder = embedders.Embedder(
      config,
      schema.RetrieverConfig(**found.encoder.fields()),
      found.vocab_size,
      found.tokenizer().sep_id,
    )
    assignment.initialize_embedder(
      embedder, found, found.encoder.dense, found.encoder.layer_norm
    )
    outputs["embeddings"] = embedder(ids).numpy()
  elif found.span_scorer is not None:
    spans = span_reader.SpanReader(
      config,
      found.vocab_size,
      max_span_length=_MAX_SPAN_LENGTH,
      span_hidden_size=found.span_scorer.hidden_size,
    )
    assignment.initialize_span_reader(spans, found)
    valid = span_reader.span_mask(segments, _MAX_SPAN_LENGTH)
    outputs["span_scores"] = tf.where(valid, spans(ids, segments), 0.0).numpy()
  elif names.MLM_HEAD in found.roles:
    outputs["logits"] = reader(ids, segments, places).numpy()
  return outputs


def compare(
  found: weight_source.Source, peer_python: str
) -> comparison.Comparison:
  """Compares our outputs with those of transformers.

  Args:
    found: An embedder, a scorer, an encoder or a reader.
    peer_python: A Python that has torch and transformers; empty for none.
  """
  if not peer_python:
    return comparison.NOT_RUN
  batch = inputs(found)
  kind = found.format.removeprefix(f"{hugging_face_realm.FORMAT} ")
  program, theirs = comparison.run_peer(
    _PEER, found.path, {**batch, "kind": np.array(kind)}, peer_python
  )
  ours = our_outputs(found, batch) if theirs else {}
  attended = batch["token_ids"] != 0
  for outputs in (ours, theirs):
    if outputs:  # without padding
      outputs["hidden_states"] = outputs["hidden_states"][attended]
  return comparison.Comparison(program, comparison.differences(ours, theirs))
