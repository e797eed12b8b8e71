"""Answers questions by transformers' `RealmForOpenQA`: `serving`'s peer.

Run by a Python with torch and transformers, which need not have this package.
Reads a question a line, and prints the seconds that its answer took.
"""

import json
import pathlib
import sys
import time

import numpy as np
import torch
import transformers


def main(folder: pathlib.Path) -> None:
  """Answers to the end of the input.

  Args:
    folder: Holds shape.json, vocab.txt and bodies.json.
  """
  shape = json.loads((folder / "shape.json").read_text())
  bodies = json.loads((folder / "bodies.json").read_text())
  torch.manual_seed(0)
  config = transformers.RealmConfig(**shape)
  tokenizer = transformers.RealmTokenizerFast(str(folder / "vocab.txt"))
  records = np.array([body.encode() for body in bodies], dtype=object)
  model = transformers.RealmForOpenQA(
    config, transformers.RealmRetriever(records, tokenizer)
  ).eval()
  torch.nn.init.normal_(model.block_emb)
  for question in sys.stdin:
    start = time.perf_counter()
    inputs = tokenizer(
      [question.strip()],
      truncation=True,
      max_length=config.searcher_seq_len,
      return_tensors="pt",
    )
    with torch.inference_mode():
      outputs = model(**inputs, answer_ids=None)
    tokenizer.decode(outputs.predicted_answer_ids)
    print(time.perf_counter() - start, flush=True)


if __name__ == "__main__":
  main(pathlib.Path(sys.argv[1]))
