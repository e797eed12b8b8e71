"""Tiny corpora on disk, configs of one layer, and commands as processes."""

import json
import os
import pathlib
import random
import sys
import threading
import time

import tensorflow as tf

from tests import forked_commands

_FIRST = "Ada Boris Clara Dmitri Elena Felix Greta Hugo Irma Jonas".split()
_LAST = "Abel Brandt Corti Duval Ekman Fermi Galois Hale Ivens Jung".split()
_CITIES = "Lisbon Vienna Prague Oslo Geneva Turin Bergen Leiden".split()
_WORKS = "symphony telescope atlas grammar bridge novel engine".split()

# One layer of 16: what is tested is what happens around the model.
MODEL = {
  "num_layers": 1,
  "hidden_size": 16,
  "num_heads": 2,
  "intermediate_size": 32,
  "max_positions": 64,
  "query_length": 24,
  "passage_length": 40,
  "batch_size": 8,
  "precision": "float32",
  "heldout_fraction": 0.2,
  "warmup_steps": 2,
  "eval_batches": 1,
  "summary_every_steps": 1,
}
_PASSAGE_TOKENS = 40


def articles(count, seed=0):
  """Returns `count` articles of dated facts, as JSON objects."""
  rng = random.Random(seed)
  made = []
  for number in range(count):
    first, last = _FIRST[number % 10], _LAST[number // 10 % 10]
    name, city = f"{first} {last}", rng.choice(_CITIES)
    other, work = rng.choice(_CITIES), rng.choice(_WORKS)
    year = 1700 + 3 * number
    sentences = [
      f"{name} was born in {city} in {year}.",
      f"In {year + 30} {last} finished a {work} that was shown in {other}.",
      f"The {work} of {name} made {city} known.",
      f"After {year + 40} {last} lived in {other} and taught there.",
      f"Of the teachers in {other}, {name} was the most admired.",
    ]
    made.append({"title": f"{name} {number}", "text": " ".join(sentences)})
  return made


def write_articles(path, made):
  """Writes articles as JSONL."""
  path = pathlib.Path(path)
  path.write_text("".join(json.dumps(a) + "\n" for a in made))
  return path


def build_corpus(folder, made, *, vocab=None, annotated=True):
  """Builds a corpus in this process; returns its folder."""
  from realm_tf.data.ingest import build
  from realm_tf.data.sentences import annotate
  from realm_tf.data.sentences import annotate_shards

  folder = pathlib.Path(folder)
  source = write_articles(folder.with_suffix(".jsonl"), made)
  build.build(
    build.BuildOptions(
      inputs=[str(source)],
      output=str(folder),
      vocab=vocab and str(vocab),
      vocab_size=600,
      max_passage_tokens=_PASSAGE_TOKENS,
      num_shards=2,
    )
  )
  if annotated:
    tagger = annotate_shards.TaggerSettings(
      tagger="rules", gazetteer="", numbers=False
    )
    annotate.annotate(
      annotate.AnnotateOptions(corpus=str(folder), tagger=tagger)
    )
  return folder


def config_flags(**changes):
  """Returns the flags that make the tiny preset as small as `MODEL`."""
  fields = MODEL | changes
  return [f"--config.{name}={value}" for name, value in fields.items()]


def environment(first_folder=""):
  """Returns the environment of a command.

  Args:
    first_folder: Where Python looks for modules first; "" for no such folder.
  """
  paths = [str(first_folder), os.environ.get("PYTHONPATH")]
  return os.environ | {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_USE_LEGACY_KERAS": "1",
    "PYTHONPATH": os.pathsep.join(filter(None, paths)),
  }


def argv(command, *flags):
  """Returns what starts a command cold, as a user does."""
  module = f"realm_tf.launch.{command}"
  return [sys.executable, "-m", module, *map(str, flags)]


def run(command, *flags, quickly=False):
  """Runs a command to its end, which must be a good one; returns stdout.

  Args:
    command: Its name.
    *flags: Its flags.
    quickly: See `forked_commands.run`.
  """
  done = forked_commands.run(command, flags, environment(), quickly=quickly)
  assert done["status"] == 0, done["stdout"][-2000:] + done["stderr"][-4000:]
  return done["stdout"]


def scalars(model_dir, split):
  """Returns {name: {step: value}} of a run; the last value of a step counts.

  Args:
    model_dir: The run.
    split: "train" or "eval".
  """
  folder = pathlib.Path(model_dir) / "tensorboard" / split
  # File names begin with the time: a later process's file comes later.
  read = {}
  for path in sorted(folder.glob("events.*"), key=lambda p: p.name):
    try:
      for event in tf.compat.v1.train.summary_iterator(str(path)):
        for value in event.summary.value:
          number = float(tf.make_ndarray(value.tensor))
          read.setdefault(value.tag, {})[event.step] = number
    except tf.errors.DataLossError:
      continue  # kill -9 cuts the last record short.
  return read


def processes_of(model_dir):
  """Returns the command lines of living processes that name a run."""
  found = []
  for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
    try:
      line = path.read_bytes().replace(b"\0", b" ").decode()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
      continue
    if f"--model_dir={model_dir}" in line:
      found.append(line)
  return found


def until_gone(model_dir, deadline_secs=60):
  """Waits until no process of the run lives."""
  pause, started = threading.Event(), time.monotonic()
  while processes_of(model_dir):
    assert time.monotonic() - started < deadline_secs, processes_of(model_dir)
    pause.wait(0.1)
