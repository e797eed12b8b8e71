"""BERT by NumPy's arithmetic, from Hugging Face's arrays, one row at a time."""

import math

import numpy as np

_erf = np.vectorize(math.erf)


def gelu(x):
  """GELU by the error function."""
  return 0.5 * x * (1 + _erf(x / 2**0.5))


def gelu_tanh(x):
  """GELU by tanh."""
  return 0.5 * x * (1 + np.tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * x**3)))


def last_layer(arrays, token_ids, segment_ids=None, heads=4, activation=gelu):
  """Returns the last layer of a row without padding, <float64>[L, width]."""
  table = {name.removeprefix("bert."): a for name, a in arrays.items()}
  if segment_ids is None:
    segment_ids = [0] * len(token_ids)

  def dense(name, x):
    return x @ table[f"{name}.weight"].T.astype(float) + table[f"{name}.bias"]

  def norm(name, x):
    centred = x - x.mean(-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
    return scaled * table[f"{name}.weight"] + table[f"{name}.bias"]

  words, places, segments = (
    table[f"embeddings.{name}_embeddings.weight"].astype(float)
    for name in ("word", "position", "token_type")
  )
  x = words[token_ids] + places[: len(token_ids)] + segments[segment_ids]
  x = norm("embeddings.LayerNorm", x)
  width = x.shape[1] // heads
  number = 0
  while f"encoder.layer.{number}.output.dense.weight" in table:
    layer = f"encoder.layer.{number}"
    query, key, value = (
      dense(f"{layer}.attention.self.{name}", x).reshape(-1, heads, width)
      for name in ("query", "key", "value")
    )
    logits = np.einsum("ihd,jhd->hij", query, key) / width**0.5
    shares = np.exp(logits - logits.max(-1, keepdims=True))
    shares /= shares.sum(-1, keepdims=True)
    read = np.einsum("hij,jhd->ihd", shares, value).reshape(x.shape)
    read = dense(f"{layer}.attention.output.dense", read)
    x = norm(f"{layer}.attention.output.LayerNorm", x + read)
    inner = dense(f"{layer}.intermediate.dense", x)
    inner = activation(inner)
    x = norm(
      f"{layer}.output.LayerNorm", x + dense(f"{layer}.output.dense", inner)
    )
    number += 1
  return x
