"""Four layers of 256: real text on one machine, hours on two cores.

Command:   python -m realm_tf.launch.pretrain --config=mini --corpus=CORPUS
           --init_checkpoint=MLM_DIR,ICT_DIR --model_dir=MODEL_DIR
Hardware:  2 CPU cores, 4 GB
"""

from typing import Any

from realm_tf.configs import schema

_MODEL: dict[str, Any] = {
  "num_layers": 4,
  "hidden_size": 256,
  "num_heads": 4,
  "intermediate_size": 1024,
  "dropout": 0.0,
  "precision": "bfloat16",
}


def pretrain() -> schema.RealmConfig:
  """REALM on paragraphs of Wikipedia."""
  return schema.RealmConfig(
    **_MODEL,
    query_length=64,
    passage_length=192,
    batch_size=4,
    train_steps=2_000,
    learning_rate=1e-4,
    warmup_steps=50,
    score_scale=0.2,
    export_every_steps=100,
    index_age_warning_steps=120,
    index_age_limit_steps=150,
    summary_every_steps=10,
    checkpoint_every_steps=100,
    evaluate_every_steps=100,
  )


def pretrain_ict() -> schema.IctConfig:
  """ICT with 31 negatives."""
  return schema.IctConfig(
    **_MODEL,
    query_length=64,
    passage_length=192,
    batch_size=32,
    train_steps=2_000,
    learning_rate=3e-4,
    warmup_steps=50,
    score_scale=0.2,
    drop_title_probability=0.5,
    mask_query_probability=0.5,
    checkpoint_every_steps=100,
    evaluate_every_steps=100,
  )


def pretrain_mlm() -> schema.MlmConfig:
  """A small BERT of pairs of paragraphs."""
  return schema.MlmConfig(
    **_MODEL,
    query_length=128,
    passage_length=128,
    batch_size=32,
    train_steps=10_000,
    learning_rate=5e-4,
    checkpoint_every_steps=500,
    evaluate_every_steps=500,
  )


def finetune() -> schema.OrqaConfig:
  """Questions about paragraphs of Wikipedia."""
  return schema.OrqaConfig(
    **_MODEL,
    query_length=40,
    passage_length=192,
    reader_length=224,
    batch_size=8,
    train_steps=4_000,
    learning_rate=1e-4,
    warmup_steps=100,
    score_scale=0.2,
    dev_questions=256,
    checkpoint_every_steps=200,
    evaluate_every_steps=200,
  )


def train_tagger() -> schema.TaggerConfig:
  """A tagger; start it from public weights or from pretrain_mlm."""
  return schema.TaggerConfig(
    **(_MODEL | {"dropout": 0.1}),
    max_length=128,
    batch_size=32,
    train_steps=3_000,
    learning_rate=1e-4,
    checkpoint_every_steps=200,
    evaluate_every_steps=200,
  )
