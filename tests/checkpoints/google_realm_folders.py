"""Google's TF1 folders of REALM and ORQA, with the arrays of `realm_folders`.

A Saver of TensorFlow 1 writes the variables of a graph. Nothing of realm_tf is
used.
"""

import json

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tests.checkpoints import formats
from tests.checkpoints import realm_folders

TOWER = "module/module/module/"
CONFIG = {
  name: value
  for name, value in realm_folders.CONFIG.items()
  if not name.startswith(("reader", "retriever", "span", "pad", "model"))
}


def _bert_name(name):
  """Google's name of a variable of Hugging Face's BERT or its head."""
  name = name.replace("realm.", "bert.", 1)
  return formats.google_name(name)


def _variables(arrays, scope, layers):
  """Variables by Google's names.

  Args:
    arrays: By Hugging Face's names.
    scope: Of the BERT.
    layers: The names of layers beside it, by Hugging Face's.
  """
  found = {}
  for name, array in arrays.items():
    if name.endswith("decoder.weight"):
      continue
    stem, _, leaf = name.rpartition(".")
    if stem in layers:
      leaves = {"weight": "gamma", "bias": "beta"}
      if "dense" in stem:
        leaves = {"weight": "kernel", "bias": "bias"}
      theirs = f"{layers[stem]}/{leaves[leaf]}"
    else:
      theirs = scope + _bert_name(name)
    found[theirs] = array.T if theirs.endswith("/kernel") else array
  return found


def embedder_variables(arrays, outer="module/module/"):
  """Variables of an embedder, whose BERT is a module within."""
  return _variables(
    arrays,
    f"{outer}module/",
    {"cls.dense": f"{outer}dense", "cls.LayerNorm": f"{outer}LayerNorm"},
  )


def reader_variables(arrays):
  """Variables of a reader of spans."""
  layers = {
    "qa_outputs.dense_intermediate": "reader/dense",
    "qa_outputs.dense_output": "reader/dense_1",
    "qa_outputs.layer_normalization": "reader/layer_normalization",
  }
  return _variables(arrays, "reader/module/", layers)


def save(prefix, variables):
  """Writes a checkpoint as TensorFlow 1 does."""
  prefix.parent.mkdir(parents=True, exist_ok=True)
  graph = tf.Graph()
  with graph.as_default(), tf.compat.v1.Session() as session:
    made = [
      tf.compat.v1.get_variable(
        name,
        np.shape(value),
        tf.as_dtype(np.asarray(value).dtype),
        use_resource=False,
      )
      for name, value in variables.items()
    ]
    # All at once: `load` of one after the other takes long.
    initial = [variable.initializer.inputs[1] for variable in made]
    session.run(
      [variable.initializer for variable in made],
      dict(zip(initial, variables.values(), strict=True)),
    )
    saver = tf.compat.v1.train.Saver(made)
    saver.save(session, str(prefix), write_meta_graph=False, write_state=False)
  return graph


def module(folder, variables, *, config=True, erf=False):
  """A Hub module of TensorFlow 1.

  Args:
    folder: A new folder.
    variables: By name.
    config: Whether a bert_config.json says how many heads there are.
    erf: Whether its graph computes GELU by the error function.
  """
  graph = save(folder / "variables" / "variables", variables)
  if erf:
    with graph.as_default():
      tf.math.erf(1.0)
  saved = saved_model_pb2.SavedModel(saved_model_schema_version=1)
  saved.meta_graphs.add().graph_def.CopyFrom(graph.as_graph_def())
  (folder / "saved_model.pb").write_bytes(saved.SerializeToString())
  (folder / "tfhub_module.pb").write_bytes(b"\x08\x03")
  (folder / "assets").mkdir()
  text = "\n".join(realm_folders.VOCABULARY) + "\n"
  (folder / "assets" / "vocab.txt").write_text(text)
  if config:
    text = json.dumps(CONFIG)
    (folder / "assets" / "bert_config.json").write_text(text)
  return folder


def embedder(folder, arrays=None, vectors=None, **more):
  """`cc_news_pretrained/embedder`, or an ICT module."""
  arrays = realm_folders.embedder() if arrays is None else arrays
  module(folder, embedder_variables(arrays), **more)
  if vectors is not None:
    save(folder / "encoded" / "encoded.ckpt", {"block_emb": vectors})
  return folder


def bert(folder):
  """`cc_news_pretrained/bert` as a module."""
  arrays = realm_folders.encoder()
  return module(folder, _variables(arrays, "", {}))


def bert_checkpoint(folder):
  """`cc_news_pretrained/bert` as a checkpoint with its config beside."""
  arrays = realm_folders.encoder()
  save(folder / "bert_model.ckpt", _variables(arrays, "", {}))
  (folder / "bert_config.json").write_text(json.dumps(CONFIG))
  text = "\n".join(realm_folders.VOCABULARY) + "\n"
  (folder / "vocab.txt").write_text(text)
  return folder


def finetuned(folder, tower=None, reader=None, **params):
  """`orqa_nq_model_from_realm`: `params` are of params.json."""
  tower = realm_folders.embedder(4) if tower is None else tower
  reader = realm_folders.reader(5) if reader is None else reader
  variables = {"global_step": np.int64(7)}
  variables |= embedder_variables(tower, TOWER) | reader_variables(reader)
  for name in [*variables][1:]:
    variables[f"{name}/adam_m"] = np.zeros_like(variables[name])
  prefix = folder / "export" / "best_default" / "checkpoint"
  save(prefix / "model.ckpt-79000", variables)
  said = {
    "reader_beam_size": 5,
    "reader_seq_len": realm_folders.POSITIONS,
    "max_span_width": 10,
    **params,
  }
  (folder / "params.json").write_text(json.dumps(said))
  return folder
