"""The training loop: feeds, steps, logs, evaluates, saves, resumes."""

import contextlib
import logging
import math
import signal
from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from realm_tf import devices
from realm_tf import errors
from realm_tf import interruption
from realm_tf import progress
from realm_tf.configs import schema
from realm_tf.runs import run_config
from realm_tf.runs import run_folder
from realm_tf.training import base_task
from realm_tf.training import hosts
from realm_tf.training import optimizers
from realm_tf.training import pipeline_feed
from realm_tf.training import steps
from realm_tf.training import training_checkpoints
from realm_tf.training.init import first_weights

_log = logging.getLogger(__name__)


class Hook:
  """Callbacks of the loop; REALM's hook refreshes its index."""

  def initialize(
    self, task: base_task.Task, run: run_config.RunConfig
  ) -> first_weights.InitReport:
    """Loads the first weights of a run that is not resumed."""
    return first_weights.initialize(task.parts, run)

  def before_training(self, state: training_checkpoints.TrainerState) -> None:
    """Called once, with the state restored or initialised."""

  def news(self, step: int, feed: pipeline_feed.Feed) -> int | None:
    """Returns a number that all processes of a training are to learn.

    Asked of the chief alone, before each step; may wait.

    Args:
      step: Steps done.
      feed: Feeds the step.
    """
    return None

  def on_news(self, news: int, step: int, feed: pipeline_feed.Feed) -> None:
    """Called in all processes, before `before_step`, with the chief's news.

    Args:
      news: What `news` returned.
      step: Steps done.
      feed: Feeds the step.
    """

  def before_step(self, step: int, feed: pipeline_feed.Feed) -> None:
    """Called before each step, counted from 0."""

  def exports_after(self, step: int) -> bool:
    """Whether `after_step` writes weights, so that they must be finite.

    Args:
      step: Steps done.
    """
    return False

  def after_step(self, step: int, replaced: bool) -> dict[str, float]:
    """Called after each step.

    Args:
      step: Steps done.
      replaced: Whether a new pipeline gave this step's batch.

    Returns:
      Further values for TensorBoard.
    """
    return {}

  def before_save(self, step: int) -> None:
    """Called before each checkpoint is saved.

    Args:
      step: Steps done.
    """

  def before_evaluation(self, step: int) -> None:
    """Called before each evaluation.

    Args:
      step: Steps done.
    """

  def after_evaluation(
    self, step: int, means: dict[str, float]
  ) -> dict[str, float]:
    """Called with the means of each evaluation.

    Args:
      step: Steps done.
      means: Of the task's sums over the held-out batches.

    Returns:
      Further values for TensorBoard.
    """
    return {}

  def should_stop(self, step: int) -> bool:
    """Whether to stop before the last step.

    Asked before the first step of a run that is resumed, and after each
    evaluation.

    Args:
      step: Steps done.
    """
    return False


def has_stalled(
  config: schema.OrqaConfig | schema.TaggerConfig,
  metric: str,
  step: int,
  best_step: int,
) -> bool:
  """Returns whether `patience` evaluations have brought nothing better.

  Args:
    config: Of the run.
    metric: The metric that has not risen, for the message.
    step: Steps done.
    best_step: When it was best.
  """
  patience = config.patience * config.evaluate_every_steps
  if not config.patience or step - best_step < patience:
    return False
  _log.info(f"  {metric} has not risen since step {best_step}: training stops")
  return True


class TrainingResult(NamedTuple):
  """The result of a run.

  Attributes:
    step: Steps done.
    evaluations: Means of each evaluation of this process, by step.
  """

  step: int
  evaluations: dict[int, dict[str, float]]


def train(
  task: base_task.Task,
  run: run_config.RunConfig,
  model_dir: str,
  strategy: tf.distribute.Strategy,
  hook: Hook | None = None,
) -> TrainingResult:
  """Trains a task to its last step, from where its last run stopped.

  A signal ends it after the step that is under way, or during an evaluation,
  which the resumed run makes up for: `realm_tf.interruption`.

  Resume precedence: the run's own newest checkpoint; else the runs and public
  weights that `init_checkpoint` names; else random weights.

  Args:
    task: What to train, built in the strategy's scope.
    run: Its settings.
    model_dir: Where its state is kept.
    strategy: Where it computes.
    hook: The task's callbacks.

  Raises:
    errors.UserError: If the loss or its gradient is not finite.
    interruption.Interrupted: If a signal came. The steps done are saved.
  """
  return _Loop(task, run, model_dir, strategy, hook or Hook()).run()


