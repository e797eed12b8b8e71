"""The paper's own settings: BERT-base, for a TPU.

Command:   python -m realm_tf.launch.pretrain --config=base --tpu=NAME
           --corpus=CORPUS --init_checkpoint=BERT,ICT_DIR
           --model_dir=MODEL_DIR
Hardware:  64 TPU v3 cores for pre-training in the paper
Expected:  NaturalQuestions 39.2 to 40.4 exact match after fine-tuning
           (paper, Table 1)
"""

from typing import Any

from realm_tf.configs import schema

_MODEL: dict[str, Any] = {
  "num_layers": 12,
  "hidden_size": 768,
  "num_heads": 12,
  "intermediate_size": 3072,
}


def pretrain() -> schema.RealmConfig:
  """REALM (paper, section 4.3 and appendix A)."""
  return schema.RealmConfig(
    **_MODEL,
    query_length=96,
    passage_length=288,
    batch_size=512,
    train_steps=200_000,
    learning_rate=3e-5,
    precision="bfloat16",
    index_age_warning_steps=1_000,
    index_age_limit_steps=5_000,
  )


def pretrain_ict() -> schema.IctConfig:
  """ICT as Lee et al. (2019) trained it."""
  return schema.IctConfig(
    **_MODEL,
    query_length=64,
    passage_length=288,
    batch_size=4096,
    train_steps=100_000,
    learning_rate=1e-4,
    precision="bfloat16",
  )


def pretrain_mlm() -> schema.MlmConfig:
  """A BERT from scratch, for a language or a domain that has none."""
  return schema.MlmConfig(
    **_MODEL,
    query_length=96,
    passage_length=288,
    batch_size=256,
    train_steps=1_000_000,
    learning_rate=1e-4,
    precision="bfloat16",
  )


def finetune() -> schema.OrqaConfig:
  """ORQA's fine-tuning as the paper has it, with batches of 16.

  The original takes one question a step. 20 epochs of NaturalQuestions-Open.
  """
  return schema.OrqaConfig(
    **_MODEL,
    query_length=64,
    passage_length=288,
    reader_length=320,
    retriever_beam=5000,
    reader_beam=5,
    batch_size=16,
    train_steps=100_000,
    learning_rate=1e-5,
    precision="bfloat16",
    summary_every_steps=100,
    checkpoint_every_steps=2_000,
    evaluate_every_steps=2_000,
  )


def train_tagger() -> schema.TaggerConfig:
  """The tagger, as BERT was fine-tuned (Devlin et al., 2019, section 5.3)."""
  return schema.TaggerConfig(
    **_MODEL,
    max_length=256,
    num_buckets=1,  # the one shape that a TPU needs
    batch_size=32,
    train_steps=2_000,
    learning_rate=5e-5,
    precision="bfloat16",
    checkpoint_every_steps=200,
    evaluate_every_steps=200,
  )
