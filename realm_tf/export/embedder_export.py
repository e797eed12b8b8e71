"""The embedder as a SavedModel: a signature for queries, one for passages."""

import functools
import hashlib
import json
import re
import uuid

import tensorflow as tf

from realm_tf import files
from realm_tf import saved_models
from realm_tf.configs import schema
from realm_tf.export import precision
from realm_tf.export import variables
from realm_tf.models import embedders
from realm_tf.runs import exports
from realm_tf.runs import run_folder

# What an export's folder is called, half-written ones included.
_OWN = re.compile(rf"\d+({files.TEMPORARY_SUFFIX})?")
_TOKEN_IDS = tf.TensorSpec([None, None], tf.int32, name="token_ids")


class _Export(tf.Module):
  """The two towers behind signatures that take any batch and length."""

  def __init__(self, retriever: embedders.TwoTowers):
    super().__init__()
    self.query_embedder = variables.without_layers(retriever.query_embedder)
    self.passage_embedder = variables.without_layers(retriever.passage_embedder)

    @tf.function(input_signature=[_TOKEN_IDS])
    @tf.autograph.experimental.do_not_convert
    def query(token_ids: tf.Tensor) -> dict[str, tf.Tensor]:
      return {"embedding": retriever.query_embedder(token_ids, training=False)}

    @tf.function(input_signature=[_TOKEN_IDS])
    @tf.autograph.experimental.do_not_convert
    def passage(token_ids: tf.Tensor) -> dict[str, tf.Tensor]:
      embedding = retriever.passage_embedder(token_ids, training=False)
      return {"embedding": embedding}

    self.query = query
    self.passage = passage

  def signatures(self) -> dict[str, tf.types.experimental.GenericFunction]:
    """Returns the functions by the names of their signatures."""
    return {"query": self.query, "passage": self.passage}


class _FrozenExport(_Export):
  """With the passage tower's encoder and its projection apart, too."""

  def __init__(self, retriever: embedders.TwoTowers, dim: int):
    super().__init__(retriever)
    tower = retriever.passage_embedder

    @tf.function(input_signature=[_TOKEN_IDS])
    @tf.autograph.experimental.do_not_convert
    def pooled_passage(token_ids: tf.Tensor) -> dict[str, tf.Tensor]:
      pooled = tower.pool(token_ids, training=False)
      return {"embedding": tf.cast(pooled, tf.float32)}

    @tf.function(
      input_signature=[tf.TensorSpec([None, dim], tf.float32, name="pooled")]
    )
    @tf.autograph.experimental.do_not_convert
    def projection(pooled: tf.Tensor) -> dict[str, tf.Tensor]:
      return {"embedding": tower.project(pooled)}

    self.pooled_passage = pooled_passage
    self.projection = projection

  def signatures(self) -> dict[str, tf.types.experimental.GenericFunction]:
    """Returns the functions by the names of their signatures."""
    return {
      **super().signatures(),
      exports.POOLED_PASSAGE: self.pooled_passage,
      exports.PROJECTION: self.projection,
    }


class Exporter:
  """Exports one retriever repeatedly, but traces it only once."""

  def __init__(
    self, retriever: embedders.TwoTowers, config: schema.RetrievalConfig
  ):
    """Takes a retriever.

    Args:
      retriever: The towers.
      config: Sets the precision of exports, and the embeddings' dimension.
    """
    self._exported = precision.ExportedModel(retriever, config.export_precision)
    self._dim = config.embedding_size
    self._pooled_size = config.pooled_size
    model = self._exported.model
    self._export = (
      _FrozenExport(model, config.pooled_size)
      if config.pooled_size
      else _Export(model)
    )
    self._signatures = self._export.signatures()

  def save(self, model_dir: str, step: int) -> str:
    """Exports the current weights; writes the manifest last.

    Args:
      model_dir: The run.
      step: Of the weights.

    Returns:
      The export's folder.
    """
    self._exported.update()
    folder = exports.path(model_dir, step)
    with files.new_folder(folder, exports.MANIFEST) as new:
      tf.saved_model.save(self._export, new, signatures=self._signatures)
    manifest = {"step": step, "dim": self._dim, "export_id": uuid.uuid4().hex}
    if self._pooled_size:
      manifest["frozen_encoder_id"] = self._encoder_id
    files.write_json(tf.io.gfile.join(folder, exports.MANIFEST), manifest)
    return folder

  @functools.cached_property
  def _encoder_id(self) -> str:
    """Of the passage tower's encoder, once it has its weights."""
    tower = self._exported.model.passage_embedder
    made_of = [tower.get_config(), tower.compute_dtype]
    found = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode())
    for weight in tower.encoder.weights:
      found.update(weight.numpy().tobytes())
    return found.hexdigest()


class QueryEmbedder:
  """An export's query tower on the CPU, callable in tf.data too."""

  def __init__(self, path: str):
    """Loads it.

    Args:
      path: The export's folder.

    Raises:
      errors.UserError: If it is damaged.
    """
    with tf.device("/cpu:0"):
      # It holds the variables.
      self._module = saved_models.load(path, "Copy the run again.")
    self._query = self._module.signatures["query"]

  def __call__(self, token_ids: tf.Tensor) -> tf.Tensor:
    """Embeds <int32>[batch, length] as <float32>[batch, D]."""
    return self._query(token_ids=token_ids)["embedding"]


def remove(model_dir: str, step: int) -> None:
  """Removes an export, its manifest first."""
  files.remove_folder(exports.path(model_dir, step), exports.MANIFEST)


def discard(model_dir: str, after_step: int) -> None:
  """Removes the exports that a killed run has left.

  Those are exports of steps that the resumed run has yet to take, with weights
  that will not be quite the same, and exports that were not finished.

  Args:
    model_dir: The run, which no other process trains.
    after_step: The last step that stays.
  """
  folder = run_folder.RunFolder(model_dir).embedder_exports
  if not tf.io.gfile.isdir(folder):
    return
  staying = {str(s) for s in exports.steps(model_dir) if s <= after_step}
  for name in tf.io.gfile.listdir(folder):
    name = name.rstrip("/")
    if _OWN.fullmatch(name) and name not in staying:
      path = tf.io.gfile.join(folder, name)
      files.remove_folder(path, exports.MANIFEST)
