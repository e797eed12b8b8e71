"""One tiny BERT, which transformers made, written in each format.

Nothing of realm_tf is used: Model Garden's own converter and TF Hub exporter
write their formats.
"""

import atexit
import functools
import json
import pathlib
import shutil
import tempfile

import numpy as np
import tensorflow as tf
import yaml
from official.legacy.bert import configs
from official.nlp.tools import export_tfhub_lib
from official.nlp.tools import tf2_bert_encoder_checkpoint_converter

TINY_BERT = pathlib.Path(__file__).with_name("tiny_bert")
VOCABULARY = (TINY_BERT / "vocab.txt").read_text().split("\n")[:-1]
_NUMPY = {"F32": "<f4", "I64": "<i8"}


_DTYPES = {"F32": "<f4", "F16": "<f2", "I32": "<i4"}


def golden():
  """What `make_golden.py` says of inputs and outputs."""
  with np.load(TINY_BERT / "outputs.npz") as arrays:
    return dict(arrays)


def config(**changes):
  """The BERT's config, with Hugging Face's names, which are Google's."""
  return json.loads((TINY_BERT / "config.json").read_text()) | changes


def weights():
  """The BERT's arrays by Hugging Face's names."""
  raw = (TINY_BERT / "model.safetensors").read_bytes()
  start = 8 + int.from_bytes(raw[:8], "little")
  header = json.loads(raw[8:start])
  header.pop("__metadata__")
  arrays = {}
  for name, entry in header.items():
    low, high = (start + offset for offset in entry["data_offsets"])
    flat = np.frombuffer(raw[low:high], _NUMPY[entry["dtype"]])
    arrays[name] = flat.reshape(entry["shape"])
  return arrays


def write_safetensors(path, arrays, dtype="F32"):
  """Writes arrays as float32, "F16", "BF16" or "I32"."""
  header, content = {"__metadata__": {"format": "pt"}}, b""
  for name, array in arrays.items():
    if dtype == "BF16":
      raw = (array.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()
    else:
      raw = array.astype(_DTYPES[dtype]).tobytes()
    header[name] = {
      "dtype": dtype,
      "shape": list(array.shape),
      "data_offsets": [len(content), len(content) + len(raw)],
    }
    content += raw
  text = json.dumps(header).encode()
  path.write_bytes(len(text).to_bytes(8, "little") + text + content)


def resized(vocab_size):
  """The BERT's arrays, with a vocabulary of another size."""
  arrays = weights()
  rng = np.random.default_rng(3)
  for name in (
    "bert.embeddings.word_embeddings.weight",
    "cls.predictions.bias",
  ):
    shape = (vocab_size, *arrays[name].shape[1:])
    arrays[name] = rng.normal(size=shape).astype(np.float32)
  return arrays


def hugging_face(folder, arrays=None, dtype="F32", **changes):
  """A Hugging Face folder; `changes` are of its config."""
  folder.mkdir(parents=True)
  write_safetensors(
    folder / "model.safetensors",
    weights() if arrays is None else arrays,
    dtype,
  )
  (folder / "config.json").write_text(json.dumps(config(**changes)))
  for name in ("vocab.txt", "tokenizer_config.json"):
    shutil.copy(TINY_BERT / name, folder / name)
  return folder


def google_name(name):
  """Returns Google's name of one of Hugging Face's variables."""
  if name == "cls.seq_relationship.bias":
    return "cls/seq_relationship/output_bias"
  if name == "cls.seq_relationship.weight":
    return "cls/seq_relationship/output_weights"
  name = name.replace("layer.", "layer_").replace(".", "/")
  name = name.replace("predictions/bias", "predictions/output_bias")
  name = name.replace("LayerNorm/weight", "LayerNorm/gamma")
  name = name.replace("LayerNorm/bias", "LayerNorm/beta")
  name = name.replace("_embeddings/weight", "_embeddings")
  return name.replace("/weight", "/kernel")


def google(folder, arrays=None, **changes):
  """A TF1 checkpoint with optimizer state, as Google's code leaves it."""
  folder.mkdir(parents=True)
  variables = {"global_step": np.int64(7)}
  for name, array in (weights() if arrays is None else arrays).items():
    theirs = google_name(name)
    variables[theirs] = array.T if theirs.endswith("/kernel") else array
    variables[f"{theirs}/adam_m"] = np.zeros_like(variables[theirs])
  _save_v2(folder / "bert_model.ckpt", variables)
  (folder / "bert_config.json").write_text(json.dumps(config(**changes)))
  shutil.copy(TINY_BERT / "vocab.txt", folder)
  return folder


def _save_v2(prefix, variables):
  names = sorted(variables)
  tf.raw_ops.SaveV2(
    prefix=str(prefix),
    tensor_names=names,
    shape_and_slices=[""] * len(names),
    tensors=[np.ascontiguousarray(variables[n]) for n in names],
  )


def model_garden(folder, kind="encoder", params=False):
  """A TF2 checkpoint, converted by Model Garden.

  Args:
    folder: A new folder.
    kind: "encoder", saved as `encoder=`; "model", the same as `model=`; or
      "pretrainer", with the MLM head.
    params: Whether its config is `params.yaml`, as of Model Garden's trainer.
  """
  google(folder.with_name(folder.name + "_tf1"))
  tf2_bert_encoder_checkpoint_converter.convert_checkpoint(
    _bert_config(),
    str(folder / "bert_model.ckpt"),
    str(folder.with_name(folder.name + "_tf1") / "bert_model.ckpt"),
    checkpoint_model_name="encoder" if kind == "encoder" else "model",
    converted_model="pretrainer" if kind == "pretrainer" else "encoder",
  )
  if params:
    encoder = {"type": "bert", "bert": {"hidden_activation": "gelu"}}
    tree = {"task": {"model": {"encoder": encoder}}}
    (folder / "params.yaml").write_text(yaml.safe_dump(tree))
  else:
    (folder / "bert_config.json").write_text(json.dumps(config()))
  shutil.copy(TINY_BERT / "vocab.txt", folder)
  return folder


def hub(folder, with_mlm=True, lower_case=True):
  """A SavedModel, exported by Model Garden for TF Hub."""
  return shutil.copytree(_exported(with_mlm, lower_case), folder)


@functools.cache
def _exported(with_mlm, lower_case):
  """Exports a SavedModel, which takes many seconds, once a process."""
  folder = pathlib.Path(tempfile.mkdtemp()) / "hub"
  atexit.register(shutil.rmtree, folder.parent)
  checkpoints = model_garden(
    folder.with_name(folder.name + "_tf2"),
    "pretrainer" if with_mlm else "model",
  )
  export_tfhub_lib.export_model(
    str(folder),
    bert_config=_bert_config(),
    model_checkpoint_path=tf.train.latest_checkpoint(str(checkpoints)),
    with_mlm=with_mlm,
    vocab_file=str(TINY_BERT / "vocab.txt"),
    do_lower_case=lower_case,
  )
  return folder


def _bert_config():
  return configs.BertConfig.from_dict(config())
