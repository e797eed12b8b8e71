"""Runs a Hugging Face folder with transformers and torch, in their own Python.

PEER_PYTHON -I peer_outputs.py FOLDER INPUTS.npz OUTPUTS.npz

A program of its own, which imports nothing of realm_tf. INPUTS holds
`token_ids`, `segment_ids` [B, L] and `mask_positions` [B, M]; OUTPUTS gets
`hidden_states` [B, L, width], `versions`, `pooled_output` [B, width] and
`logits` [B, M, V], the latter two where the weights have what they need.
"""

import sys

import numpy as np
import torch
import transformers


def main(folder: str, inputs_path: str, outputs_path: str) -> None:
  """Writes the outputs of a folder's model."""
  transformers.logging.set_verbosity_error()
  with np.load(inputs_path) as inputs:
    token_ids, segment_ids, places = (
      torch.from_numpy(inputs[name].astype(np.int64))
      for name in ("token_ids", "segment_ids", "mask_positions")
    )
  versions = (
    f"transformers {transformers.__version__}, torch {torch.__version__}"
  )
  outputs = {"versions": np.array(versions)}
  for kind, lacking in (
    (transformers.BertModel, "pooler"),
    (transformers.BertForMaskedLM, "cls"),
  ):
    model, info = kind.from_pretrained(folder, output_loading_info=True)
    model.eval()
    whole = not any(lacking in key for key in info["missing_keys"])
    with torch.no_grad():
      made = model(
        token_ids,
        attention_mask=(token_ids != 0).long(),
        token_type_ids=segment_ids,
      )
    if kind is transformers.BertModel:
      outputs["hidden_states"] = made.last_hidden_state.numpy()
      if whole:
        outputs["pooled_output"] = made.pooler_output.numpy()
    elif whole:
      rows = torch.arange(len(places))[:, None]
      outputs["logits"] = made.logits[rows, places].numpy()
  np.savez(outputs_path, **outputs)


if __name__ == "__main__":
  main(*sys.argv[1:])
