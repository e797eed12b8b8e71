"""Answers questions with Hugging Face's RealmForOpenQA, in its own Python.

PEER_PYTHON -I peer_realm_answers.py FOLDER INPUTS.npz OUTPUTS.npz

A program of its own, which imports nothing of realm_tf. INPUTS holds the
passages' `texts` <uint8>[bytes] with `edges` <int64>[passages + 1], and
questions `[CLS] question [SEP]` as `token_ids` <int32>[B, L], padded; OUTPUTS
gets `versions`, `rows` <int64>[B] of the passages that answer, and `answer_ids`
<int64>[B, W], padded.
"""

import sys
from typing import Any

import numpy as np
import torch
import transformers


def main(folder: str, inputs_path: str, outputs_path: str) -> None:
  """Writes the answers of a folder's model."""
  transformers.logging.set_verbosity_error()
  with np.load(inputs_path) as inputs:
    texts, edges = inputs["texts"].tobytes(), inputs["edges"].tolist()
    questions = inputs["token_ids"]
  blocks = np.empty(len(edges) - 1, object)
  blocks[:] = [
    texts[start:limit]
    for start, limit in zip(edges[:-1], edges[1:], strict=True)
  ]
  retriever = _Retriever(
    blocks, transformers.RealmTokenizer.from_pretrained(folder)
  )
  model = transformers.RealmForOpenQA.from_pretrained(
    folder, retriever=retriever
  ).eval()
  rows, answers = [], []
  for row in questions:
    ids = torch.from_numpy(row[row != 0].astype(np.int64))[None]
    with torch.no_grad():
      found, answer = model(ids, return_dict=False)
    rows.append(retriever.retrieved[int(found.block_idx)])
    answers.append(answer.numpy())
  longest = max(map(len, answers))
  versions = (
    f"transformers {transformers.__version__}, torch {torch.__version__}"
  )
  np.savez(
    outputs_path,
    versions=np.array(versions),
    rows=np.array(rows, np.int64),
    answer_ids=np.array([np.pad(a, (0, longest - len(a))) for a in answers]),
  )


class _Retriever(transformers.RealmRetriever):
  """Remembers what was retrieved last.

  Attributes:
    retrieved: Rows, best first.
  """

  retrieved: list[int]

  def __call__(
    self, retrieved_block_ids: torch.Tensor, *args: Any, **kwargs: Any
  ) -> Any:
    """Joins question and passages; see base class."""
    self.retrieved = retrieved_block_ids.tolist()
    return super().__call__(retrieved_block_ids, *args, **kwargs)


if __name__ == "__main__":
  main(*sys.argv[1:])
