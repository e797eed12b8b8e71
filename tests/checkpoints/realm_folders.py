"""Folders of Hugging Face's REALM, with random weights, and their arithmetic.

Nothing of realm_tf is used.
"""

import json

import numpy as np

from tests.checkpoints import formats
from tests.checkpoints import numpy_bert
from tests.checkpoints import torch_files

WIDTH, INNER, LAYERS, POSITIONS, SIZE, HIDDEN = 32, 48, 2, 40, 16, 24
VOCABULARY = formats.VOCABULARY
CLS, SEP = (VOCABULARY.index(p) for p in ("[CLS]", "[SEP]"))
CONFIG = {
  "model_type": "realm",
  "hidden_size": WIDTH,
  "num_hidden_layers": LAYERS,
  "num_attention_heads": 4,
  "intermediate_size": INNER,
  "max_position_embeddings": POSITIONS,
  "vocab_size": len(VOCABULARY),
  "retriever_proj_size": SIZE,
  "span_hidden_size": HIDDEN,
  "hidden_act": "gelu_new",
  "layer_norm_eps": 1e-12,
  "reader_layer_norm_eps": 1e-3,
  "max_span_width": 10,
  "reader_beam_size": 5,
  "reader_seq_len": POSITIONS,
  "pad_token_id": 1,
}


def _random(shapes, seed):
  rng = np.random.default_rng(seed)
  arrays = {}
  for name, shape in shapes.items():
    array = rng.normal(size=shape) * 0.3
    if name.endswith(("LayerNorm.weight", "layer_normalization.weight")):
      array += 1
    arrays[name] = array.astype(np.float32)
  return arrays


def _dense(name, inputs, outputs):
  return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _norm(name, width):
  return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def _bert():
  shapes = {
    "realm.embeddings.word_embeddings.weight": (len(VOCABULARY), WIDTH),
    "realm.embeddings.position_embeddings.weight": (POSITIONS, WIDTH),
    "realm.embeddings.token_type_embeddings.weight": (2, WIDTH),
    **_norm("realm.embeddings.LayerNorm", WIDTH),
  }
  for number in range(LAYERS):
    layer = f"realm.encoder.layer.{number}"
    for part in ("query", "key", "value"):
      shapes |= _dense(f"{layer}.attention.self.{part}", WIDTH, WIDTH)
    shapes |= _dense(f"{layer}.attention.output.dense", WIDTH, WIDTH)
    shapes |= _norm(f"{layer}.attention.output.LayerNorm", WIDTH)
    shapes |= _dense(f"{layer}.intermediate.dense", WIDTH, INNER)
    shapes |= _dense(f"{layer}.output.dense", INNER, WIDTH)
    shapes |= _norm(f"{layer}.output.LayerNorm", WIDTH)
  return shapes | _dense("realm.pooler.dense", WIDTH, WIDTH)


def _head():
  return {
    "cls.predictions.bias": (len(VOCABULARY),),
    **_dense("cls.predictions.transform.dense", WIDTH, WIDTH),
    **_norm("cls.predictions.transform.LayerNorm", WIDTH),
  }


def _decoder():
  return {"cls.predictions.decoder.weight": (len(VOCABULARY), WIDTH)}


def embedder(seed=1):
  """An embedder's arrays."""
  shapes = _bert() | _head() | _decoder()
  shapes |= _dense("cls.dense", WIDTH, SIZE) | _norm("cls.LayerNorm", SIZE)
  return _random(shapes, seed)


def encoder(seed=2):
  """The arrays of a pre-trained reader."""
  return _random(_bert() | _head(), seed)


def reader(seed=3):
  """The arrays of a reader of spans."""
  shapes = _bert() | _head() | _decoder()
  shapes |= _dense("qa_outputs.dense_intermediate", WIDTH, 2 * HIDDEN)
  shapes |= _dense("qa_outputs.dense_output", HIDDEN, 1)
  shapes |= _norm("qa_outputs.layer_normalization", HIDDEN)
  return _random(shapes, seed)


def below(scope, arrays):
  """The arrays with a scope before their names."""
  return {scope + name: array for name, array in arrays.items()}


def scorer(seed=1):
  """A scorer's arrays."""
  return below("embedder.", embedder(seed))


def openqa(vectors, seed=4):
  """The arrays of a whole fine-tuned REALM.

  Args:
    vectors: Of its passages, <float32>[passages, SIZE].
    seed: Of its weights.
  """
  return {
    "block_emb": vectors,
    **below("embedder.", embedder(seed)),
    **below("reader.", reader(seed + 1)),
  }


def write(folder, arrays, *, pickled=False, **changes):
  """Writes a folder; `changes` are of its config."""
  folder.mkdir(parents=True)
  if pickled:
    torch_files.write(folder / "pytorch_model.bin", arrays)
  else:
    formats.write_safetensors(folder / "model.safetensors", arrays)
  (folder / "config.json").write_text(json.dumps(CONFIG | changes))
  (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
  return folder


def pack(*texts):
  """`[CLS] text [SEP]`, or with a second text: ids and segments."""
  ids, segments = [CLS], [0]
  for segment, text in enumerate(texts):
    ids += [*text, SEP]
    segments += [segment] * (len(text) + 1)
  return ids, segments


def last_layer(arrays, ids, segments):
  """The last layer of a row, <float64>[L, WIDTH]."""
  bert = {
    name.removeprefix("realm."): array
    for name, array in arrays.items()
    if name.startswith("realm.")
  }
  return numpy_bert.last_layer(
    bert, ids, segments, activation=numpy_bert.gelu_tanh
  )


def embed(arrays, *texts):
  """What an embedder makes of one text or two, <float64>[SIZE]."""
  ids, segments = pack(*texts)
  first = last_layer(arrays, ids, segments)[0]
  pooled = np.tanh(_apply(arrays, "realm.pooler.dense", first))
  projected = _apply(arrays, "cls.dense", pooled)
  return _normalised(arrays, "cls.LayerNorm", projected, 1e-12)


def span_scores(arrays, question, body, most=10):
  """A reader's scores by (first wordpiece of the body, wordpieces)."""
  ids, segments = pack(question, body)
  hidden = last_layer(arrays, ids, segments)
  both = _apply(arrays, "qa_outputs.dense_intermediate", hidden)
  start, end = both[:, :HIDDEN], both[:, HIDDEN:]
  first = len(question) + 2
  scores = {}
  for one in range(len(body)):
    for length in range(1, min(most, len(body) - one) + 1):
      place = first + one
      x = np.maximum(start[place] + end[place + length - 1], 0)
      x = _normalised(arrays, "qa_outputs.layer_normalization", x, 1e-3)
      [score] = _apply(arrays, "qa_outputs.dense_output", x)
      scores[one, length] = score
  return scores


def _apply(arrays, name, x):
  return x @ arrays[f"{name}.weight"].T.astype(float) + arrays[f"{name}.bias"]


def _normalised(arrays, name, x, epsilon):
  centred = x - x.mean(-1, keepdims=True)
  scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + epsilon)
  return scaled * arrays[f"{name}.weight"] + arrays[f"{name}.bias"]
