"""Embeds texts with sentence-transformers, in its own Python.

PEER_PYTHON -I peer_embeddings.py FOLDER INPUTS.npz OUTPUTS.npz

A program of its own, which imports nothing of realm_tf. INPUTS holds `texts`
[B], `query_prompt` and `passage_prompt` []; OUTPUTS gets `query_embeddings` and
`passage_embeddings` [B, D], and `versions`.
"""

import sys

import numpy as np
import sentence_transformers


def main(folder: str, inputs_path: str, outputs_path: str) -> None:
  """Writes the embeddings that a folder's encoder makes."""
  with np.load(inputs_path) as inputs:
    texts = inputs["texts"].tolist()
    prompts = {
      name: str(inputs[f"{name}_prompt"]) for name in ("query", "passage")
    }
  encoder = sentence_transformers.SentenceTransformer(folder, device="cpu")
  outputs = {
    f"{name}_embeddings": encoder.encode(texts, prompt=prompt)
    for name, prompt in prompts.items()
  }
  versions = f"sentence-transformers {sentence_transformers.__version__}"
  np.savez(outputs_path, versions=np.array(versions), **outputs)


if __name__ == "__main__":
  main(*sys.argv[1:])
