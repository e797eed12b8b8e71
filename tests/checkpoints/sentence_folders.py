"""Folders of sentence-transformers around the tiny BERT."""

import json
import re

import numpy as np

from tests.checkpoints import formats
from tests.checkpoints import numpy_bert

_KINDS = "sentence_transformers.models"
_ACTIVATIONS = {
  "torch.nn.modules.activation.Tanh": np.tanh,
  "torch.nn.modules.activation.ReLU": lambda x: np.maximum(x, 0),
  "torch.nn.modules.linear.Identity": lambda x: x,
}
TANH, RELU, IDENTITY = _ACTIVATIONS
MAX_LENGTH = 30
CLS, SEP = (formats.VOCABULARY.index(p) for p in ("[CLS]", "[SEP]"))


def random_dense(seed, inputs, outputs, activation, bias=True):
  """A dense layer: kernel [inputs, outputs], bias or None, activation."""
  rng = np.random.default_rng(seed)
  kernel = rng.normal(size=[inputs, outputs]).astype(np.float32) * 0.3
  bias = rng.normal(size=[outputs]).astype(np.float32) if bias else None
  return kernel, bias, activation


def write(folder, *, pooling="mean_tokens", dense=(), norm=True, **more):
  """Writes a folder.

  Args:
    folder: A new one.
    pooling: The end of a `pooling_mode`'s name.
    dense: Layers, as of `random_dense`.
    norm: Whether a Normalize module is the last.
    **more: `prompts` and `default_prompt_name`, `root` for a BERT that is no
      subfolder, `lower` for ST's own lower-casing, `arrays` of the BERT.
  """
  modules = [("Transformer", "" if more.get("root") else "0_Transformer")]
  bert = folder / modules[0][1]
  formats.hugging_face(bert, more.get("arrays"))
  limits = {"max_seq_length": MAX_LENGTH, "do_lower_case": more.get("lower")}
  (bert / "sentence_bert_config.json").write_text(json.dumps(limits))
  modules.append(("Pooling", "1_Pooling"))
  (folder / "1_Pooling").mkdir()
  names = ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens")
  modes = {f"pooling_mode_{name}": name == pooling for name in names}
  modes |= more.get("pooling_config", {})
  (folder / "1_Pooling" / "config.json").write_text(
    json.dumps({"word_embedding_dimension": 32} | modes)
  )
  for kernel, bias, activation in dense:
    modules.append(("Dense", f"{len(modules)}_Dense"))
    place = folder / modules[-1][1]
    place.mkdir()
    config = {
      "in_features": len(kernel),
      "out_features": kernel.shape[1],
      "bias": bias is not None,
      "activation_function": activation,
    }
    (place / "config.json").write_text(json.dumps(config))
    arrays = {"linear.weight": kernel.T}
    arrays |= {} if bias is None else {"linear.bias": bias}
    formats.write_safetensors(place / "model.safetensors", arrays)
  if norm:
    modules.append(("Normalize", f"{len(modules)}_Normalize"))
  write_modules(folder, modules)
  prompts = {
    name: more[name]
    for name in ("prompts", "default_prompt_name")
    if name in more
  }
  (folder / "config_sentence_transformers.json").write_text(json.dumps(prompts))
  return folder


def write_modules(folder, modules):
  """Writes `modules.json` from kinds and paths."""
  listed = [
    {"idx": i, "name": str(i), "path": path, "type": f"{_KINDS}.{kind}"}
    for i, (kind, path) in enumerate(modules)
  ]
  (folder / "modules.json").write_text(json.dumps(listed))


def pieces(text):
  """The wordpieces of a text of letters, digits, ".", "," and "?"."""
  found = []
  for word in re.sub(r"([.,?])", r" \1 ", text.lower()).split():
    found.append(formats.VOCABULARY.index(word[0]))
    found += [formats.VOCABULARY.index(f"##{letter}") for letter in word[1:]]
  return found


def embed(text, *, pooling="mean_tokens", dense=(), norm=True, arrays=None):
  """What such a folder makes of a text, by NumPy's arithmetic."""
  ids = [CLS, *pieces(text)[: MAX_LENGTH - 2], SEP]
  hidden = numpy_bert.last_layer(arrays or formats.weights(), ids)
  vector = hidden[0] if pooling == "cls_token" else hidden.mean(axis=0)
  for kernel, bias, activation in dense:
    vector = vector @ kernel + (0 if bias is None else bias)
    vector = _ACTIVATIONS[activation](vector)
  return vector / np.linalg.norm(vector) if norm else vector
