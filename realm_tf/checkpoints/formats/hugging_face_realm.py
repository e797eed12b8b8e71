"""Hugging Face's REALM: folders of its embedder, scorer, encoder and reader.

The kind is told by the names of the tensors. A whole fine-tuned REALM
("openqa") is an embedder, a reader and the passages' vectors.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf import errors
from realm_tf.checkpoints import sentence_encoder
from realm_tf.checkpoints import span_weights
from realm_tf.checkpoints import weight_source
from realm_tf.checkpoints.formats import hugging_face
from realm_tf.checkpoints.formats import json_config
from realm_tf.checkpoints.formats import whole_realm

FORMAT = "Hugging Face's REALM"
MODEL_TYPE = "realm"
EMBEDDER, SCORER, ENCODER, READER, OPENQA = (
  "embedder",
  "scorer",
  "encoder",
  "reader",
  "openqa",
)
BLOCK_EMBEDDINGS = "block_emb"

_DEFAULTS = {
  "hidden_act": "gelu_new",
  "reader_layer_norm_eps": 1e-3,
  "max_span_width": whole_realm.MAX_SPAN_LENGTH,
  "reader_beam_size": whole_realm.READER_BEAM,
  "reader_seq_len": whole_realm.READER_LENGTH,
}
# Of an embedder and of a reader: nothing reads it there.
_HEAD = "cls.predictions."
_EMBEDDER, _QUERY_EMBEDDER, _READER = "embedder.", "query_embedder.", "reader."
_READER_EPSILON = 1e-3  # of our span scorer

Weights = Mapping[str, np.ndarray]


def is_realm(path: str) -> bool:
  """Returns whether a folder's config says that it is one of these."""
  file = tf.io.gfile.join(path, hugging_face.CONFIG)
  if not tf.io.gfile.exists(file):
    return False
  return json_config.read(file).get("model_type") == MODEL_TYPE


def is_openqa(path: str) -> bool:
  """Returns whether a folder is a whole fine-tuned REALM.

  Raises:
    errors.UserError: If its weights are missing or damaged.
  """
  if not is_realm(path):
    return False
  return _kind(path, hugging_face.read_weights(path, path)) == OPENQA


def read(path: str) -> weight_source.Source:
  """Reads an embedder, a scorer, an encoder or a reader.

  Raises:
    errors.UserError: If a file is missing or damaged, it is a whole fine-tuned
      REALM, or a scorer of two towers.
  """
  weights = hugging_face.read_weights(path, path)
  kind = _kind(path, weights)
  if kind == OPENQA:
    raise errors.UserError(
      f"{path} is a whole fine-tuned REALM, with its passages' vectors: "
      "import_checkpoint(source, corpus, passage_tower) makes a run of it, "
      "which takes its place."
    )
  config = _config(path)
  if kind == READER:
    return _read_reader(path, config, weights)
  if kind == ENCODER:
    return hugging_face.of_weights(
      path, path, config, weights, f"{FORMAT} {ENCODER}"
    )
  if kind == SCORER:
    _check_tied(path, weights)
    weights = _below(weights, _EMBEDDER)
  return _read_embedder(path, config, weights, kind)


def read_openqa(path: str) -> whole_realm.WholeRealm:
  """Reads a whole fine-tuned REALM.

  Raises:
    errors.UserError: If a file is missing or damaged, or it has no vectors, or
      others than its embedder makes.
  """
  weights = hugging_face.read_weights(path, path)
  config = _config(path)
  for scope, what in ((_EMBEDDER, "embedder"), (_READER, "reader")):
    if not _below(weights, scope):
      raise errors.UserError(
        f"{path} lacks the {what} of a whole fine-tuned REALM: download it "
        "again."
      )
  embedder = _read_embedder(
    path, config, _below(weights, _EMBEDDER), f"{OPENQA} {EMBEDDER}"
  )
  reader = _read_reader(
    path, config, _below(weights, _READER), f"{OPENQA} {READER}"
  )
  if BLOCK_EMBEDDINGS not in weights:
    raise errors.UserError(
      f"{path} lacks the tensor {BLOCK_EMBEDDINGS}, the vectors of all "
      "passages: download it again."
    )
  vectors = weights[BLOCK_EMBEDDINGS]
  whole_realm.check_vectors(
    vectors, embedder, path, BLOCK_EMBEDDINGS, config.get("num_block_records")
  )
  return whole_realm.WholeRealm(
    path,
    embedder,
    reader,
    vectors,
    max_span_length=config["max_span_width"],
    reader_beam=config["reader_beam_size"],
    reader_length=config["reader_seq_len"],
    building=f"input={path}/block_records.npy, vocab={path}/vocab.txt",
  )


def _config(path: str) -> dict[str, Any]:
  file = tf.io.gfile.join(path, hugging_face.CONFIG)
  return _DEFAULTS | json_config.read(file)


def _kind(path: str, weights: Weights) -> str:
  """Returns what a folder holds, by the names of its tensors."""
  if BLOCK_EMBEDDINGS in weights or _below(weights, "reader.realm."):
    return OPENQA
  if any(name.startswith("qa_outputs.") for name in weights):
    return READER
  if "cls.dense.weight" in weights:
    return EMBEDDER
  if "embedder.cls.dense.weight" in weights:
    return SCORER
  if any(name.startswith("realm.") for name in weights):
    return ENCODER
  raise errors.UserError(
    f"{path} holds no part of REALM: neither an embedder, a scorer, an "
    "encoder, a reader nor a whole one, by the names of its tensors."
  )


