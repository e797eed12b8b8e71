"""Hugging Face folders: `config.json`, `model.safetensors`, a vocabulary."""

import re

import numpy as np
import tensorflow as tf

from realm_tf import errors
from realm_tf import files
from realm_tf.checkpoints import json_config
from realm_tf.checkpoints import names
from realm_tf.checkpoints import safetensors_file
from realm_tf.checkpoints import source
from realm_tf.checkpoints import vocabularies
from realm_tf.data import manifest

FORMAT = "Hugging Face"
CONFIG = "config.json"
_WEIGHTS = "model.safetensors"
_WEIGHTS_INDEX = "model.safetensors.index.json"
_EPSILON = 1e-12

_BERT_PART = re.compile(r"(?:^|\.)((?:embeddings|encoder|pooler|cls)\..*)$")
_DECODER = "cls.predictions.decoder.weight"
# Of no use to anyone: numbers in order, and what stands elsewhere too.
_IGNORED = re.compile(
  r"(position_ids|embeddings\.token_type_ids|cls\.predictions\.decoder\.bias)$"
)


def read(path: str) -> source.Source:
  """Reads a folder of any BERT-shaped model.

  Args:
    path: The folder; that of sentence-transformers too.

  Raises:
    errors.UserError: If a file is missing or damaged, or it is no BERT.
  """
  folder = _transformer(path)
  file = tf.io.gfile.join(folder, CONFIG)
  config = json_config.read(file)
  if config.get("model_type", "bert") != "bert":
    raise errors.UserError(
      f"{path} is a {config['model_type']}, not a BERT, by its {CONFIG}."
    )
  if config.get("position_embedding_type", "absolute") != "absolute":
    raise errors.UserError(
      f"{path} has {config['position_embedding_type']} positions, a BERT "
      f"absolute ones, by its {CONFIG}."
    )
  sizes = json_config.sizes(config, file)
  arrays, unused = _arrays(_weights(path, folder))
  vocabulary = _vocabulary(path, folder)
  notes = []
  epsilon = config.get("layer_norm_eps", _EPSILON)
  if epsilon != _EPSILON:
    notes.append(f"its layer norms add {epsilon} to the variance, ours 1e-12")
  return source.make(
    path,
    FORMAT,
    sizes=sizes,
    activations=json_config.activations(
      config.get("hidden_act", json_config.GELU),
      file,
      gelu=(json_config.GELU,),
    ),
    arrays=arrays,
    vocabulary=vocabulary,
    lower_case=_lower_case(folder),
    unused=unused,
    notes=notes,
  )


def _transformer(path: str) -> str:
  """Returns the folder of the BERT; sentence-transformers may put it lower."""
  file = tf.io.gfile.join(path, "modules.json")
  if not tf.io.gfile.exists(file):
    return path
  for module in files.read_json(file):
    if module["type"].endswith(".Transformer"):
      return tf.io.gfile.join(path, module["path"]) if module["path"] else path
  return path


def _weights(path: str, folder: str) -> dict[str, np.ndarray]:
  """Reads the weights, of one file or several."""
  index = tf.io.gfile.join(folder, _WEIGHTS_INDEX)
  if tf.io.gfile.exists(index):
    parts = sorted(set(json_config.read(index)["weight_map"].values()))
  else:
    parts = [_WEIGHTS]
  read_parts: dict[str, np.ndarray] = {}
  for part in parts:
    file = tf.io.gfile.join(folder, part)
    if not tf.io.gfile.exists(file):
      raise errors.UserError(
        f"{path} has no {part}: a file of pickled weights is not read. Save "
        "the model anew with transformers: save_pretrained(FOLDER, "
        "safe_serialization=True)."
      )
    read_parts |= safetensors_file.read(file)
  return read_parts


def _arrays(
  weights: dict[str, np.ndarray],
) -> tuple[dict[str, np.ndarray], list[str]]:
  """Returns arrays by our names, and the names of what is of no use."""
  arrays, unused = {}, []
  for name, array in weights.items():
    if _IGNORED.search(name) or name.endswith(_DECODER):
      continue
    if ours := _our_name(name):
      # torch keeps a dense layer's weight as [outputs, inputs].
      arrays[ours] = array.T if ours.endswith("/kernel") else array
    else:
      unused.append(name)
  decoder = next((w for n, w in weights.items() if n.endswith(_DECODER)), None)
  words = arrays.get(names.WORDS, np.empty(0))
  if decoder is not None and not np.array_equal(decoder, words):
    # Ours shares the embeddings: another head than the source's would result.
    head = [n for n in arrays if names.role(n) == names.MLM_HEAD]
    unused += [*head, _DECODER]
    arrays = {n: a for n, a in arrays.items() if n not in head}
  return arrays, unused


def _our_name(name: str) -> str | None:
  found = _BERT_PART.search(name)
  if not found:
    return None
  parts = found[1].split(".")
  if "LayerNorm" in parts:
    parts[-1] = {"weight": "gamma", "bias": "beta"}.get(parts[-1], parts[-1])
  elif parts[-1] == "weight" and parts[0] == "embeddings":
    parts = parts[:-1]
  elif parts[-1] == "weight":
    parts[-1] = "kernel"
  elif parts == ["cls", "predictions", "bias"]:
    parts[-1] = "output_bias"
  google = re.sub(r"^encoder/layer/", "encoder/layer_", "/".join(parts))
  return names.from_google(google)


def _vocabulary(path: str, folder: str) -> list[str]:
  """Reads `vocab.txt`, else the same from `tokenizer.json`."""
  file = tf.io.gfile.join(folder, "tokenizer.json")
  text = tf.io.gfile.join(folder, manifest.VOCABULARY_NAME)
  if tf.io.gfile.exists(text) or not tf.io.gfile.exists(file):
    return vocabularies.read(path, folder)
  model = json_config.read(file).get("model", {})
  if model.get("type", "WordPiece") != "WordPiece" or "vocab" not in model:
    raise vocabularies.missing(path, text)
  return sorted(model["vocab"], key=model["vocab"].__getitem__)


def _lower_case(folder: str) -> bool:
  """Returns the casing; BertTokenizer's default is to lower-case."""
  file = tf.io.gfile.join(folder, "tokenizer_config.json")
  if tf.io.gfile.exists(file):
    value = json_config.read(file).get("do_lower_case")
    if value is not None:
      return bool(value)
  file = tf.io.gfile.join(folder, "tokenizer.json")
  if tf.io.gfile.exists(file):
    normalizer = json_config.read(file).get("normalizer") or {}
    return bool(normalizer.get("lowercase", True))
  return True
