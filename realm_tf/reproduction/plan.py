"""Steps of a table: commands of this package, and what they leave behind.

A step is known by its name: two rows that name the same step share it.
Without TensorFlow.
"""

import dataclasses
import os
import shlex
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping

from realm_tf.reproduction import scales
from realm_tf.runs import run_folder


@dataclasses.dataclass(frozen=True)
class Step:
  """One command.

  Attributes:
    name: Its place in the output's folder, such as "seed-0/realm".
    command: A module in `realm_tf.launch`.
    flags: Their values, by name.
    files: What is there once it is done.
    needs: The steps whose files it reads.
  """

  name: str
  command: str
  flags: Mapping[str, str]
  files: tuple[str, ...]
  needs: tuple["Step", ...] = ()

  @property
  def argv(self) -> list[str]:
    """The module and its flags, as `python -m` takes them."""
    flags = [f"--{name}={value}" for name, value in self.flags.items()]
    return [f"realm_tf.launch.{self.command}", *flags]

  @property
  def line(self) -> str:
    """The command, ready to paste."""
    return shlex.join(["python", "-m", *self.argv])


@dataclasses.dataclass(frozen=True)
class Figure:
  """A figure that a step writes.

  Attributes:
    step: The step; an `evaluate`, or a `knn_lm`.
    name: Of the figure in its summary.json, such as "exact_match".
    factor: From the figure to the table's; a share becomes percent.
  """

  step: Step
  name: str
  factor: float = 100.0


def in_order(steps: Iterable[Step]) -> Iterator[Step]:
  """Yields steps with all that they need before them, each once.

  Raises:
    ValueError: If two steps have one name.
  """
  seen: dict[str, Step] = {}

  def visit(step: Step) -> Iterator[Step]:
    if step.name in seen:
      if seen[step.name] != step:
        raise ValueError(f"Two steps are called {step.name}.")
      return
    seen[step.name] = step
    for needed in step.needs:
      yield from visit(needed)
    yield step

  for step in steps:
    yield from visit(step)


