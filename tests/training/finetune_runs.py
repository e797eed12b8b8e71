"""Runs to fine-tune from, and fine-tuning as small as can be."""

import dataclasses
import json

import tensorflow as tf

from realm_tf.configs import run_config
from realm_tf.export import embedder as export_lib
from realm_tf.index import follow
from realm_tf.models import embedder
from realm_tf.models import reader as reader_lib
from realm_tf.training import checkpoints
from realm_tf.training import finetuning
from realm_tf.training import optimizer as optimizer_lib
from tests import synthetic

CONFIG = {
  "hidden_size": 32,
  "query_length": 12,
  "passage_length": 32,
  "reader_length": 40,
  "max_positions": 48,
  "retriever_beam": 8,
  "reader_beam": 3,
  "max_span_length": 4,
  "batch_size": 8,
  "train_steps": 8,
  "eval_batches": 1,
  "summary_every_steps": 1,
  "checkpoint_every_steps": 3,
  "evaluate_every_steps": 4,
  "patience": 0,
}
_ENCODER = ("hidden_size", "max_positions", "query_length", "passage_length")


def config_of(**changes):
  return synthetic.orqa_config(**(CONFIG | changes))


def write_jsonl(path, records):
  path.write_text(
    "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records)
  )
  return str(path)


def write_pretrained(folder, corpus, task, **changes):
  """A run of `pretrain` or `pretrain_ict` with random weights."""
  shape = {name: CONFIG[name] for name in _ENCODER} | changes
  make = {
    "pretrain": synthetic.realm_config,
    "pretrain_ict": synthetic.ict_config,
  }[task]
  config = make(**shape)
  size = corpus.tokenizer.vocab_size
  retriever = embedder.Retriever(config, size)
  one = tf.zeros([1, 8], tf.int32)
  retriever(one, one)
  parts = {"retriever": retriever}
  if task == "pretrain":
    parts["reader"] = reader_lib.MaskedLanguageModel(
      config, size, name="reader", output_range=config.query_length
    )
    parts["reader"](one, one, tf.zeros([1, 1], tf.int32))
  run = synthetic.make_run(
    task,
    config,
    corpus=corpus.path,
    corpus_fingerprint=corpus.fingerprint,
    vocab_sha256=corpus.tokenizer.sha256,
  )
  run_config.write_or_match(str(folder), run)

  @dataclasses.dataclass
  class Task:
    parts: dict

  state = checkpoints.TrainerState(
    str(folder), Task(parts), optimizer_lib.make_optimizer(config)
  )
  state.step.assign(40)
  state.save()
  if task == "pretrain":
    exporter = export_lib.Exporter(retriever, config.projection_size)
    exporter.save(str(folder), 30)
    options = follow.RefreshOptions(model_dir=str(folder))
    follow.run_job(options, follow.prepare(options, lambda line: None))
  return str(folder)


def run(world, model_dir, config, **changes):
  where = {
    "dataset": str(world / "questions.jsonl"),
    "dev_dataset": str(world / "questions.jsonl"),
    "corpus": str(world / "corpus"),
    "init": str(world / "realm"),
    "init_retriever": "",
    "init_reader": "",
    "rebuild_index": False,
    "model_dir": str(model_dir),
    "tpu": "",
  }
  return finetuning.run(config, **(where | changes))
