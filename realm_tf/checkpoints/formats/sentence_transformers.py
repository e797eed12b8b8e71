"""Folders of sentence-transformers: a BERT, and how its layer is pooled.

`modules.json` lists the modules that a text goes through. Those here are read:
Transformer, Pooling, then any number of Dense, then Normalize or not.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from realm_tf import errors
from realm_tf import files
from realm_tf.checkpoints import sentence_encoder
from realm_tf.checkpoints import weight_source
from realm_tf.checkpoints.formats import hugging_face
from realm_tf.checkpoints.formats import json_config

FORMAT = "sentence-transformers"
MODULES = "modules.json"
_POOLINGS = {
  "pooling_mode_mean_tokens": "mean",
  "pooling_mode_cls_token": "cls_hidden",
}
_ACTIVATIONS = {
  "Identity": "none",
  "Tanh": "tanh",
  "ReLU": "relu",
  "GELU": "gelu",
}
# Where sentence-transformers looks for a prompt, in this order.
_PROMPTS = {
  "query_prompt": ("query",),
  "passage_prompt": ("document", "passage", "corpus"),
}
_REMEDY = "without modules.json, its BERT alone is read"


@dataclasses.dataclass(frozen=True)
class _Module:
  """A module of `modules.json`.

  Attributes:
    kind: The class, without its package.
    folder: Its files.
  """

  kind: str
  folder: str


def read(path: str) -> weight_source.Source:
  """Reads a folder that sentence-transformers saved.

  Args:
    path: The folder, with `modules.json`.

  Raises:
    errors.UserError: If a file is missing or damaged, or a module is of a kind
      that is not read.
  """
  transformer, *others = _modules(path)
  bert = hugging_face.read(path, transformer.folder)
  if not others:
    return bert
  pooling, *others = others
  normalizes = bool(others) and others[-1].kind == "Normalize"
  dense = others[:-1] if normalizes else others
  max_length, notes = _limits(transformer.folder, bert)
  prompts = _prompts(path, pooling.folder)
  encoder = sentence_encoder.SentenceEncoder(
    pooling=_pooling(pooling.folder),
    query_prompt=prompts["query_prompt"],
    passage_prompt=prompts["passage_prompt"],
    normalization="l2" if normalizes else "none",
    max_length=max_length,
    dense=_dense([module.folder for module in dense]),
  )
  return dataclasses.replace(
    bert, format=FORMAT, encoder=encoder, notes=(*bert.notes, *notes)
  )


def transformer_folder(path: str) -> str:
  """Returns the folder of the BERT, which may be a subfolder.

  Args:
    path: A folder of sentence-transformers, or of Hugging Face.

  Raises:
    errors.UserError: As `read`.
  """
  has_modules = tf.io.gfile.exists(tf.io.gfile.join(path, MODULES))
  return _modules(path)[0].folder if has_modules else path


def _modules(path: str) -> list[_Module]:
  """Reads the list of modules.

  Raises:
    errors.UserError: If it is damaged, or one is of a kind, or at a place,
      that is not read.
  """
  file = tf.io.gfile.join(path, MODULES)
  try:
    found = files.read_json(file)
    if not all(files.is_inside(module["path"]) for module in found):
      raise ValueError("a module is not in the folder")
    listed = [
      _Module(
        module["type"].rpartition(".")[2],
        tf.io.gfile.join(path, *filter(None, [module["path"]])),
      )
      for module in found
    ]
  except errors.MALFORMED as e:
    raise errors.UserError(
      f"{file} is damaged: it must list modules, each with `type` and "
      "`path`, a place below it."
    ) from e
  for number, module in enumerate(listed):
    is_last = number == len(listed) - 1
    read_here = (
      module.kind == ("Transformer", "Pooling")[number]
      if number < 2
      else module.kind == "Dense" or (module.kind == "Normalize" and is_last)
    )
    if not read_here:
      raise errors.UserError(
        f"{file}: the module {module.kind} cannot be read at place {number}. "
        "Read are Transformer, Pooling, Dense, Normalize, in this order; "
        f"{_REMEDY}."
      )
  if not listed:
    raise errors.UserError(f"{file} lists no module.")
  return listed


def _pooling(folder: str) -> str:
  """Returns the pooling of a Pooling module."""
  file = tf.io.gfile.join(folder, hugging_face.CONFIG)
  config = json_config.read(file)
  modes = [
    name for name, on in config.items() if name.startswith("pooling_mode") if on
  ]
  if len(modes) != 1 or modes[0] not in _POOLINGS:
    raise errors.UserError(
      f"{file}: the module Pooling cannot be read with {', '.join(modes)}: one "
      f"of {', '.join(_POOLINGS)} can; {_REMEDY}."
    )
  return _POOLINGS[modes[0]]


def _limits(folder: str, bert: weight_source.Source) -> tuple[int, list[str]]:
  """Returns the most wordpieces of a text, and what differs from ours."""
  file = tf.io.gfile.join(folder, "sentence_bert_config.json")
  settings = json_config.read(file) if tf.io.gfile.exists(file) else {}
  notes = []
  if settings.get("do_lower_case") and not bert.lower_case:
    notes.append(
      "sentence-transformers lower-cases its texts, its cased tokenizer does "
      "not: give it lower-case texts"
    )
  most = bert.config.max_positions
  length = settings.get("max_seq_length") or most
  if type(length) is not int or length < 1:
    raise errors.UserError(f"{file}: max_seq_length is {length!r:.80}.")
  return min(length, most), notes


def _prompts(path: str, pooling_folder: str) -> dict[str, str]:
  """Returns the fields of `SentenceEncoder` that are prompts.

  Those of sentence-transformers' `encode_query` and `encode_document`, and
  else the default prompt, which is for all texts.
  """
  file = tf.io.gfile.join(path, "config_sentence_transformers.json")
  config = json_config.read(file) if tf.io.gfile.exists(file) else {}
  prompts = config.get("prompts") or {}
  if not isinstance(prompts, dict) or not all(
    isinstance(prompt, str) for prompt in prompts.values()
  ):
    raise errors.UserError(f"{file}: `prompts` must be texts by name.")
  default = config.get("default_prompt_name")
  found = {
    field: next((prompts[n] for n in (*wanted, default) if n in prompts), "")
    for field, wanted in _PROMPTS.items()
  }
  config = json_config.read(
    tf.io.gfile.join(pooling_folder, hugging_face.CONFIG)
  )
  if any(found.values()) and not config.get("include_prompt", True):
    raise errors.UserError(
      f"{pooling_folder}: the module Pooling cannot be read with "
      f"include_prompt=false and prompts; {_REMEDY}."
    )
  return found


def _dense(folders: Sequence[str]) -> sentence_encoder.Dense | None:
  """Reads the Dense modules, as one; None if there are none.

  Raises:
    errors.UserError: If they cannot be one, as all but the last must be linear.
  """
  joined: sentence_encoder.Dense | None = None
  for folder in folders:
    new = _read_dense(folder)
    if joined is None:
      joined = new
    elif joined.activation == "none" and len(joined.bias) == len(new.kernel):
      joined = sentence_encoder.Dense(
        joined.kernel @ new.kernel,
        joined.bias @ new.kernel + new.bias,
        new.activation,
      )
    else:
      raise errors.UserError(
        f"{folder}: the module Dense cannot be read behind another with the "
        f"activation {joined.activation} and {len(joined.bias)} outputs; "
        f"{_REMEDY}."
      )
  return joined


def _read_dense(folder: str) -> sentence_encoder.Dense:
  """Reads one Dense module."""
  file = tf.io.gfile.join(folder, hugging_face.CONFIG)
  name = str(json_config.read(file).get("activation_function", "Tanh"))
  name = name.rpartition(".")[2]
  if name not in _ACTIVATIONS:
    raise errors.UserError(
      f"{file}: the module Dense cannot be read with the activation {name}: "
      f"{', '.join(_ACTIVATIONS)} can; {_REMEDY}."
    )
  weights = hugging_face.read_weights(folder, folder)
  if "linear.weight" not in weights:
    raise errors.UserError(f"{folder}: its weights lack linear.weight.")
  # torch keeps it as [outputs, inputs].
  kernel = np.asarray(weights["linear.weight"], np.float32).T
  bias = weights.get("linear.bias", np.zeros(kernel.shape[1]))
  return sentence_encoder.Dense(
    kernel, np.asarray(bias, np.float32), _ACTIVATIONS[name]
  )