class Planner:
  """Makes the steps of one seed.

  Attributes:
    scale: The settings.
    seed: Of all trainings.
  """

  def __init__(
    self,
    scale: scales.Scale,
    seed: int,
    output: str,
    *,
    tpu: str = "",
    where: Mapping[str, str] | None = None,
  ):
    """Takes the settings.

    Args:
      scale: The settings.
      seed: Of all trainings.
      output: Folder of all that is written.
      tpu: Where trainings and evaluations run; see `devices.make_strategy`.
      where: The folders that questions are read from, by flag.
    """
    self.scale = scale
    self.seed = seed
    self._output = output
    self._tpu = {"tpu": tpu} if tpu else {}
    self._where = dict(where or {})

  def sentences(self) -> Step:
    """Returns the annotated knowledge corpus, Z."""
    return self._sentences("corpus", self.scale.corpus)

  def other_sentences(self) -> Step:
    """Returns the annotated text X that stands apart from Z."""
    return self._sentences("other_corpus", self.scale.other_corpus)

  def ict(self) -> Step:
    """Returns the baseline's retriever, which REALM starts from, too."""
    return self._pretraining(
      "ict", "pretrain_ict", self.scale.bert, {}, (self.sentences(),)
    )

  def realm(
    self,
    name: str = "realm",
    fields: Mapping[str, str] | None = None,
    *,
    other: bool = False,
  ) -> Step:
    """Returns a pre-training of REALM.

    Args:
      name: Of the run.
      fields: Of its config, that tell it from the paper's method.
      other: Whether it learns from the sentences of the other text.
    """
    needs: tuple[Step, ...] = (self.sentences(), self.ict())
    more = {f"config.{key}": value for key, value in (fields or {}).items()}
    if other:
      needs = (*needs, self.other_sentences())
      more["pretrain_corpus"] = self._path("other_corpus")
    init = f"{self.scale.bert},{self._path(self.ict().name)}"
    return self._pretraining(name, "pretrain", init, more, needs)

  def finetuning(
    self,
    name: str,
    column: str,
    *,
    retriever: Step | None,
    reader: Step | None,
    fields: Mapping[str, str] | None = None,
  ) -> Step:
    """Returns a fine-tuning.

    Args:
      name: Of the run, before the dataset's.
      column: Which dataset it is on; a key of `scale.datasets`.
      retriever: The run that the retriever comes from; None for BM25.
      reader: The run that the reader comes from; None for BERT.
      fields: Of its config, that tell it from the paper's.
    """
    sources = {"init_reader": self._path(reader.name) if reader else ""}
    sources["init_reader"] = sources["init_reader"] or self.scale.bert
    if retriever is not None:
      sources["init_retriever"] = self._path(retriever.name)
    return self._training(
      f"{name}-{column}",
      "finetune",
      {"dataset": self.scale.datasets[column]}
      | sources
      | {f"config.{key}": value for key, value in (fields or {}).items()}
      | self._where,
      (self.sentences(), *(step for step in (retriever, reader) if step)),
    )

  def evaluation(
    self, of: Step, column: str, split: str, *, retrieval_only: bool = False
  ) -> Step:
    """Returns an evaluation.

    Args:
      of: The run that is asked.
      column: Which dataset; a key of `scale.datasets`.
      split: Of the dataset.
      retrieval_only: Whether recall alone is measured.
    """
    name = f"{of.name}-{split}-answers"
    if retrieval_only:
      name = f"{of.name}-{split}-recall-{column}"
    output = self._path(name)
    flags = {
      "dataset": self.scale.datasets[column],
      "split": split,
      "model_dir": self._path(of.name),
      "output": output,
    }
    if retrieval_only:
      flags["retrieval_only"] = "true"
    return Step(
      name,
      "evaluate",
      flags | self._where | self._tpu,
      (os.path.join(output, "summary.json"),),
      (of,),
    )

  def baseline(
    self,
    command: str,
    column: str,
    split: str,
    *,
    name: str = "",
    closed_book: bool = False,
  ) -> Step:
    """Returns an evaluation of what a baseline has answered.

    Args:
      command: That trains and asks it.
      column: Which dataset; a key of `scale.datasets`.
      split: Of the dataset.
      name: Of the baseline, a key of `scale.baselines`; by default the
        command.
      closed_book: Whether it learns from the corpus's annotated sentences, and
        retrieves nothing that could be judged.
    """
    flags = self.scale.baselines[name or command]
    name = f"seed-{self.seed}/{name or command}-{column}"
    folder = self._path(name)
    asked = {"dataset": self.scale.datasets[column], "split": split}
    corpus = {"corpus": self._path("corpus")}
    predictions = os.path.join(folder, f"predictions.{split}.jsonl")
    needed = self.sentences()
    if not closed_book:
      needed = needed.needs[0]  # What builds the corpus.
    answered = Step(
      name,
      command,
      asked
      | corpus
      | self._where
      | {"model_dir": folder, "seed": str(self.seed)}
      | dict(flags),
      (predictions,),
      (needed,),
    )
    output = self._path(f"{name}-{split}-answers")
    judged = {} if closed_book else corpus
    return Step(
      f"{name}-{split}-answers",
      "evaluate",
      asked
      | judged
      | self._where
      | {"predictions": predictions, "output": output},
      (os.path.join(output, "summary.json"),),
      (answered,),
    )

  def knn_lm(self) -> Step:
    """Returns kNN-LM on the reader of REALM, both measured."""
    realm, name = self.realm(), f"seed-{self.seed}/knn_lm"
    return Step(
      name,
      "knn_lm",
      {"model_dir": self._path(realm.name), "output": self._path(name)}
      | dict(self.scale.baselines["knn_lm"]),
      (os.path.join(self._path(name), "knn_lm.json"),),
      (realm,),
    )

  def _sentences(self, name: str, flags: Mapping[str, str]) -> Step:
    folder = self._path(name)
    built = Step(
      name,
      "build_corpus",
      {**flags, "output": folder},
      (os.path.join(folder, "manifest.json"),),
    )
    how: dict[str, str] = {"tagger": "rules", "gazetteer": "titles"}
    needs: tuple[Step, ...] = (built,)
    if self.scale.conll:
      how = {"tagger": self._path("tagger")}
      needs = (built, self._tagger())
    return Step(
      f"{name}-sentences",
      "annotate_spans",
      {"corpus": folder, **how},
      (os.path.join(folder, "sentences", "manifest.json"),),
      needs,
    )

  def _tagger(self) -> Step:
    folder = self._path("tagger")
    return Step(
      "tagger",
      "train_tagger",
      {
        "config": self.scale.preset,
        "data": self.scale.conll,
        "init_checkpoint": self.scale.bert,
        "model_dir": folder,
      }
      | self._tpu,
      (os.path.join(folder, "exports", "tagger", "manifest.json"),),
    )

  def _pretraining(
    self,
    name: str,
    command: str,
    init: str,
    flags: Mapping[str, str],
    needs: tuple[Step, ...],
  ) -> Step:
    return self._training(
      name, command, {**flags, "init_checkpoint": init}, needs
    )

  def _training(
    self,
    name: str,
    command: str,
    flags: Mapping[str, str],
    needs: tuple[Step, ...],
  ) -> Step:
    name = f"seed-{self.seed}/{name}"
    folder = self._path(name)
    fields = self.scale.fields.get(command, {})
    return Step(
      name,
      command,
      {"config": self.scale.preset, "corpus": self._path("corpus")}
      | {f"config.{key}": str(value) for key, value in fields.items()}
      | dict(flags)
      | {"model_dir": folder, "seed": str(self.seed)}
      | self._tpu,
      (os.path.join(run_folder.RunFolder(folder).checkpoints, "checkpoint"),),
      needs,
    )

  def _path(self, name: str) -> str:
    return os.path.join(self._output, name)