class _Loop:
  """The state of one call of `train`."""

  def __init__(
    self,
    task: base_task.Task,
    run: run_config.RunConfig,
    model_dir: str,
    strategy: tf.distribute.Strategy,
    hook: Hook,
  ):
    self._task = task
    self._config = run.training
    self._model_dir = model_dir
    self._hook = hook
    self._strategy = strategy
    self._hosts = hosts.Hosts(strategy)
    with strategy.scope():
      optimizer = optimizers.make_optimizer(run.training, task.parts)
    self._optimizer = optimizer
    # Outside of the scope, which would give each replica a step of its own.
    self._state = training_checkpoints.TrainerState(
      model_dir, task, optimizer, self._hosts
    )
    with strategy.scope():
      if self._state.restore():
        _log.info(f"Resumed {model_dir} at step {int(self._state.step)}.")
      else:
        _print_init(hook.initialize(task, run))
    self._train_step = steps.make_train_step(
      task,
      optimizer,
      strategy,
      run.training.clip_norm,
      rematerializes=run.training.rematerialize,
    )
    self._eval_step = steps.make_eval_step(task, strategy)
    self._writers = {
      split: tf.summary.create_file_writer(
        run_folder.RunFolder(model_dir).tensorboard(split)
      )
      if self._hosts.is_chief
      else tf.summary.create_noop_writer()
      for split in ("train", "eval")
    }
    self._evaluations: dict[int, dict[str, float]] = {}
    # Of the steps since the last summary.
    self._pending: list[dict[str, tf.Tensor]] = []
    self._saved_step = int(self._state.step)

  def run(self) -> TrainingResult:
    try:
      result = self._run()
      self._hosts.part()
      return result
    except interruption.Interrupted as e:
      step = int(self._state.step)
      if step > self._saved_step:
        self._save(step)
      raise interruption.Interrupted(
        e.number, f" at step {step}. Run the same command again to go on"
      ) from e
    except hosts.LOST as e:
      if self._hosts.count == 1:
        raise
      reason = str(e).strip().splitlines()[0][:200]
      raise errors.UserError(
        f"Another worker of the cluster was lost at step "
        f"{int(self._state.step)}: run the same command on all workers again, "
        f"which go on from the last checkpoint. TensorFlow says: {reason}"
      ) from e

  def _run(self) -> TrainingResult:
    config = self._config
    step, last = int(self._state.step), config.train_steps
    self._hook.before_training(self._state)
    if self._is_due(config.evaluate_every_steps, step) and (
      self._chief_says(self._state.owes_evaluation())
    ):
      self._evaluate(step)
    if step >= last:
      _log.info(f"Nothing to do: step {step} of {last} has been reached.")
      return TrainingResult(step, self._evaluations)
    if step > 0 and self._chief_says(self._hook.should_stop(step)):
      _log.info(f"Nothing to do: training has stopped early, at step {step}.")
      return TrainingResult(step, self._evaluations)
    if step == 0:
      self._evaluate(step)
    feed = pipeline_feed.Feed(self._strategy, self._task.train_pipeline, step)
    meter = progress.Progress(step, last, config.batch_size)
    stopped = False
    with self._kept_together():
      while step < last and not stopped:
        take_over = self._consult(step, feed)
        with interruption.deferred():
          evaluate = self._step(feed, meter, take_over)
        step += 1
        if evaluate:
          stopped = self._evaluate_and_judge(step)
          meter.resume(step)
    for writer in self._writers.values():
      writer.close()
    return TrainingResult(step, self._evaluations)

  def _kept_together(self) -> contextlib.AbstractContextManager:
    """Has no signal end one process of several: `_consult` ends them all."""
    if self._hosts.count == 1:
      return contextlib.nullcontext()
    return interruption.deferred()

  def _consult(self, step: int, feed: pipeline_feed.Feed) -> bool | None:
    """Prepares a step together with the other processes, if there are any.

    Returns:
      Whether a new pipeline gives the step's batch; None to leave it to it.

    Raises:
      interruption.Interrupted: If a signal came to any of the processes, so
        that all end at the same step.
    """
    hook, several = self._hook, self._hosts.count > 1
    news = hook.news(step, feed) if self._hosts.is_chief else None
    take_over = None
    if several:
      signals, known, ready = self._hosts.total(
        interruption.received() is not None,
        0 if news is None else news + 1,
        feed.can_take_over(),
      )
      if signals:
        self._hosts.part()
        raise interruption.Interrupted(
          interruption.received() or signal.SIGTERM
        )
      news = known - 1 if known else None
      take_over = ready == self._hosts.count
    if news is not None:
      hook.on_news(news, step, feed)
    hook.before_step(step, feed)
    return take_over

  def _chief_says(self, answer: bool) -> bool:
    """Returns the chief's answer, in all processes."""
    return bool(self._hosts.chiefs(int(answer)))

  def _step(
    self,
    feed: pipeline_feed.Feed,
    meter: progress.Progress,
    take_over: bool | None,
  ) -> bool:
    """Runs a step; returns whether an evaluation is due after it."""
    config = self._config
    features, replaced = feed.next(take_over=take_over)
    self._pending.append(self._train_step(self._task.prepare(features)))
    step = int(self._state.step.assign_add(1))
    summarize, evaluate, save = (
      self._is_due(every, step)
      for every in (
        config.summary_every_steps,
        config.evaluate_every_steps,
        config.checkpoint_every_steps,
      )
    )
    if summarize or evaluate or save or self._hook.exports_after(step):
      self._check_folder(step)
      _check_finite(step, self._pending)
    extra = self._hook.after_step(step, replaced)
    if summarize:
      self._summarize(step, extra, meter)
    if save:
      # Before the evaluation, which may take long: a signal may end that, and
      # a run that is resumed makes up for it.
      self._save(step)
      meter.resume(step)
    return evaluate

  def _check_folder(self, step: int) -> None:
    """Raises before a part of a run is written where its folder was."""
    if not tf.io.gfile.isdir(self._model_dir):
      raise errors.UserError(
        f"model_dir={self._model_dir} was removed or moved while the run was "
        f"trained, by step {step}. It is not made again: the training ends."
      )

  def _is_due(self, every: int, step: int) -> bool:
    """Whether an interval is due after a step; always after the last."""
    return step % every == 0 or step == self._config.train_steps

  def _evaluate_and_judge(self, step: int) -> bool:
    """Evaluates; returns whether to stop, with a checkpoint of this step."""
    self._evaluate(step)
    stopped = self._chief_says(self._hook.should_stop(step))
    if stopped and step > self._saved_step:
      self._save(step)
    return stopped

  def _save(self, step: int) -> None:
    """Saves a checkpoint, of finite weights only."""
    _check_finite(step, self._pending)
    self._hook.before_save(step)
    self._state.save()
    self._saved_step = step

  def _summarize(
    self, step: int, extra: dict[str, float], meter: progress.Progress
  ) -> None:
    """Writes and prints the means since the last summary."""
    speed = meter.measure(step)
    pending, self._pending = self._pending, []
    means = {
      name: sum(float(means[name]) for means in pending) / len(pending)
      for name in pending[0]
    }
    values = means | extra | {"examples_per_sec": speed}
    # The schedule counts from 0: this is what the last step was taken with.
    values |= optimizers.learning_rates(self._optimizer, step - 1)
    self._write("train", step, values)
    _log.info(meter.line(step, means | extra))

  def _evaluate(self, step: int) -> None:
    """Evaluates on the held-out batches."""
    self._hook.before_evaluation(step)
    totals: dict[str, list[float]] = {}
    batches = devices.distribute(self._strategy, self._task.eval_pipeline())
    for features in batches:
      prepared = self._task.prepare(features)
      for name, (total, weight) in self._eval_step(prepared).items():
        sums = totals.setdefault(name, [0.0, 0.0])
        sums[0] += float(total)
        sums[1] += float(weight)
    means = {
      name: total / weight if weight else 0.0
      for name, (total, weight) in totals.items()
    }
    means |= self._hook.after_evaluation(step, means)
    self._write("eval", step, means)
    self._evaluations[step] = means
    self._state.note_evaluation()
    values = "  ".join(f"{name} {value:.3f}" for name, value in means.items())
    _log.info(f"  held-out at step {step}: {values}")

  def _write(self, split: str, step: int, values: dict[str, float]) -> None:
    writer = self._writers[split]
    with writer.as_default(step=step):
      for name, value in values.items():
        tf.summary.scalar(name, value)
    writer.flush()


def _check_finite(step: int, pending: Sequence[dict[str, tf.Tensor]]) -> None:
  """Raises at the first non-finite loss or gradient."""
  first = step - len(pending) + 1
  for offset, means in enumerate(pending):
    for name in ("loss", "gradient_norm"):
      value = float(means[name])
      if not math.isfinite(value):
        raise errors.UserError(
          f"The {name} is {value} at step {first + offset}. The checkpoints "
          "before it are kept; start another `model_dir` with a lower "
          "`config.learning_rate`."
        )


def _print_init(report: first_weights.InitReport) -> None:
  for line in report.taken:
    _log.info(f"Initialised the {line}.")
  for role in report.missing:
    _log.info(f"The {role} starts from random weights.")
  for note in report.notes:
    _log.info(f"Note: {note}.")
