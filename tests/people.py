"""A corpus of a dozen passages on people, its questions, and its runs."""

import dataclasses
import json

import tensorflow as tf

from realm_tf.data.corpus import corpora
from realm_tf.data.ingest import build
from realm_tf.export import embedder_export
from realm_tf.index.job import follow
from realm_tf.models import embedders
from realm_tf.models import masked_lm
from realm_tf.runs import run_config
from realm_tf.training import optimizers
from realm_tf.training import training_checkpoints
from realm_tf.training.recipes import finetuning
from tests import synthetic

# Passages with accents: answers are taken from the text as it was written.
PEOPLE = "Ada Boris Clara Dmitri Elena Felix Greta Hugo".split()
PLACES = "Málaga,Besançon,São Paulo,Vienna,Oslo,Turin,Leiden,New York".split(
  ","
)
# Of some of the passages.
METADATA = {
  "Ada": {"url": "https://example.org/ada?a=1&b=<2>", "page": 3},
  "Boris": {"source": "böris.txt"},
}
YEARS = [1701, 1723, 1745, 1767, 1789, 1801, 1823, 1845]
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
  """A run of one of the pre-trainings, with random weights."""
  shape = {name: CONFIG[name] for name in _ENCODER} | changes
  make = {
    "pretrain": synthetic.realm_config,
    "pretrain_ict": synthetic.ict_config,
    "pretrain_mlm": synthetic.mlm_config,
  }[task]
  config = make(**shape)
  size = corpus.tokenizer.vocab_size
  parts: dict[str, tf.keras.Model] = {}
  if task != "pretrain_mlm":
    parts["retriever"] = embedders.TwoTowers(
      config, config, size, corpus.tokenizer.sep_id
    )
  if task != "pretrain_ict":
    limit = config.query_length if task == "pretrain" else None
    parts["reader"] = masked_lm.MaskedLanguageModel(
      config, size, name="reader", output_range=limit
    )
  run = synthetic.make_run(
    task,
    config,
    corpus=corpus.path,
    pretrain_corpus=corpus.path,
    corpus_fingerprint=corpus.fingerprint,
    vocab_sha256=corpus.tokenizer.sha256,
  )
  run_config.write_or_match(str(folder), run)

  @dataclasses.dataclass
  class Task:
    parts: dict

  state = training_checkpoints.TrainerState(
    str(folder), Task(parts), optimizers.make_optimizer(config)
  )
  state.step.assign(40)
  state.save()
  if task == "pretrain":
    exporter = embedder_export.Exporter(parts["retriever"], config)
    exporter.save(str(folder), 50)
    options = follow.RefreshOptions(model_dir=str(folder))
    follow.run_job(options, follow.prepare(options, lambda line: None))
  return str(folder)


def write_world(root):
  """Writes a corpus, its questions, and runs to start from."""
  # Keras draws the seeds of weights by Python's own generator.
  tf.keras.utils.set_random_seed(0)
  articles = [
    {
      "title": person,
      "text": f"{person} was born in {place} in {year} and taught there.",
      **METADATA.get(person, {}),
    }
    for person, place, year in zip(PEOPLE, PLACES, YEARS, strict=True)
  ]
  source = write_jsonl(root / "articles.jsonl", articles)
  build.build(
    build.BuildOptions(
      inputs=[source],
      output=str(root / "corpus"),
      vocab_size=300,
      max_passage_tokens=32,
      num_shards=2,
    )
  )
  corpus = corpora.Corpus.open(str(root / "corpus"))
  questions = [
    {
      "id": f"place-{person}",
      "question": f"where was {person} born?",
      "answer": [place],
    }
    for person, place in zip(PEOPLE, PLACES, strict=True)
  ]
  write_jsonl(root / "questions.jsonl", questions)
  write_jsonl(
    root / "regex.jsonl",
    [
      {
        "id": f"year-{person}",
        "question": f"when was {person} born?",
        "answer": [str(year)[:3] + r"\d"],
        "answer_type": "regex",
      }
      for person, year in zip(PEOPLE, YEARS, strict=True)
    ],
  )
  write_pretrained(root / "realm", corpus, "pretrain")
  write_pretrained(root / "ict", corpus, "pretrain_ict")


def write_other_corpus(folder, world):
  """Writes another corpus of the same vocabulary; returns its folder."""
  other = [{"title": "Ada", "text": "Ada was born in Oslo in 1800."}]
  build.build(
    build.BuildOptions(
      inputs=[write_jsonl(folder / "other.jsonl", other)],
      output=str(folder / "corpus"),
      vocab=str(world / "corpus/vocab.txt"),
      max_passage_tokens=32,
      num_shards=1,
    )
  )
  return str(folder / "corpus")


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


def overfit(world, model_dir):
  """Learns the questions by heart."""
  tf.keras.utils.set_random_seed(0)
  config = config_of(
    train_steps=200,
    learning_rate=5e-3,
    warmup_steps=10,
    evaluate_every_steps=50,
    checkpoint_every_steps=100,
    summary_every_steps=50,
  )
  return run(world, model_dir, config)