def _below(weights: Weights, scope: str) -> dict[str, np.ndarray]:
  """Returns the tensors whose names begin with a scope, without it."""
  return {
    name.removeprefix(scope): array
    for name, array in weights.items()
    if name.startswith(scope)
  }


def _check_tied(path: str, weights: Weights) -> None:
  """Raises if a scorer's towers are two."""
  query = _below(weights, _QUERY_EMBEDDER)
  passage = _below(weights, _EMBEDDER)
  for name, array in query.items():
    if name in passage and not np.array_equal(array, passage[name]):
      raise errors.UserError(
        f"{path} has two towers: {_QUERY_EMBEDDER}{name} is other than "
        f"{_EMBEDDER}{name}. Save each embedder to a folder of its own."
      )


def _read_embedder(
  path: str, config: Mapping[str, Any], weights: Weights, kind: str
) -> weight_source.Source:
  """Reads an embedder: the pooled [CLS], projected and normalised."""
  names = (
    "cls.dense.weight",
    "cls.dense.bias",
    "cls.LayerNorm.weight",
    "cls.LayerNorm.bias",
  )
  own = {n: a for n, a in weights.items() if n not in names}
  bert = hugging_face.of_weights(
    path, path, config, _without_head(own), f"{FORMAT} {kind}"
  )
  size = config.get("retriever_proj_size", _rows(weights, names[1]))
  width = bert.config.hidden_size
  shapes = ((size, width), (size,), (size,), (size,))
  kernel, bias, gamma, beta = (
    _array(path, weights, name, shape)
    for name, shape in zip(names, shapes, strict=True)
  )
  encoder = sentence_encoder.SentenceEncoder(
    pooling="cls",
    normalization="layer_norm",
    max_length=min(whole_realm.PASSAGE_LENGTH, bert.config.max_positions),
    dense=sentence_encoder.Dense(kernel.T, bias, "none"),
    layer_norm=sentence_encoder.LayerNorm(gamma, beta),
    has_parts=True,
  )
  return dataclasses.replace(bert, encoder=encoder, unused=_unused(bert, own))


def _read_reader(
  path: str, config: Mapping[str, Any], weights: Weights, kind: str = READER
) -> weight_source.Source:
  """Reads a reader: a BERT, and an MLP over the ends of each span."""
  scope = "qa_outputs."
  own = {n: a for n, a in weights.items() if not n.startswith(scope)}
  bert = hugging_face.of_weights(
    path, path, config, _without_head(own), f"{FORMAT} {kind}"
  )
  scores = _below(weights, scope)
  hidden = config.get(
    "span_hidden_size", _rows(scores, "layer_normalization.bias")
  )
  if type(hidden) is not int:
    raise errors.UserError(
      f"{path} is no reader: its span_hidden_size is {hidden!r:.80}."
    )
  width = bert.config.hidden_size

  def array(name: str, *shape: int) -> np.ndarray:
    return _array(path, weights, scope + name, shape)

  kernel = array("dense_intermediate.weight", 2 * hidden, width).T
  bias = array("dense_intermediate.bias", 2 * hidden)
  notes = list(bert.notes)
  epsilon = config["reader_layer_norm_eps"]
  if epsilon != _READER_EPSILON:
    notes.append(
      f"its span scorer's layer norm adds {epsilon} to the variance, ours "
      f"{_READER_EPSILON}"
    )
  scorer = span_weights.SpanScorer(
    start_kernel=kernel[:, :hidden],
    end_kernel=kernel[:, hidden:],
    bias=bias[:hidden] + bias[hidden:],
    gamma=array("layer_normalization.weight", hidden),
    beta=array("layer_normalization.bias", hidden),
    output_kernel=array("dense_output.weight", 1, hidden).T,
    output_bias=array("dense_output.bias", 1),
  )
  return dataclasses.replace(
    bert, span_scorer=scorer, notes=tuple(notes), unused=_unused(bert, own)
  )


def _without_head(weights: Weights) -> dict[str, np.ndarray]:
  """Leaves out the head of a language model, which comes along."""
  return {n: a for n, a in weights.items() if not n.startswith(_HEAD)}


def _unused(bert: weight_source.Source, weights: Weights) -> tuple[str, ...]:
  """Returns what is left out of a part, its head in one line."""
  has_head = any(name.startswith(_HEAD) for name in weights)
  return (*bert.unused, f"{_HEAD}*") if has_head else bert.unused


def _rows(weights: Weights, name: str) -> int:
  return len(weights.get(name, ()))


def _array(
  path: str, weights: Weights, name: str, shape: tuple[int, ...]
) -> np.ndarray:
  """Returns a tensor as float32, which must be there in its shape."""
  if name not in weights:
    raise errors.UserError(f"{path} lacks the tensor {name} {list(shape)}.")
  if weights[name].shape != shape:
    raise errors.UserError(
      f"{path}: the tensor {name} is {list(weights[name].shape)}, but its "
      f"config makes it {list(shape)}."
    )
  return np.asarray(weights[name], np.float32)
