"""Runs `train_tagger`: trains, keeps the best, reports, exports."""

import dataclasses
import logging
from collections.abc import Sequence

import tensorflow as tf

from realm_tf import errors
from realm_tf import files
from realm_tf import suggestions
from realm_tf.checkpoints.formats import own_run
from realm_tf.configs import schema
from realm_tf.data.ingest import sources
from realm_tf.data.tagging import conll
from realm_tf.data.tagging import tagging_examples
from realm_tf.data.tagging import tagging_sources
from realm_tf.evaluation import entities
from realm_tf.export import tagger_export
from realm_tf.plans import host_memory
from realm_tf.runs import run_config
from realm_tf.text import model_tagger
from realm_tf.text import wordpiece
from realm_tf.training import loop
from realm_tf.training import training_checkpoints
from realm_tf.training.init import first_weights
from realm_tf.training.recipes import run_setup
from realm_tf.training.tasks import tagging_task

_log = logging.getLogger(__name__)

REPORT = "evaluation.json"
_F1 = "f1"


@dataclasses.dataclass(frozen=True)
class DataOptions:
  """The training data of a tagger.

  Attributes:
    data: Folders and CoNLL files; see `tagging_sources.load`.
    valid: Those whose valid split decides which weights are best; `data` if
      there are none.
    repair_labels: Whether labels that do not follow their scheme are put right.
    vocab: A BERT vocabulary; if empty, that of `init_checkpoint`, which it may
      not differ from.
  """

  data: Sequence[str]
  valid: Sequence[str] = ()
  repair_labels: bool = False
  vocab: str = ""


def run(
  config: schema.TaskConfig,
  options: DataOptions,
  *,
  init_checkpoint: str,
  model_dir: str,
  tpu: str,
) -> dict[str, entities.Score]:
  """Trains a tagger, evaluates its best weights, and exports them.

  Args:
    config: The settings, of `train_tagger`.
    options: The training data.
    init_checkpoint: Where first weights come from: one source, or "".
    model_dir: The run's folder.
    tpu: See `devices.make_strategy`.

  Returns:
    The scores of the best weights on the valid split that decides.

  Raises:
    errors.UserError: If anything that the flags name does not fit.
  """
  if not isinstance(config, schema.TaggerConfig):
    raise TypeError(f"`config` must be a TaggerConfig, got {config!r}.")
  tokenizer = _tokenizer(options.vocab, init_checkpoint)
  data = tagging_sources.load(options.data, repair=options.repair_labels)
  deciding = data.splits[tagging_sources.VALID]
  if options.valid:
    deciding = tagging_sources.load_split(
      options.valid, tagging_sources.VALID, repair=options.repair_labels
    )
  this_run = run_config.RunConfig(
    task=tagging_task.TaggingTask.name,
    config=config,
    corpus=",".join(options.data),
    corpus_fingerprint=data.fingerprint,
    vocab_sha256=tokenizer.sha256,
    pretrain_corpus=",".join(options.valid),
    init_checkpoint=init_checkpoint,
  )
  # A tagger is small: one host trains it, whatever the cluster.
  strategy = run_setup.find_devices(config, tpu, join_cluster=False)
  if not run_config.check(model_dir, this_run):
    first_weights.check_sources(this_run, tokenizer)
  run_setup.prepare_devices(config, strategy)
  train, valid = (
    tagging_examples.TaggingExamples(sentences, config, tokenizer)
    for sentences in (
      data.sentences(tagging_sources.TRAIN),
      [s for file in deciding for s in file.sentences],
    )
  )
  with strategy.scope():
    task = tagging_task.TaggingTask(config, tokenizer, train, valid)
  setup = run_setup.Setup(this_run, model_dir, strategy)
  run_setup.print_plan(
    setup,
    task,
    _lines(data, train, deciding),
    _repaired(data),
    host_memory.HostBytes(examples=train.num_bytes),
  )
  hook = TaggerHook(task, setup, config, valid, deciding)
  with run_setup.claimed(setup):
    own_run.write_tokenizer(model_dir, tokenizer)
    loop.train(task, this_run, model_dir, strategy, hook)
    step = hook.restore_best()
    scores = hook.evaluate()
    heldout = [
      *deciding,
      *data.splits[tagging_sources.VALID],
      *data.splits[tagging_sources.TEST],
    ]
    _report(hook, config, tokenizer, heldout, model_dir, step)
    folder = tf.io.gfile.join(model_dir, *model_tagger.EXPORT_FOLDER)
    tagger_export.save(folder, task.tagger, tokenizer, config, step)
  _log.info(
    f"Wrote {model_dir}: best weights, of step {step}, with F1 "
    f"{scores[entities.ALL].f1:.4f}; {REPORT}; {folder}. Next:\n"
    f"  {_next(model_dir)}"
  )
  return scores


