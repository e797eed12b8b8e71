r"""Writes random files of a released REALM, in Google's layout, to import them.

python -m benchmarks.released_files --output=FOLDER [--passages=200000] \
  [--layers=12]

Weights are of the published sizes, by default: `embedder/` with its vectors,
and `orqa/`. Passages, in `blocks.tfr` and `titles.tfr`, have a hundred words.
"""

import argparse
import json
import pathlib

import numpy as np
import tensorflow as tf

from benchmarks import synthetic

_WIDTH, _POSITIONS, _SIZE, _HIDDEN = 768, 512, 128, 256
_VOCABULARY = 30_522
_WORDS = 100  # of a passage


def _dense(name: str, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
  return {f"{name}/kernel": (inputs, outputs), f"{name}/bias": (outputs,)}


def _norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
  return {f"{name}/gamma": (width,), f"{name}/beta": (width,)}


def _bert(scope: str, layers: int) -> dict[str, tuple[int, ...]]:
  """Returns the shapes of a BERT's variables."""
  embeddings = f"{scope}bert/embeddings"
  shapes: dict[str, tuple[int, ...]] = {
    f"{embeddings}/word_embeddings": (_VOCABULARY, _WIDTH),
    f"{embeddings}/position_embeddings": (_POSITIONS, _WIDTH),
    f"{embeddings}/token_type_embeddings": (2, _WIDTH),
    **_norm(f"{embeddings}/LayerNorm", _WIDTH),
    **_dense(f"{scope}bert/pooler/dense", _WIDTH, _WIDTH),
  }
  for number in range(layers):
    layer = f"{scope}bert/encoder/layer_{number}"
    for part in ("self/query", "self/key", "self/value", "output/dense"):
      shapes |= _dense(f"{layer}/attention/{part}", _WIDTH, _WIDTH)
    shapes |= _norm(f"{layer}/attention/output/LayerNorm", _WIDTH)
    shapes |= _dense(f"{layer}/intermediate/dense", _WIDTH, 4 * _WIDTH)
    shapes |= _dense(f"{layer}/output/dense", 4 * _WIDTH, _WIDTH)
    shapes |= _norm(f"{layer}/output/LayerNorm", _WIDTH)
  return shapes


def _tower(scope: str, layers: int) -> dict[str, tuple[int, ...]]:
  """Returns the shapes of an embedder's variables."""
  return {
    **_bert(f"{scope}module/", layers),
    **_dense(f"{scope}dense", _WIDTH, _SIZE),
    **_norm(f"{scope}LayerNorm", _SIZE),
  }


def _reader(layers: int) -> dict[str, tuple[int, ...]]:
  """Returns the shapes of a span reader's variables."""
  return {
    **_bert("reader/module/", layers),
    **_dense("reader/dense", _WIDTH, 2 * _HIDDEN),
    **_dense("reader/dense_1", _HIDDEN, 1),
    **_norm("reader/layer_normalization", _HIDDEN),
  }


def _save(
  prefix: pathlib.Path,
  shapes: dict[str, tuple[int, ...]],
  rng: np.random.Generator,
) -> None:
  """Writes a checkpoint of random variables."""
  prefix.parent.mkdir(parents=True)
  names = sorted(shapes)
  tf.raw_ops.SaveV2(
    prefix=str(prefix),
    tensor_names=names,
    shape_and_slices=[""] * len(names),
    tensors=[
      rng.standard_normal(shapes[n], np.float32) * np.float32(0.02)
      for n in names
    ],
  )


def main() -> None:
  """Writes the files."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument("--output", type=pathlib.Path, required=True)
  parser.add_argument("--passages", type=int, default=200_000)
  parser.add_argument("--layers", type=int, default=12)
  options = parser.parse_args()
  folder, count, layers = options.output, options.passages, options.layers
  rng = np.random.default_rng(1)
  embedder = folder / "embedder"
  _save(
    embedder / "variables" / "variables", _tower("module/module/", layers), rng
  )
  _save(
    embedder / "encoded" / "encoded.ckpt", {"block_emb": (count, _SIZE)}, rng
  )
  (embedder / "saved_model.pb").write_bytes(b"")
  words = synthetic.vocabulary()
  (embedder / "assets").mkdir()
  (embedder / "assets" / "vocab.txt").write_text("\n".join(words) + "\n")
  _save(
    folder / "orqa" / "export" / "best_default" / "checkpoint" / "model.ckpt-1",
    _tower("module/module/module/", layers) | _reader(layers),
    rng,
  )
  params = {"num_block_records": count, "reader_seq_len": 320}
  (folder / "orqa" / "params.json").write_text(json.dumps(params))
  known = np.array([word for word in words if word.isalpha()])
  with (
    tf.io.TFRecordWriter(str(folder / "blocks.tfr")) as blocks,
    tf.io.TFRecordWriter(str(folder / "titles.tfr")) as titles,
  ):
    for number in range(count):
      text = " ".join(rng.choice(known, _WORDS))
      blocks.write(text.encode())
      titles.write(known[number // 5 % len(known)].encode())


if __name__ == "__main__":
  main()
