"""Runs a folder of Hugging Face's REALM with transformers, in its own Python.

PEER_PYTHON -I peer_realm.py FOLDER INPUTS.npz OUTPUTS.npz

A program of its own, which imports nothing of realm_tf. INPUTS holds `kind`,
`token_ids`, `segment_ids`, `body_mask` [B, L] and `mask_positions` [B, M];
OUTPUTS gets `versions`, `hidden_states` [B, L, width], and, by the kind,
`embeddings` [B, D], `logits` [B, M, V] or `span_scores` [B, L, W], which are 0
for what is no span.
"""

import sys

import numpy as np
import torch
import transformers


def main(folder: str, inputs_path: str, outputs_path: str) -> None:
  """Writes the outputs of a folder's model."""
  transformers.logging.set_verbosity_error()
  with np.load(inputs_path) as inputs:
    kind = str(inputs["kind"])
    token_ids, segment_ids, body_mask, places = (
      torch.from_numpy(inputs[name].astype(np.int64))
      for name in ("token_ids", "segment_ids", "body_mask", "mask_positions")
    )
  models = {
    "embedder": transformers.RealmEmbedder,
    "scorer": transformers.RealmScorer,
    "encoder": transformers.RealmKnowledgeAugEncoder,
    "reader": transformers.RealmReader,
    "openqa embedder": transformers.RealmForOpenQA,
    "openqa reader": transformers.RealmForOpenQA,
  }
  model = models[kind].from_pretrained(folder).eval()
  part = model.embedder if kind == "scorer" else model
  if kind.startswith("openqa "):
    kind = kind.removeprefix("openqa ")
    part = getattr(model, kind)
  given = {
    "input_ids": token_ids,
    "attention_mask": (token_ids != 0).long(),
    "token_type_ids": segment_ids,
  }
  outputs = {}
  with torch.no_grad():
    hidden = part.realm(**given)[0]
    outputs["hidden_states"] = hidden.numpy()
    if kind in ("embedder", "scorer"):
      outputs["embeddings"] = part(**given).projected_score.numpy()
    elif kind == "encoder":
      rows = torch.arange(len(places))[:, None]
      outputs["logits"] = part.cls(hidden)[rows, places].numpy()
    else:
      outputs["span_scores"] = span_scores(part, hidden, body_mask)
  versions = (
    f"transformers {transformers.__version__}, torch {torch.__version__}"
  )
  np.savez(outputs_path, versions=np.array(versions), **outputs)


def span_scores(
  reader: torch.nn.Module, hidden: torch.Tensor, body_mask: torch.Tensor
) -> np.ndarray:
  """Returns a reader's scores by first wordpiece and length: [B, L, W]."""
  logits, starts, ends = reader.qa_outputs(hidden, body_mask.bool())
  batch, length, _ = hidden.shape
  scores = np.zeros([batch, length, reader.config.max_span_width], np.float32)
  inside = body_mask[:, starts] * body_mask[:, ends]
  scores[:, starts, ends - starts] = (logits * inside).numpy()
  return scores


if __name__ == "__main__":
  main(*sys.argv[1:])
