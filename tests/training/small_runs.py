"""Runs of one layer on disk, with the parts that checkpoints look at."""

import numpy as np
import tensorflow as tf

from realm_tf.models import embedders
from realm_tf.models import masked_lm
from realm_tf.models import token_tagger
from realm_tf.runs import run_config
from realm_tf.text import entity_types
from realm_tf.training import optimizers
from realm_tf.training import training_checkpoints
from realm_tf.training.init import first_weights
from tests import synthetic

VOCAB = len(synthetic.VOCABULARY)
IDS = tf.constant([[2, 8, 30, 9, 3, 0]])
CONFIGS = {
  "pretrain_mlm": synthetic.mlm_config,
  "pretrain_ict": synthetic.ict_config,
  "pretrain": synthetic.realm_config,
  "train_tagger": synthetic.tagger_config,
}
ROLES = {
  "pretrain_mlm": ("reader",),
  "pretrain_ict": ("retriever",),
  "pretrain": ("retriever", "reader"),
  "train_tagger": ("tagger",),
}


class Task:
  """The part of a task that checkpoints look at."""

  def __init__(self, kind, config):
    self.parts = {}
    for role in ROLES[kind]:
      if role == "reader":
        limit = config.query_length if kind == "pretrain" else None
        part = masked_lm.MaskedLanguageModel(
          config, VOCAB, name="reader", output_range=limit
        )
        part(IDS, tf.zeros_like(IDS), tf.constant([[2]]))
      elif role == "tagger":
        part = token_tagger.Tagger(config, VOCAB, len(entity_types.LABELS))
        part(IDS, tf.zeros_like(IDS))
      else:
        part = embedders.TwoTowers(config, config, VOCAB, synthetic.SEP)
        part(IDS, IDS)
      self.parts[role] = part
    for part in self.parts.values():
      for variable in part.trainable_variables:
        variable.assign_add(0.1 * tf.random.normal(variable.shape))


def make(kind, **changes):
  config = CONFIGS[kind](**changes)
  task = Task(kind, config)
  return config, task, optimizers.make_optimizer(config)


RUN_FIELDS = ("corpus", "vocab_sha256")


def split(changes):
  """Returns the changes of a RunConfig, and those of its task's config."""
  of_run = {name: changes.pop(name) for name in RUN_FIELDS if name in changes}
  return of_run, changes


def save_run(folder, kind, step=40, **changes):
  """A run with one checkpoint; returns its task."""
  of_run, changes = split(changes)
  config, task, adam = make(kind, **changes)
  run = synthetic.make_run(kind, config, **of_run)
  run_config.write_or_match(str(folder), run)
  state = training_checkpoints.TrainerState(str(folder), task, adam)
  state.step.assign(step)
  state.save()
  return task


def weights_of(part):
  return [v.numpy() for v in part.trainable_variables]


def equal(a, b):
  return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def initialize(kind, sources, **changes):
  """Starts a run from others; returns its task and the report."""
  of_run, changes = split(changes)
  config, task, _ = make(kind, **changes)
  run = synthetic.make_run(
    kind, config, init_checkpoint=",".join(map(str, sources)), **of_run
  )
  first_weights.check_sources(run, synthetic.make_tokenizer())
  return task, first_weights.initialize(task.parts, run)
