"""Hugging Face folders: `config.json`, weights, a vocabulary."""

import os
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf import errors
from realm_tf.checkpoints import names
from realm_tf.checkpoints import weight_source
from realm_tf.checkpoints.formats import json_config
from realm_tf.checkpoints.formats import one_encoder
from realm_tf.checkpoints.formats import safetensors_file
from realm_tf.checkpoints.formats import torch_file
from realm_tf.checkpoints.formats import vocabularies
from realm_tf.data.corpus import corpus_manifest

FORMAT = "Hugging Face"
CONFIG = "config.json"
WEIGHTS = "model.safetensors"
PICKLED_WEIGHTS = "pytorch_model.bin"
_INDEX = ".index.json"  # behind a name, of weights in several files
EPSILON = 1e-12  # of our layer norms in BERT
_TOKENIZER_DEFAULTS = {
  "do_lower_case": True,
  "strip_accents": None,
  "tokenize_chinese_chars": True,
}
# What `tokenizer.json` calls them.
_NORMALIZER_NAMES = {
  "do_lower_case": "lowercase",
  "strip_accents": "strip_accents",
  "tokenize_chinese_chars": "handle_chinese_chars",
}

_DECODER = "cls.predictions.decoder.weight"
# Of no use to anyone: numbers in order, and what stands elsewhere too.
_IGNORED = re.compile(
  r"(position_ids|embeddings\.token_type_ids|cls\.predictions\.decoder\.bias)$"
)


def read(path: str, subfolder: str = "") -> weight_source.Source:
  """Reads a folder of any BERT-shaped model.

  Args:
    path: The folder, as the user named it.
    subfolder: Where in it the model is, as a whole path; empty for `path`.

  Raises:
    errors.UserError: If a file is missing or damaged, it is no BERT, or it
      holds two.
  """
  folder = subfolder or path
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
  return of_weights(path, folder, config, read_weights(path, folder))


def of_weights(
  path: str,
  folder: str,
  config: Mapping[str, Any],
  weights: Mapping[str, np.ndarray],
  format_name: str = FORMAT,
) -> weight_source.Source:
  """Returns the source that weights make with a folder's tokenizer.

  Args:
    path: What messages name.
    folder: Where config and vocabulary are.
    config: What `config.json` says.
    weights: By Hugging Face's names, below one scope or none.
    format_name: For messages.

  Raises:
    errors.UserError: As `read`.
  """
  file = tf.io.gfile.join(folder, CONFIG)
  sizes = json_config.sizes(config, file)
  arrays, unused = _arrays(path, weights)
  vocabulary = _vocabulary(path, folder)
  notes = []
  epsilon = config.get("layer_norm_eps", EPSILON)
  if epsilon != EPSILON:
    notes.append(f"its layer norms add {epsilon} to the variance, ours 1e-12")
  lower_case, differences = _casing(folder)
  return weight_source.make(
    path,
    format_name,
    sizes=sizes,
    activations=json_config.activations(
      config.get("hidden_act", json_config.GELU),
      file,
      gelu=(json_config.GELU,),
    ),
    arrays=arrays,
    vocabulary=vocabulary,
    lower_case=lower_case,
    unused=unused,
    notes=[*notes, *differences],
  )


def read_weights(path: str, folder: str) -> dict[str, np.ndarray]:
  """Reads the weights of a folder, of one file or several.

  Args:
    path: What messages name.
    folder: Where they are: `model.safetensors`, else `pytorch_model.bin`.

  Raises:
    errors.UserError: If they are missing or damaged, or a pickle would run
      code.
  """
  for name, read_file in (
    (WEIGHTS, safetensors_file.read),
    (PICKLED_WEIGHTS, torch_file.read),
  ):
    parts = _parts(folder, name)
    read_parts: dict[str, np.ndarray] = {}
    for part in parts:
      file = tf.io.gfile.join(folder, part)
      if not tf.io.gfile.exists(file):
        raise errors.UserError(
          f"{path} lacks {part}, one of {len(parts)} files of weights: "
          "download it, too."
        )
      read_parts |= read_file(file)
    if parts:
      return read_parts
  raise errors.UserError(
    f"{path} has no weights: neither {WEIGHTS} nor {PICKLED_WEIGHTS}."
  )


def _parts(folder: str, name: str) -> list[str]:
  """Returns the files that hold a folder's weights; empty if there are none."""
  index = tf.io.gfile.join(folder, name + _INDEX)
  if tf.io.gfile.exists(index):
    try:
      found = json_config.read(index)["weight_map"].values()
      return sorted({os.path.basename(part) for part in found})
    except (KeyError, TypeError, AttributeError) as e:
      raise errors.UserError(
        f"{index} is damaged: it has no `weight_map` of names to files."
      ) from e
  return [name] if tf.io.gfile.exists(tf.io.gfile.join(folder, name)) else []


