"""A corpus of passages that name each other, questions, and a BERT for them."""

import json
import pathlib

import numpy as np
import tensorflow as tf

from realm_tf.data.corpus import passage_record
from tests import synthetic
from tests import written_corpus
from tests.checkpoints import formats

NAMES = "na nb nc nd ne nf".split()
WORDS = "wa wb wc wd we wf".split()
# Of each passage: its own name, the answer, and the next one's name.
TEXTS = [
  (name, f"{name} wg {word} wh {NAMES[(i + 1) % 6]} .")
  for i, (name, word) in enumerate(zip(NAMES, WORDS, strict=True))
]


def write(folder):
  """Writes corpus, questions and BERT below a folder."""
  tokenizer = synthetic.make_tokenizer()
  ids = [
    tokenizer.tokenize(tf.constant(column)).to_list()
    for column in zip(*TEXTS, strict=True)
  ]
  passages = [
    passage_record.Passage(*text, *(np.array(i, np.int32) for i in both))
    for text, *both in zip(TEXTS, *ids, strict=True)
  ]
  written_corpus.write(folder / "corpus", [passages], synthetic.VOCABULARY)
  for split in ("train", "dev", "test"):
    lines = [
      json.dumps({"question": f"{name} wg", "answer": [word]}) + "\n"
      for name, word in zip(NAMES, WORDS, strict=True)
    ]
    (folder / f"questions.{split}.jsonl").write_text("".join(lines))
  size = len(synthetic.VOCABULARY)
  bert = formats.hugging_face(
    folder / "bert", formats.resized(size), vocab_size=size
  )
  (bert / "vocab.txt").write_text("\n".join(synthetic.VOCABULARY) + "\n")
  return folder


def fields(root, name, **changes):
  """Options of a small run that all baselines with encoders take."""
  return {
    "bert": str(root / "bert"),
    "corpus": str(root / "corpus"),
    "dataset": f"{root}/questions.{{split}}.jsonl",
    "model_dir": str(root / name),
    "query_length": 6,
    "reader_length": 16,
    "max_span_length": 3,
    "span_hidden_size": 16,
    "dropout": 0.1,
    "batch_size": 6,
    "train_steps": 60,
    "learning_rate": 3e-3,
    "warmup_steps": 5,
    "seeds": 2,
    "seed": 3,
  } | changes


def forget_steps_after(step, options):
  """Leaves what a run had saved that was killed after some steps."""
  folder = pathlib.Path(options.model_dir, "checkpoints")
  for path in folder.glob(f"ckpt-{options.train_steps}.*"):
    path.unlink()
  names = ("model_checkpoint_path", "all_model_checkpoint_paths")
  lines = [f'{name}: "ckpt-{step}"\n' for name in names]
  (folder / "checkpoint").write_text("".join(lines))
