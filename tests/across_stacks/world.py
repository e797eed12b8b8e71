"""A folder with a file of every kind, written on one stack."""

import pathlib
import shutil

import numpy as np

from realm_tf.data.ingest import build
from realm_tf.data.sentences import annotate
from realm_tf.data.sentences import annotate_shards
from realm_tf.index.search import vector_index
from realm_tf.serving.export import export_run
from realm_tf.training.recipes import finetuning
from realm_tf.training.recipes import pretraining
from realm_tf.training.recipes import refresh_hook
from realm_tf.training.recipes import tagger_training
from tests import people
from tests import synthetic
from tests.end_to_end import tiny_runs

# As small as models can be: what is tested is that files are read.
_SMALL = {
  "hidden_size": 8,
  "intermediate_size": 16,
  "projection_size": 8,
  "batch_size": 4,
  "query_length": 24,
  "passage_length": 48,
  "max_positions": 80,
  "checkpoint_every_steps": 3,
  "evaluate_every_steps": 3,
  "summary_every_steps": 1,
  "eval_batches": 1,
  "train_steps": 6,
  "learning_rate": 1e-2,
}
PRETRAIN = synthetic.realm_config(
  # A tree, though there are few passages.
  **_SMALL,
  exact_search_below=1,
  num_leaves=4,
  leaves_to_search=4,
)
_FINETUNE = synthetic.orqa_config(
  **_SMALL, reader_length=80, retriever_beam=8, reader_beam=3, patience=0
)
_TAGGER = synthetic.tagger_config(
  hidden_size=8,
  intermediate_size=16,
  train_steps=60,
  evaluate_every_steps=60,
  checkpoint_every_steps=60,
  learning_rate=3e-2,
  patience=0,
)
KILLED_BEFORE = 3  # counted from 0: a checkpoint of 3 steps is there
_LABELLED = (
  "ann/B-PER ran/O to/O oslo/B-LOC ./O",
  "the/O cat/O sat/O in/O oslo/B-LOC ./O",
  "ann/B-PER sat/O far/O away/O ./O",
)


def write(root: pathlib.Path) -> None:
  """Writes the corpus, the runs and the exports."""
  articles = tiny_runs.write_articles(
    root / "articles.jsonl", tiny_runs.articles(16)
  )
  build.build(
    build.BuildOptions(
      inputs=[str(articles)],
      output=str(root / "corpus"),
      vocab_size=150,
      max_passage_tokens=48,
      num_shards=2,
    )
  )
  annotate.annotate(
    annotate.AnnotateOptions(
      corpus=str(root / "corpus"),
      tagger=annotate_shards.TaggerSettings(
        tagger="rules", gazetteer="", numbers=False
      ),
    )
  )
  pretrain(root, root / "finished")
  pretrain(root, root / "realm", killed_before=KILLED_BEFORE)
  finetune(root)
  export_run.run(
    export_run.ExportOptions(
      model_dir=str(root / "qa"), output=str(root / "served")
    )
  )
  train_tagger(root)
  rng = np.random.default_rng(0)
  vector_index.Searcher.build(
    rng.normal(size=(20, 4)).astype(np.float32), [f"v{i}" for i in range(20)]
  ).save(str(root / "vectors"))


def pretrain(
  root: pathlib.Path, model_dir: pathlib.Path, killed_before: int = -1
) -> None:
  """Pre-trains REALM, from the beginning or from the last checkpoint.

  Args:
    root: Has the corpus.
    model_dir: The run.
    killed_before: A step before which the process dies, so to say.
  """
  before_step = refresh_hook.RefreshHook.before_step

  def die(self, step, feed):
    if step == killed_before:
      raise KeyboardInterrupt
    before_step(self, step, feed)

  refresh_hook.RefreshHook.before_step = die
  try:
    pretraining.run(
      PRETRAIN,
      refresh_mode="off",
      corpus=str(root / "corpus"),
      pretrain_corpus="",
      init_checkpoint="",
      model_dir=str(model_dir),
      tpu="",
    )
  except KeyboardInterrupt:
    if killed_before < 0:
      raise
  finally:
    refresh_hook.RefreshHook.before_step = before_step


def finetune(root: pathlib.Path) -> None:
  """Fine-tunes on questions about the articles."""
  made = tiny_runs.articles(16)
  questions = people.write_jsonl(
    root / "questions.jsonl",
    [
      {
        "question": f"where was {article['title'].split()[0]} born?",
        "answer": [article["text"].split(" born in ")[1].split()[0]],
      }
      for article in made
    ],
  )
  finetuning.run(
    _FINETUNE,
    dataset=questions,
    dev_dataset=questions,
    corpus=str(root / "corpus"),
    init=str(root / "realm"),
    init_retriever="",
    init_reader="",
    rebuild_index=False,
    model_dir=str(root / "qa"),
    tpu="",
  )


def train_tagger(root: pathlib.Path) -> None:
  """Trains a tagger of names, and exports it."""
  data = root / "labelled"
  data.mkdir()
  rows = "\n\n".join(
    "\n".join(pair.replace("/", "\t") for pair in line.split())
    for line in _LABELLED
  )
  for split in ("train", "valid"):
    (data / f"{split}.conll").write_text(rows + "\n")
  tagger_training.run(
    _TAGGER,
    tagger_training.DataOptions(
      data=[str(data)], vocab=str(root / "corpus" / "vocab.txt")
    ),
    init_checkpoint="",
    model_dir=str(root / "tagger"),
    tpu="",
  )


def prune(root: pathlib.Path) -> None:
  """Removes what is not read, and all but the newest checkpoints."""
  shutil.rmtree(root / "finished")
  for model_dir in ("realm", "qa", "tagger"):
    for name in ("tensorboard", "index/.locks"):
      shutil.rmtree(root / model_dir / name, ignore_errors=True)
    checkpoints = root / model_dir / "checkpoints"
    newest = max(
      int(p.stem.partition("-")[2]) for p in checkpoints.glob("*.index")
    )
    for path in checkpoints.glob("ckpt-*"):
      if not path.name.startswith(f"ckpt-{newest}."):
        path.unlink()
