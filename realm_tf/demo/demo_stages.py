"""The steps of the demo; each does the same as the command that it prints."""

import logging
import os
import random
import time

from realm_tf.answering.retrievers import retriever_names
from realm_tf.configs import loading
from realm_tf.data.ingest import build
from realm_tf.data.questions import qa_datasets
from realm_tf.data.questions import qa_splits
from realm_tf.data.sentences import annotate
from realm_tf.data.sentences import annotate_shards
from realm_tf.demo import settings
from realm_tf.evaluation import evaluation_options
from realm_tf.evaluation import evaluation_run
from realm_tf.evaluation import scoring
from realm_tf.serving.export import export_run
from realm_tf.training.recipes import finetuning
from realm_tf.training.recipes import pretraining
from realm_tf.training.recipes import warm_start

_log = logging.getLogger(__name__)

QUESTIONS = 500
SERVED = "served"
_QUESTIONS_FILE = "questions.jsonl"
_BERT = os.path.relpath(settings.BERT)


class Stages:
  """Runs the steps in one folder and times them.

  Attributes:
    output: The folder.
    seed: Of all trainings.
    secs: Seconds of each finished step, by name.
  """

  def __init__(self, output: str, seed: int):
    """Takes the folder and the seed.

    Args:
      output: The folder.
      seed: Of all trainings.

    Raises:
      errors.UserError: If a config takes no such seed.
    """
    self.output = output
    self.seed = seed
    self._configs = {
      task: loading.load(task, "tiny", {"seed": seed})
      for task in ("pretrain_mlm", "pretrain_ict", "pretrain", "finetune")
    }
    self.secs: dict[str, float] = {}
    self._started = time.monotonic()

  def path(self, name: str) -> str:
    """Returns a path in the folder."""
    return os.path.join(self.output, name)

  def build_corpus(self) -> None:
    """Writes the encyclopedia as a corpus with its own vocabulary."""
    self._announce(
      "build_corpus",
      f"--input=encyclopedia:{settings.KINDS}",
      f"--vocab_size={settings.VOCAB_SIZE}",
      f"--output={self.path('corpus')}",
    )
    build.build(
      build.BuildOptions(
        inputs=[f"encyclopedia:{settings.KINDS}"],
        output=self.path("corpus"),
        vocab_size=settings.VOCAB_SIZE,
      )
    )
    self._done("build_corpus")

  def annotate_spans(self) -> None:
    """Finds the salient spans."""
    self._announce(
      "annotate_spans",
      f"--corpus={self.path('corpus')}",
      "--tagger=rules",
      "--gazetteer=titles",
    )
    annotate.annotate(
      annotate.AnnotateOptions(
        corpus=self.path("corpus"),
        tagger=annotate_shards.TaggerSettings(
          tagger="rules", gazetteer="titles"
        ),
      )
    )
    self._done("annotate_spans")

  def write_questions(self) -> None:
    """Writes questions of the test split as JSONL, drawn by the seed."""
    asked = qa_splits.load(f"encyclopedia:{settings.KINDS}", "test").examples
    drawn = random.Random(self.seed).sample(asked, QUESTIONS)
    path = self.path(_QUESTIONS_FILE)
    qa_datasets.write(path, drawn)
    _log.info(
      f"\nWrote {path}: {QUESTIONS} of the {len(asked):,} test questions."
    )

  def questions(self, count: int) -> list[str]:
    """Returns the first of the questions that were written."""
    asked = qa_splits.load(self.path(_QUESTIONS_FILE), "test").examples
    return [example.question for example in asked[:count]]

  def pretrain_mlm(self) -> str:
    """Trains a BERT; returns the command that does the same."""
    return self._warm_start("pretrain_mlm", "mlm", "")

  def pretrain_ict(self) -> str:
    """Warms the retriever up; returns the command that does the same."""
    return self._warm_start("pretrain_ict", "ict", _BERT)

  def _warm_start(self, task: str, name: str, init: str) -> str:
    where = self._where(name, init)
    command = self._announce(task, *self._flags(where))
    warm_start.run(task, self._configs[task], **where)
    self._done(task)
    return command

  def pretrain(self, retrieval: str) -> pretraining.Pretrained:
    """Pre-trains REALM, with recall on the held-out questions.

    Args:
      retrieval: See `pretraining.run`.
    """
    where = self._where("realm", f"{_BERT},{self.path('ict')}")
    questions = self.path(_QUESTIONS_FILE)
    self._announce(
      "pretrain",
      *self._flags(where),
      f"--questions={questions}",
      *([] if retrieval == "host" else [f"--retrieval={retrieval}"]),
    )
    pretrained = pretraining.run(
      self._configs["pretrain"],
      refresh_mode="local",
      retrieval=retrieval,
      questions=questions,
      **where,
    )
    self._done("pretrain")
    return pretrained

  def finetune(self) -> None:
    """Fine-tunes on the questions of the train split."""
    where = {
      "dataset": f"encyclopedia:{settings.KINDS}",
      "corpus": self.path("corpus"),
      "init": self.path("realm"),
      "model_dir": self.path("qa"),
    }
    self._announce("finetune", *self._flags(where))
    finetuning.run(
      self._configs["finetune"],
      dev_dataset="",
      init_retriever="",
      init_reader="",
      rebuild_index=False,
      tpu="",
      **where,
    )
    self._done("finetune")

  def evaluate(self) -> dict[str, scoring.Scores]:
    """Asks the held-out questions: its own retriever, BM25, closed book."""
    options = evaluation_options.Options(
      dataset=self.path(_QUESTIONS_FILE),
      model_dir=self.path("qa"),
      retriever=(
        retriever_names.DENSE,
        retriever_names.BM25,
        retriever_names.NONE,
      ),
    )
    self._announce(
      "evaluate",
      f"--dataset={options.dataset}",
      f"--model_dir={options.model_dir}",
      f"--retriever={','.join(options.retriever)}",
    )
    scores = evaluation_run.run(options)
    self._done("evaluate")
    return scores

  def export(self) -> str:
    """Exports the fine-tuned run; returns the folder of the version."""
    options = export_run.ExportOptions(
      model_dir=self.path("qa"), output=self.path(SERVED)
    )
    self._announce(
      "export",
      f"--model_dir={options.model_dir}",
      f"--output={options.output}",
    )
    folder = export_run.run(options)
    self._done("export")
    return folder

  def _where(self, name: str, init: str) -> dict[str, str]:
    return {
      "corpus": self.path("corpus"),
      "pretrain_corpus": "",
      "init_checkpoint": init,
      "model_dir": self.path(name),
      "tpu": "",
    }

  def _flags(self, where: dict[str, str]) -> list[str]:
    given = [f"--{name}={value}" for name, value in where.items() if value]
    return ["--config=tiny", *given, f"--seed={self.seed}"]

  def _announce(self, name: str, *flags: str) -> str:
    self._started = time.monotonic()
    command = f"python -m realm_tf.launch.{name} {' '.join(flags)}"
    _log.info(f"\n$ {command}")
    return command

  def _done(self, name: str) -> None:
    self.secs[name] = time.monotonic() - self._started
    _log.info(f"({self.secs[name]:.0f} s)")
