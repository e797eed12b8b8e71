"""Fine-tuning's callbacks over an index that stays as it is."""

from realm_tf.answering import open_qa
from realm_tf.answering.retrievers import retriever_names
from realm_tf.configs import schema
from realm_tf.index.job import corpus_index
from realm_tf.index.versions import run_index
from realm_tf.runs import run_config
from realm_tf.training import base_task
from realm_tf.training import loop
from realm_tf.training import training_checkpoints
from realm_tf.training.init import first_weights
from realm_tf.training.init import orqa_init
from realm_tf.training.recipes import dev_questions
from realm_tf.training.recipes import question_search
from realm_tf.training.recipes import run_setup
from realm_tf.training.tasks import orqa_task


class FinetuneHook(loop.Hook):
  """Opens the index, asks the dev questions, keeps the best, stops early.

  Attributes:
    open_qa: Answers questions; there once training has begun.
  """

  def __init__(
    self,
    task: orqa_task.OrqaTask,
    config: schema.OrqaConfig,
    setup: run_setup.CorpusSetup,
    knowledge: open_qa.Knowledge,
    dev: dev_questions.DevQuestions,
  ):
    """Takes the parts; `before_training` opens or builds the index.

    Args:
      task: Its model answers.
      config: The run's settings.
      setup: The run.
      knowledge: The corpus.
      dev: The dev questions.
    """
    self._task = task
    self._config = config
    self._setup = setup
    self._knowledge = knowledge
    self._dev = dev
    self._metric = dev_questions.metric(config)
    self._best = training_checkpoints.BestWeights(
      setup.model_dir, task.parts, self._metric, setup.hosts
    )
    self.open_qa: open_qa.OpenQA | None = None

  def initialize(
    self, task: base_task.Task, run: run_config.RunConfig
  ) -> first_weights.InitReport:
    """See base class."""
    return orqa_init.initialize(self._task.model, run)

  def before_training(self, state: training_checkpoints.TrainerState) -> None:
    """Opens the index, if one is searched; embeds the corpus if need be."""
    run, model_dir = self._setup.run, self._setup.model_dir
    if not self._config.has_retriever:
      with self._setup.strategy.scope():
        self.open_qa = open_qa.OpenQA(
          self._task.model, self._config, self._knowledge, None
        )
      return
    if not run.index_run and self._setup.hosts.is_chief:
      # By the passage tower, which is never trained.
      corpus_index.build(
        model_dir,
        self._task.model.towers,
        self._config,
        run.index_step,
        self._setup.corpus,
      )
    self._setup.hosts.wait()
    version = run_index.open_first(run, self._setup.corpus, model_dir)
    state.index_version.assign(version.step)
    with self._setup.strategy.scope():
      self.open_qa = open_qa.OpenQA(
        self._task.model, self._config, self._knowledge, version
      )
    search = question_search.make(
      self._config,
      self._knowledge,
      self.open_qa.searcher.search,
      self.open_qa.memory.embeddings,
    )
    self._task.set_index(search, self.open_qa.beam)

  def after_evaluation(
    self, step: int, means: dict[str, float]
  ) -> dict[str, float]:
    """Asks the dev questions; keeps the weights if they are the best."""
    if self.open_qa is None:
      raise RuntimeError("`before_training` must come first.")
    facts: dict[str, float] = {}
    if self._config.train_reader:
      value, facts = self._dev.exact_match(self.open_qa)
      measured = {self._metric: value}
    else:
      measured = self._dev.recall(
        self.open_qa.retrievers[retriever_names.DENSE].retrieve
      )
    self._best.offer(step, measured[self._metric], facts)
    return measured

  def should_stop(self, step: int) -> bool:
    """Whether `patience` evaluations have brought nothing better."""
    return loop.has_stalled(self._config, self._metric, step, self._best.step)
