"""Two layers of 128: the demo on the embedded encyclopedia.

Command:   make demo
Hardware:  2 CPU cores, 2 GB, no network
"""

from typing import Any

from realm_tf.configs import schema

_MODEL: dict[str, Any] = {
  "num_layers": 2,
  "hidden_size": 128,
  "num_heads": 4,
  "intermediate_size": 512,
  "max_positions": 72,
  "dropout": 0.0,
  "precision": "bfloat16",
}
_LENGTHS: dict[str, Any] = {"query_length": 22, "passage_length": 44}


def pretrain() -> schema.RealmConfig:
  """REALM on the encyclopedia."""
  return schema.RealmConfig(
    **_MODEL,
    **_LENGTHS,
    max_masks=4,
    batch_size=16,
    train_steps=250,
    learning_rate=3e-4,
    warmup_steps=20,
    score_scale=0.2,
    noise_probability=0.6,
    export_every_steps=50,
    index_age_warning_steps=100,
    index_age_limit_steps=150,
    summary_every_steps=10,
    checkpoint_every_steps=125,
    evaluate_every_steps=125,
  )


def pretrain_ict() -> schema.IctConfig:
  """A short warm start: a long one leaves p(z|x) one-hot."""
  return schema.IctConfig(
    **_MODEL,
    **_LENGTHS,
    max_masks=4,
    batch_size=64,
    train_steps=200,
    learning_rate=5e-4,
    warmup_steps=50,
    score_scale=0.2,
    drop_title_probability=0.5,
    mask_query_probability=0.8,
    rename_probability=0.8,
    noise_probability=0.4,
    checkpoint_every_steps=100,
    evaluate_every_steps=100,
  )


def pretrain_mlm() -> schema.MlmConfig:
  """A BERT that copies: pairs of passages with random names.

  The demo starts from what this made (`realm_tf/demo/bert`): twenty minutes.
  """
  return schema.MlmConfig(
    **_MODEL,
    **_LENGTHS,
    max_masks=4,
    max_targets=12,
    token_mask_probability=0.1,
    batch_size=64,
    train_steps=4_000,
    learning_rate=2e-3,
    warmup_steps=100,
    checkpoint_every_steps=500,
    evaluate_every_steps=500,
  )


def finetune() -> schema.OrqaConfig:
  """Questions about the encyclopedia, about 20 a second."""
  return schema.OrqaConfig(
    **_MODEL,
    **_LENGTHS,
    reader_length=56,
    retriever_beam=1000,
    span_hidden_size=64,
    batch_size=16,
    train_steps=500,
    learning_rate=5e-4,
    warmup_steps=20,
    score_scale=0.2,
    dev_questions=128,
    checkpoint_every_steps=200,
    evaluate_every_steps=200,
  )


def train_tagger() -> schema.TaggerConfig:
  """A tagger from the demo's language model, or from nothing, for trials."""
  return schema.TaggerConfig(
    **_MODEL,
    max_length=64,
    overlap=16,
    num_buckets=2,
    batch_size=32,
    train_steps=600,
    learning_rate=1e-3,
    warmup_steps=50,
    checkpoint_every_steps=100,
    evaluate_every_steps=100,
  )
