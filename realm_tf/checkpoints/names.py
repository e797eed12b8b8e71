"""The variables of a BERT: one name for each, whatever the format.

The names are Model Garden's, which our models have too, below whatever scope.
The masked-token head's, which Model Garden and we put in different scopes,
begin with "cls/predictions".
"""

import re

from realm_tf.configs import schema

EMBEDDINGS = "embeddings"
LAYERS = "layers"
POOLER = "pooler"
MLM_HEAD = "MLM head"
ROLES = (EMBEDDINGS, LAYERS, POOLER, MLM_HEAD)

WORDS = "word_embeddings/embeddings"
POSITIONS = "position_embedding/embeddings"
HEAD_BIAS = "cls/predictions/output_bias/bias"

_QUERY = "transformer/layer_0/self_attention/query/kernel"
_FEED_FORWARD = "transformer/layer_0/intermediate/kernel"
NEEDED_FOR_SIZES = (WORDS, POSITIONS, _QUERY, _FEED_FORWARD)

_NORM = "(?:gamma|beta)"
_DENSE = "(?:kernel|bias)"
_KERAS = re.compile(
  r"(?:^|/)("
  r"(?:word_embeddings|position_embedding|type_embeddings)/embeddings"
  rf"|embeddings/layer_norm/{_NORM}"
  rf"|transformer/layer_\d+/self_attention/"
  rf"(?:query|key|value|attention_output)/{_DENSE}"
  rf"|transformer/layer_\d+/(?:self_attention|output)_layer_norm/{_NORM}"
  rf"|transformer/layer_\d+/(?:intermediate|output)/{_DENSE}"
  rf"|pooler_transform/{_DENSE}"
  r")$"
)
_KERAS_HEAD = re.compile(
  r"(?:^|/)(?:cls/predictions|mlm_head)/("
  rf"transform/dense/{_DENSE}|transform/LayerNorm/{_NORM}|output_bias/bias"
  r")$"
)

# Google's own names, which Hugging Face kept, with dots for slashes.
_GOOGLE = {
  "embeddings/word_embeddings": "word_embeddings/embeddings",
  "embeddings/position_embeddings": "position_embedding/embeddings",
  "embeddings/token_type_embeddings": "type_embeddings/embeddings",
  "embeddings/LayerNorm": "embeddings/layer_norm",
  "pooler/dense": "pooler_transform",
  "cls/predictions/transform/dense": "cls/predictions/transform/dense",
  "cls/predictions/transform/LayerNorm": "cls/predictions/transform/LayerNorm",
  "cls/predictions/output_bias": HEAD_BIAS,
}
_GOOGLE_LAYER = {
  "attention/self/query": "self_attention/query",
  "attention/self/key": "self_attention/key",
  "attention/self/value": "self_attention/value",
  "attention/output/dense": "self_attention/attention_output",
  "attention/output/LayerNorm": "self_attention_layer_norm",
  "intermediate/dense": "intermediate",
  "output/dense": "output",
  "output/LayerNorm": "output_layer_norm",
}
_LEAVES = {"kernel", "bias", "gamma", "beta"}


def from_keras(name: str) -> str | None:
  """Returns the name of a variable of Model Garden's or ours; None if other."""
  name = name.removesuffix(":0")
  if found := _KERAS.search(name):
    return found[1]
  if found := _KERAS_HEAD.search(name):
    return f"cls/predictions/{found[1]}"
  return None


def from_google(name: str) -> tuple[str, str] | None:
  """Returns the scope and the name of a variable of Google's first BERT.

  Args:
    name: Such as "bert/encoder/layer_0/attention/self/query/kernel".

  Returns:
    The scope, such as "bert/" or "", and the name; None if it is none of a
    BERT's.
  """
  start = 0
  while True:
    if found := _from_google(name[start:]):
      return name[:start], found
    start = name.find("/", start) + 1
    if not start:
      return None


def _from_google(name: str) -> str | None:
  stem, _, leaf = name.rpartition("/")
  if leaf not in _LEAVES:
    return _GOOGLE.get(name)
  if stem in _GOOGLE:
    return f"{_GOOGLE[stem]}/{leaf}"
  if layer := re.fullmatch(r"encoder/layer_(\d+)/(.*)", stem):
    part = _GOOGLE_LAYER.get(layer[2])
    return part and f"transformer/layer_{layer[1]}/{part}/{leaf}"
  return None


def role(name: str) -> str:
  """Returns the part of a BERT that a variable belongs to, of `ROLES`."""
  if name.startswith("transformer/"):
    return LAYERS
  if name.startswith("pooler_transform/"):
    return POOLER
  return MLM_HEAD if name.startswith("cls/predictions/") else EMBEDDINGS


def shapes(
  config: schema.EncoderConfig, vocab_size: int
) -> dict[str, tuple[int, ...]]:
  """Returns the shape of every variable of a BERT.

  Args:
    config: Layers, widths, heads and positions.
    vocab_size: Wordpieces of the vocabulary.
  """
  width, inner = config.hidden_size, config.intermediate_size
  heads = (config.num_heads, width // config.num_heads)
  found: dict[str, tuple[int, ...]] = {
    WORDS: (vocab_size, width),
    POSITIONS: (config.max_positions, width),
    "type_embeddings/embeddings": (2, width),
    **_norm("embeddings/layer_norm", width),
  }
  for number in range(config.num_layers):
    layer = f"transformer/layer_{number}"
    attention = f"{layer}/self_attention"
    for part in ("query", "key", "value"):
      found[f"{attention}/{part}/kernel"] = (width, *heads)
      found[f"{attention}/{part}/bias"] = heads
    found[f"{attention}/attention_output/kernel"] = (*heads, width)
    found[f"{attention}/attention_output/bias"] = (width,)
    found |= _norm(f"{layer}/self_attention_layer_norm", width)
    found |= _dense(f"{layer}/intermediate", width, inner)
    found |= _dense(f"{layer}/output", inner, width)
    found |= _norm(f"{layer}/output_layer_norm", width)
  found |= _dense("pooler_transform", width, width)
  found |= _dense("cls/predictions/transform/dense", width, width)
  found |= _norm("cls/predictions/transform/LayerNorm", width)
  found[HEAD_BIAS] = (vocab_size,)
  return found


def sizes(shapes_found: dict[str, tuple[int, ...]]) -> dict[str, int]:
  """Returns the sizes of the BERT that variables make up.

  Args:
    shapes_found: Shapes by name; those of `NEEDED_FOR_SIZES` must be there.
      Kernels of the attention have an axis for the heads, or `num_heads` is
      meaningless.

  Returns:
    `EncoderConfig`'s fields that have to do with shapes.
  """
  layers = {
    int(found[1])
    for found in (
      re.match(r"transformer/layer_(\d+)/", n) for n in shapes_found
    )
    if found
  }
  positions, width = shapes_found[POSITIONS]
  return {
    "num_layers": max(layers) + 1,
    "hidden_size": width,
    "num_heads": shapes_found[_QUERY][1],
    "intermediate_size": shapes_found[_FEED_FORWARD][1],
    "max_positions": positions,
  }


def _dense(name: str, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
  return {f"{name}/kernel": (inputs, outputs), f"{name}/bias": (outputs,)}


def _norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
  return {f"{name}/gamma": (width,), f"{name}/beta": (width,)}
