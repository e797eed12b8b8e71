"""Writes a tiny random BERT and its outputs, by transformers and torch.

PEER_PYTHON tests/checkpoints/make_golden.py FOLDER [SEED]

A program of its own: it needs torch 2.13, transformers 4.39.3 and numpy 1.
FOLDER gets a BertForPreTraining as `save_pretrained` writes it, its
vocabulary, and `outputs.npz`: `token_ids`, `segment_ids` [B, L],
`mask_positions` [B, M], and for each activation ACT of Hugging Face's, "gelu"
and "gelu_new", `ACT/hidden_states` [B, L, width], `ACT/pooled_output`
[B, width] and `ACT/logits` [B, M, V].
"""

import json
import pathlib
import string
import sys

import numpy as np
import torch
import transformers

SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ACTIVATIONS = ("gelu", "gelu_new")


def main(folder, seed):
  """Writes the folder; each seed makes other weights."""
  torch.manual_seed(seed)
  letters = [*string.ascii_lowercase, *string.digits, *".,?"]
  vocabulary = [*SPECIAL_TOKENS, *letters, *(f"##{c}" for c in letters[:36])]
  config = transformers.BertConfig(
    vocab_size=len(vocabulary),
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=48,
    max_position_embeddings=40,
    hidden_act=ACTIVATIONS[0],
  )
  model = transformers.BertForPreTraining(config).eval()
  with torch.no_grad():
    for name, parameter in model.named_parameters():
      # No bias is 0 and no scale is 1, so that a mix-up shows.
      parameter.normal_(std=0.3)
      if name.endswith("LayerNorm.weight"):
        parameter.add_(1.0)
  folder = pathlib.Path(folder)
  model.save_pretrained(folder, safe_serialization=True)
  (folder / "generation_config.json").unlink(missing_ok=True)
  (folder / "vocab.txt").write_text("".join(f"{v}\n" for v in vocabulary))
  (folder / "tokenizer_config.json").write_text(
    json.dumps({"do_lower_case": True, "tokenizer_class": "BertTokenizer"})
  )
  np.savez_compressed(folder / "outputs.npz", **_outputs(model))


def _outputs(model):
  batch, length, masks = 3, 17, 4
  size = model.config.vocab_size
  token_ids = torch.randint(len(SPECIAL_TOKENS), size, (batch, length))
  for row, limit in enumerate((17, 11, 6)):
    token_ids[row, limit:] = 0
  segment_ids = (torch.arange(length) >= 5).long() * (token_ids != 0).long()
  places = torch.randint(0, 6, (batch, masks))
  arrays = {
    "token_ids": token_ids,
    "segment_ids": segment_ids,
    "mask_positions": places,
  }
  for activation in ACTIVATIONS:
    function = transformers.activations.ACT2FN[activation]
    for layer in model.bert.encoder.layer:
      layer.intermediate.intermediate_act_fn = function
    model.cls.predictions.transform.transform_act_fn = function
    with torch.no_grad():
      hidden, pooled = model.bert(
        token_ids,
        attention_mask=(token_ids != 0).long(),
        token_type_ids=segment_ids,
        return_dict=False,
      )
      logits = model.cls.predictions(hidden)
    arrays[f"{activation}/hidden_states"] = hidden
    arrays[f"{activation}/pooled_output"] = pooled
    arrays[f"{activation}/logits"] = logits[
      torch.arange(batch)[:, None], places
    ]
  return {
    name: array.numpy().astype(np.int32 if array.dtype == torch.int64 else "f4")
    for name, array in arrays.items()
  }


if __name__ == "__main__":
  main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0)
