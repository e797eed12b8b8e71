"""Six layers of 384: all-MiniLM-L6-v2, for a start from public weights.

With MINILM as the first weights, the retriever starts as that encoder: what it
embeds is what sentence-transformers embeds.

Command:   python -m realm_tf.launch.pretrain --config=minilm --corpus=CORPUS
           --init_checkpoint=MINILM,ICT_DIR --model_dir=MODEL_DIR
           (docs/warm_starts.md says where MINILM is to be had)
Hardware:  2 CPU cores, 6 GB
"""

import dataclasses
from typing import Any

from realm_tf.configs import mini
from realm_tf.configs import schema

_MODEL: dict[str, Any] = {
  "num_layers": 6,
  "hidden_size": 384,
  "num_heads": 12,
  "intermediate_size": 1536,
  "activation": "gelu",
}
_RETRIEVER: dict[str, Any] = {
  "pooling": "mean",
  "projection_size": 0,
  "normalization": "l2",
  "passage_segments": False,
  "passage_separator": False,
  "score_scale": 20.0,
}


def pretrain() -> schema.RealmConfig:
  """REALM on paragraphs of Wikipedia."""
  return dataclasses.replace(
    mini.pretrain(), **_MODEL, **_RETRIEVER, learning_rate=3e-5
  )


def pretrain_ict() -> schema.IctConfig:
  """ICT with 31 negatives."""
  return dataclasses.replace(
    mini.pretrain_ict(), **_MODEL, **_RETRIEVER, learning_rate=1e-4
  )


def pretrain_mlm() -> schema.MlmConfig:
  """A BERT of MiniLM's shape."""
  return dataclasses.replace(mini.pretrain_mlm(), **_MODEL, learning_rate=3e-4)


def finetune() -> schema.OrqaConfig:
  """Questions about paragraphs of Wikipedia."""
  return dataclasses.replace(
    mini.finetune(), **_MODEL, **_RETRIEVER, learning_rate=3e-5
  )


def train_tagger() -> schema.TaggerConfig:
  """A tagger from MiniLM's weights: under an hour on two cores."""
  return dataclasses.replace(mini.train_tagger(), **_MODEL)