class TaggerHook(loop.Hook):
  """Measures F1, keeps the best weights, and stops when none are better."""

  def __init__(
    self,
    task: tagging_task.TaggingTask,
    setup: run_setup.Setup,
    config: schema.TaggerConfig,
    valid: tagging_examples.TaggingExamples,
    files_of_valid: Sequence[conll.ConllFile],
  ):
    """Takes the task, and the sentences that decide which weights are best.

    Args:
      task: The model.
      setup: The run.
      config: Its settings.
      valid: The sentences.
      files_of_valid: Where they are from.
    """
    self._task = task
    self._model_dir = setup.model_dir
    self._config = config
    self._valid = valid
    self._gold = [s.labels for file in files_of_valid for s in file.sentences]
    self._predictor = tagging_task.Predictor(task, setup.strategy)
    self._best = training_checkpoints.BestWeights(
      setup.model_dir, task.parts, _F1
    )

  def after_evaluation(
    self, step: int, means: dict[str, float]
  ) -> dict[str, float]:
    """Measures the entities; keeps the best weights."""
    score = self.evaluate()[entities.ALL]
    self._best.offer(step, score.f1)
    return {
      "precision": score.precision,
      "recall": score.recall,
      _F1: score.f1,
    }

  def should_stop(self, step: int) -> bool:
    """Whether `patience` evaluations have brought nothing better."""
    return loop.has_stalled(self._config, _F1, step, self._best.step)

  def evaluate(self) -> dict[str, entities.Score]:
    """Scores the current weights on the validation sentences."""
    return self.score(self._valid, self._gold)

  def score(
    self,
    examples: tagging_examples.TaggingExamples,
    gold: Sequence[Sequence[str]],
  ) -> dict[str, entities.Score]:
    """Scores the current weights on sentences."""
    return entities.scores(gold, self._predictor.word_labels(examples))

  def restore_best(self) -> int:
    """Restores the best weights, and returns their step."""
    path, step = own_run.weights_path(self._model_dir)
    own_run.restore(path, **self._task.parts)
    return step


def _tokenizer(vocab: str, init_checkpoint: str) -> wordpiece.Tokenizer:
  """Returns the tokenizer of the weights, or else of the vocabulary."""
  if not init_checkpoint:
    if not vocab:
      raise errors.UserError(
        "`vocab` is missing: name a BERT vocabulary, or with "
        "`init_checkpoint` weights that have one."
      )
    return wordpiece.Tokenizer.from_file(vocab, lower_case=None)
  if "," in init_checkpoint:
    raise errors.UserError(
      f"init_checkpoint={init_checkpoint} names several sources: a tagger "
      "starts from one."
    )
  tokenizer = first_weights.read_tokenizer(init_checkpoint)
  if vocab:
    given = wordpiece.read_vocabulary(vocab)
    if wordpiece.vocabulary_sha256(given) != tokenizer.sha256:
      raise errors.UserError(
        f"init_checkpoint={init_checkpoint} has another vocabulary than "
        f"vocab={vocab}: leave `vocab` out."
      )
  return tokenizer


def _next(model_dir: str) -> str:
  """Returns the commands that annotate a new corpus with the tagger."""
  corpus = suggestions.new_folder(model_dir, "corpus")
  built = suggestions.command(
    "build_corpus", {"input": sources.ENCYCLOPEDIA, "output": corpus}
  )
  annotated = suggestions.command(
    "annotate_spans", {"corpus": corpus, "tagger": model_dir}
  )
  return f"{built}\n  {annotated}"


def _lines(
  data: tagging_sources.TaggingData,
  train: tagging_examples.TaggingExamples,
  deciding: Sequence[conll.ConllFile],
) -> dict[str, str]:
  """Returns the lines of the plan on the inputs."""
  schemes = ", ".join(
    f"{file.path} ({file.scheme})"
    for file in data.splits[tagging_sources.TRAIN]
  )
  return {
    "data": f"{schemes}: {train.num_sentences:,} sentences, "
    f"{train.num_batches:,} steps an epoch",
    "best by": f"F1 on {', '.join(file.path for file in deciding)}",
  }


def _repaired(data: tagging_sources.TaggingData) -> dict[str, int]:
  return {
    f"labels of {file.path} as they were: put right": file.repaired
    for found in data.splits.values()
    for file in found
  }


def _report(
  hook: TaggerHook,
  config: schema.TaggerConfig,
  tokenizer: wordpiece.Tokenizer,
  heldout: Sequence[conll.ConllFile],
  model_dir: str,
  step: int,
) -> None:
  """Prints and writes the scores on each file but the training files."""
  by_file = {}
  # A source that decides may be one of the data's own.
  for path, file in {file.path: file for file in heldout}.items():
    examples = tagging_examples.TaggingExamples(
      file.sentences, config, tokenizer
    )
    scores = hook.score(examples, [s.labels for s in file.sentences])
    _log.info(entities.table(path, scores))
    by_file[path] = {
      name: dataclasses.asdict(row) for name, row in scores.items()
    }
  files.write_json(
    tf.io.gfile.join(model_dir, REPORT), {"step": step, "files": by_file}
  )
