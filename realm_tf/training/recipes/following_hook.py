"""Fine-tuning's callbacks where the passage tower is trained, too.

A run answers with an index version and the towers that made it, so that
questions and passages are embedded alike. What is evaluated is therefore the
version in use, with the reader of the step; and the best weights are those
towers and that reader.
"""

import contextlib
import dataclasses
import logging
from collections.abc import Collection
from collections.abc import Iterator

import tensorflow as tf

from realm_tf.answering import open_qa
from realm_tf.answering.retrievers import retriever_names
from realm_tf.checkpoints.formats import own_run
from realm_tf.configs import schema
from realm_tf.data.questions import qa_examples
from realm_tf.export import embedder_export
from realm_tf.index.job import corpus_index
from realm_tf.index.versions import index_version
from realm_tf.index.versions import run_index
from realm_tf.models import orqa
from realm_tf.models import prompts
from realm_tf.runs import exports
from realm_tf.runs import run_config
from realm_tf.training import base_task
from realm_tf.training import loop
from realm_tf.training import training_checkpoints
from realm_tf.training.init import first_weights
from realm_tf.training.init import orqa_init
from realm_tf.training.recipes import dev_questions
from realm_tf.training.recipes import question_search
from realm_tf.training.recipes import refresh_hook
from realm_tf.training.recipes import run_setup
from realm_tf.training.tasks import following_task

_log = logging.getLogger(__name__)


class FollowingHook(refresh_hook.RefreshHook[following_task.SearchedIndex]):
  """Keeps the index fresh, asks the dev questions, keeps the best weights."""

  def __init__(
    self,
    task: following_task.FollowingTask,
    config: schema.OrqaConfig,
    setup: run_setup.CorpusSetup,
    knowledge: open_qa.Knowledge,
    dev: dev_questions.DevQuestions,
    mode: str,
  ):
    """Takes the parts; call it in the strategy's scope.

    Args:
      task: Its retriever is exported.
      config: The run's settings.
      setup: The run.
      knowledge: The corpus.
      dev: The dev questions.
      mode: One of `refresh_modes.MODES`. Where it is "off", the corpus is
        embedded once more, after the last step.
    """
    super().__init__(
      task,
      setup.run,
      config,
      setup.model_dir,
      setup.corpus.num_passages,
      mode,
      setup.hosts,
    )
    self._following = task
    self._orqa_config = config
    self._setup = setup
    self._knowledge = knowledge
    self._dev = dev
    self._metric = dev_questions.metric(config)
    tokenizer = setup.corpus.tokenizer
    # The towers of the version in use, and the reader that is trained.
    self._answering = orqa.OrqaModel.of_task(
      dataclasses.replace(config, train_reader=False),
      tokenizer.vocab_size,
      tokenizer.sep_id,
      prompts.of(config, tokenizer),
    )
    self._answering.reader = task.model.reader
    self._best = training_checkpoints.BestWeights(
      setup.model_dir, self._answering.parts, self._metric, setup.hosts
    )
    self._recall: dict[str, float] = {}  # of the version in use
    self._open_qa: open_qa.OpenQA | None = None

  @contextlib.contextmanager
  def running(self) -> Iterator[None]:
    """Ends the refresher with the training, whose last version is evaluated."""
    try:
      yield
    finally:
      if self._refresher is not None:
        self._refresher.terminate()

  def initialize(
    self, task: base_task.Task, run: run_config.RunConfig
  ) -> first_weights.InitReport:
    """See base class."""
    return orqa_init.initialize(self._following.model, run)

  def before_training(self, state: training_checkpoints.TrainerState) -> None:
    """Takes over the index that the run starts from; see base class."""
    run, model_dir = self._setup.run, self._setup.model_dir
    is_new = int(state.step) == 0 and not self._store.is_usable(0)
    if run.index_run and is_new and self._hosts.is_chief:
      first = run_index.open_first(run, self._setup.corpus, model_dir)
      self._exporter.save(model_dir, 0)
      self._store.adopt(first, 0, exports.find(model_dir, 0).export_id)
      run_index.release_first(run, self._setup.corpus, model_dir)
    super().before_training(state)

  def load(
    self, version: index_version.IndexVersion, export: exports.EmbedderExport
  ) -> following_task.SearchedIndex:
    """See base class."""
    config, embeddings = self._orqa_config, None
    if config.beam_loss or config.retriever == retriever_names.HYBRID:
      with tf.device("/cpu:0"):
        embeddings = tf.constant(version.load_matrix())
    search = version.load_searcher().search
    return following_task.SearchedIndex(
      version.step,
      embedder_export.QueryEmbedder(export.path),
      question_search.make(config, self._knowledge, search, embeddings),
      qa_examples.BeamFeatures(config, self._knowledge.packed, embeddings),
    )

  def needed_versions(self) -> Collection[int]:
    """Returns the version of the best weights."""
    facts = own_run.best_facts(self._model_dir)
    return [int(facts[run_index.INDEX_STEP])] if facts else []

  def before_evaluation(self, step: int) -> None:
    """After the last step, waits for its version."""
    if step < self._config.train_steps or self._version >= step:
      return
    if self._mode == "off":
      if self._hosts.is_chief:
        corpus_index.build(
          self._model_dir,
          self._following.retriever,
          self._orqa_config,
          step,
          self._setup.corpus,
        )
      self._hosts.wait()
      self._take(self.open(step))
    else:
      self._take_last(step)

  def after_evaluation(
    self, step: int, means: dict[str, float]
  ) -> dict[str, float]:
    """Asks the dev questions; keeps the weights if they are the best."""
    if self._open_qa is None:
      self._open_qa = self._make_open_qa()
    if not self._recall:
      dense = self._open_qa.retrievers[retriever_names.DENSE]
      self._recall = self._dev.recall(dense.retrieve)
    measured = {**self._recall, "index_version": float(self._version)}
    facts = {run_index.INDEX_STEP: self._version}
    if not self._orqa_config.train_reader:
      self._best.offer(self._version, self._recall[self._metric], facts)
      return measured
    value, more = self._dev.exact_match(self._open_qa)
    self._best.offer(step, value, facts | more)
    return measured | {self._metric: value}

  def should_stop(self, step: int) -> bool:
    """Whether `patience` evaluations have brought nothing better.

    Without a reader, an evaluation tells something new of a new version alone.
    """
    config = self._orqa_config
    at = step if config.train_reader else self._version
    return loop.has_stalled(config, self._metric, at, self._best.step)

  def _take(self, index: following_task.SearchedIndex) -> None:
    """Puts a version into use, with the towers that made it."""
    super()._take(index)
    export = exports.find(self._model_dir, index.version)
    retriever = self._answering.towers
    own_run.restore(
      export.weights,
      query_embedder=retriever.query_embedder,
      passage_embedder=retriever.passage_embedder,
    )
    self._recall, self._open_qa = {}, None

  def _make_open_qa(self) -> open_qa.OpenQA:
    """Returns what answers with the version in use."""
    version = self._store.open(
      self._version, self._run.corpus_fingerprint, self._num_passages
    )
    with self._setup.strategy.scope():
      return open_qa.OpenQA(
        self._answering, self._orqa_config, self._knowledge, version
      )
