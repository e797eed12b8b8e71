"""Embeds passages by sentence-transformers: `embed_corpus`'s peer.

Run by a Python with sentence-transformers, which need not have this package.
For each line that it reads, embeds all passages and prints the seconds.
"""

import json
import sys
import time

import sentence_transformers


def main(source: str, texts_path: str) -> None:
  """Embeds to the end of the input.

  Args:
    source: Folder of the encoder.
    texts_path: A JSON list of the passages' texts.
  """
  with open(texts_path, encoding="utf-8") as file:
    texts = json.load(file)
  encoder = sentence_transformers.SentenceTransformer(source, device="cpu")
  for _ in sys.stdin:
    start = time.perf_counter()
    encoder.encode(texts, show_progress_bar=False)
    print(time.perf_counter() - start, flush=True)


if __name__ == "__main__":
  main(*sys.argv[1:])
