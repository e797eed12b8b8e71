"""A released REALM of random weights answers as transformers has it answer.

REALM_TF_PEER_PYTHON names a Python that has torch and transformers
(docs/warm_starts.md says which).
"""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_text  # noqa: F401  (ops of the export)

from realm_tf.answering import open_qa
from realm_tf.checkpoints import comparison
from realm_tf.checkpoints import realm_comparison
from realm_tf.data.corpus import corpora
from realm_tf.data.examples import packing
from tests.checkpoints import google_realm_folders
from tests.checkpoints import realm_folders

_ROOT = pathlib.Path(__file__).resolve().parents[2]
BLOCKS, QUESTIONS, SEED = 2_000, 200, 11


def run(command, **flags):
  """Runs a command to its good end."""
  given = [f"--{name}={value}" for name, value in flags.items()]
  done = subprocess.run(
    [sys.executable, "-m", f"realm_tf.launch.{command}", *given],
    cwd=_ROOT,
    env=os.environ | {"PYTHONPATH": str(_ROOT)},
    capture_output=True,
    text=True,
    timeout=300,
  )
  assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture(scope="module")
def peer():
  """The Python that has torch and transformers."""
  path = os.environ.get("REALM_TF_PEER_PYTHON")
  if not path:
    pytest.skip("needs REALM_TF_PEER_PYTHON, a Python with transformers")
  return path


def texts(rng, count, most):
  """Words of up to four letters and digits, each of which is a wordpiece."""
  letters = [*"abcdefghijklmnopqrstuvwxyz0123456789"]
  return [
    " ".join(
      "".join(rng.choice(letters, size=rng.integers(1, 5)))
      for _ in range(rng.integers(2, most))
    )
    for _ in range(count)
  ]


@pytest.fixture(scope="module")
def world(tmp_path_factory, peer):
  """Both layouts of the same weights, their passages, questions, and runs."""
  root = tmp_path_factory.mktemp("released")
  rng = np.random.default_rng(SEED)
  # With a title, none is longer than passages may be; with a question, some
  # are longer than the reader's rows.
  blocks, questions = texts(rng, BLOCKS, 9), texts(rng, QUESTIONS, 5)
  size = [BLOCKS, realm_folders.SIZE]
  vectors = rng.normal(size=size).astype(np.float32)
  hugging_face = realm_folders.write(
    root / "openqa",
    realm_folders.openqa(vectors),
    pickled=True,
    num_block_records=BLOCKS,
  )
  records = np.empty(BLOCKS, object)
  records[:] = [block.encode() for block in blocks]
  np.save(hugging_face / "block_records.npy", records)
  tower = realm_folders.write(root / "tower", realm_folders.embedder(9))
  google_realm_folders.embedder(
    root / "embedder", realm_folders.embedder(9), vectors
  )
  google_realm_folders.finetuned(root / "orqa", num_block_records=BLOCKS)
  for name, values in (("blocks", blocks), ("titles", ["a"] * BLOCKS)):
    with tf.io.TFRecordWriter(str(root / f"{name}.tfr")) as writer:
      for value in values:
        writer.write(value.encode())
  lines = [
    json.dumps({"id": str(n), "question": question})
    for n, question in enumerate(questions)
  ]
  (root / "questions.jsonl").write_text("\n".join(lines) + "\n")
  for corpus, inputs, run_, source, passage_tower in (
    ("hf_corpus", hugging_face / "block_records.npy", "hf", "openqa", tower),
    (
      "corpus",
      f"{root}/blocks.tfr,{root}/titles.tfr",
      "google",
      "orqa",
      root / "embedder",
    ),
  ):
    vocab = hugging_face / "vocab.txt"
    run("build_corpus", input=inputs, vocab=vocab, output=root / corpus)
    run(
      "import_checkpoint",
      source=root / source,
      passage_tower=passage_tower,
      corpus=root / corpus,
      output=root / run_,
    )
  return root, blocks, questions


@pytest.fixture(scope="module")
def answers(world, peer):
  """What transformers answers: rows of passages, and wordpieces."""
  root, blocks, questions = world
  tokenizer = corpora.Corpus.open(str(root / "hf_corpus")).tokenizer
  token_ids = packing.pack_queries(
    tokenizer.tokenize(tf.constant(questions)), 64, tokenizer
  )
  raw = [block.encode() for block in blocks]
  given = {
    "texts": np.frombuffer(b"".join(raw), np.uint8),
    "edges": np.cumsum([0, *map(len, raw)]),
    "token_ids": token_ids.numpy(),
  }
  program, found = comparison.run_peer(
    realm_comparison.ANSWERS_PEER, str(root / "openqa"), given, peer
  )
  assert found, program
  return [
    (blocks[row], [id for id in ids.tolist() if id])
    for row, ids in zip(found["rows"], found["answer_ids"], strict=True)
  ]


@pytest.mark.parametrize("name", ["hf", "google"])
def test_evaluate_answers_as_transformers(world, answers, name):
  root, _, questions = world
  tokenizer = corpora.Corpus.open(str(root / "hf_corpus")).tokenizer
  output = root / f"{name}_evaluation"
  run(
    "evaluate",
    model_dir=root / name,
    dataset=root / "questions.jsonl",
    output=output,
  )
  lines = (output / "predictions.jsonl").read_text().splitlines()
  predictions = {p["id"]: p for p in map(json.loads, lines)}
  assert len(predictions) == len(questions)
  for number, (passage, ids) in enumerate(answers):
    found = predictions[str(number)]
    assert found["passage_text"] == passage
    pieces, starts, limits = (
      part.to_list()[0] for part in tokenizer.tokenize_with_offsets([passage])
    )
    start, limit = found["span"]
    assert ids == [
      piece
      for piece, first, last in zip(pieces, starts, limits, strict=True)
      if start <= first and last <= limit
    ]


def test_the_export_answers_as_the_run(world, answers):
  root, _, questions = world
  output = root / "export"
  run("export", model_dir=root / "hf", output=output, num_answers=1)
  served = tf.saved_model.load(str(output / "1")).signatures["answer"]
  made = served(question=tf.constant(questions))
  passages = [text.decode() for text in made["passage"].numpy()[:, 0]]
  assert passages == [passage for passage, _ in answers]
  found = open_qa.OpenQA.from_run(str(root / "hf"))(questions)
  assert [answer.decode() for answer in made["answer"].numpy()[:, 0]] == [
    answer.answer for answer in found
  ]