def _arrays(
  path: str, weights: Mapping[str, np.ndarray]
) -> tuple[dict[str, np.ndarray], list[str]]:
  """Returns arrays by our names, and the names of unused tensors."""
  variables, others = [], []
  for name in weights:
    if _IGNORED.search(name) or name.endswith(_DECODER):
      continue
    if found := names.from_google(_google_name(name)):
      scope, ours = found
      variables.append((name, name[: len(scope)], ours))
    else:
      others.append(name)
  chosen, unused = one_encoder.select(path, variables)
  unused += others
  # torch keeps a dense layer's weight as [outputs, inputs].
  arrays = {
    ours: weights[name].T if ours.endswith("/kernel") else weights[name]
    for ours, name in chosen.items()
  }
  decoder = next((w for n, w in weights.items() if n.endswith(_DECODER)), None)
  words = arrays.get(names.WORDS, np.empty(0))
  if decoder is not None and not np.array_equal(decoder, words):
    # Ours shares the embeddings: another head than the source's would result.
    head = [n for n in arrays if names.role(n) == names.MLM_HEAD]
    unused += [*head, _DECODER]
    arrays = {n: a for n, a in arrays.items() if n not in head}
  return arrays, unused


def _google_name(name: str) -> str:
  """Returns Google's name of a variable, below a scope of the same length."""
  parts = name.split(".")
  if "LayerNorm" in parts:
    parts[-1] = {"weight": "gamma", "bias": "beta"}.get(parts[-1], parts[-1])
  elif name.endswith("_embeddings.weight"):
    parts = parts[:-1]
  elif parts[-1] == "weight":
    parts[-1] = "kernel"
  elif parts[-3:] == ["cls", "predictions", "bias"]:
    parts[-1] = "output_bias"
  google = "/".join(parts)
  return re.sub(r"(^|/)encoder/layer/(?=\d)", r"\1encoder/layer_", google)


def _vocabulary(path: str, folder: str) -> list[str]:
  """Reads `vocab.txt`, else the same from `tokenizer.json`."""
  file = tf.io.gfile.join(folder, "tokenizer.json")
  text = tf.io.gfile.join(folder, corpus_manifest.VOCABULARY_NAME)
  if tf.io.gfile.exists(text) or not tf.io.gfile.exists(file):
    return vocabularies.read(path, folder)
  model = json_config.read(file).get("model", {})
  if model.get("type", "WordPiece") != "WordPiece" or "vocab" not in model:
    raise vocabularies.missing(path, text)
  ids = model["vocab"]
  if not isinstance(ids, dict) or sorted(
    i for i in ids.values() if type(i) is int
  ) != list(range(len(ids))):
    raise errors.UserError(
      f"{file} is damaged: its wordpieces must be numbered from 0 on, without "
      "a gap."
    )
  return sorted(ids, key=ids.__getitem__)


def _casing(folder: str) -> tuple[bool, list[str]]:
  """Returns the casing, and how the folder's tokenizer differs from ours."""
  settings = _tokenizer_settings(folder)
  lower_case = bool(settings["do_lower_case"])
  differences = []
  # Ours strips accents where it lower-cases, as BertTokenizer does by default.
  if settings["strip_accents"] not in (None, lower_case):
    kept = "keeps" if lower_case else "strips"
    differences.append(f"its tokenizer {kept} accents, unlike ours")
  if not settings["tokenize_chinese_chars"]:
    differences.append("its tokenizer joins Chinese characters, unlike ours")
  return lower_case, differences


def _tokenizer_settings(folder: str) -> dict[str, Any]:
  """Returns the settings of a folder's tokenizer, by BertTokenizer's names."""
  normalizer, config = {}, {}
  file = tf.io.gfile.join(folder, "tokenizer.json")
  if tf.io.gfile.exists(file):
    normalizer = json_config.read(file).get("normalizer", {})
    if normalizer is None:  # texts stay as they are
      normalizer = dict.fromkeys(_NORMALIZER_NAMES.values(), False)
  file = tf.io.gfile.join(folder, "tokenizer_config.json")
  if tf.io.gfile.exists(file):
    config = json_config.read(file)
  said = {
    name: normalizer.get(theirs) if config.get(name) is None else config[name]
    for name, theirs in _NORMALIZER_NAMES.items()
  }
  return _TOKENIZER_DEFAULTS | {
    name: value for name, value in said.items() if value is not None
  }
