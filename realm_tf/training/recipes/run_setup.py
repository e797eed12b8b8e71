"""Sets up a run: its folder, corpora, devices and plan."""

import contextlib
import dataclasses
import functools
import logging
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping

import tensorflow as tf

from realm_tf import devices
from realm_tf import errors
from realm_tf import interruption
from realm_tf.configs import schema
from realm_tf.data.corpus import corpora
from realm_tf.data.corpus import sentence_folder
from realm_tf.data.sentences import annotated_corpus
from realm_tf.plans import host_memory
from realm_tf.plans import parameters as plan_parameters
from realm_tf.plans import replicas
from realm_tf.plans import training_plan
from realm_tf.runs import run_config
from realm_tf.runs import run_state
from realm_tf.training import base_task
from realm_tf.training import hosts as hosts_lib
from realm_tf.training.init import first_weights

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Setup:
  """The parts that a training command opens before it builds its task.

  Attributes:
    run: The settings, also in `config.json`.
    model_dir: The run's folder.
    strategy: Where to compute.
  """

  run: run_config.RunConfig
  model_dir: str
  strategy: tf.distribute.Strategy

  @functools.cached_property
  def hosts(self) -> hosts_lib.Hosts:
    """The processes that train it together."""
    return hosts_lib.Hosts(self.strategy)


@dataclasses.dataclass(frozen=True)
class CorpusSetup(Setup):
  """The parts of a training on a knowledge corpus.

  Attributes:
    corpus: The knowledge corpus.
  """

  corpus: corpora.Corpus

  def lines(self) -> dict[str, str]:
    """Returns the lines of the plan on the inputs, by name."""
    passages = self.corpus.num_passages
    return {"corpus": f"{self.run.corpus}: {passages:,} passages"}


@dataclasses.dataclass(frozen=True)
class SentenceSetup(CorpusSetup):
  """The parts of a training on masked sentences.

  Attributes:
    sentences: The annotated sentences.
  """

  sentences: annotated_corpus.AnnotatedCorpus

  def lines(self) -> dict[str, str]:
    """See base class."""
    count = self.sentences.num_sentences
    line = f"{self.run.pretrain_corpus}: {count:,}"
    return super().lines() | {"sentences": line}


def set_up(
  task: str,
  config: schema.TaskConfig,
  *,
  corpus: str,
  pretrain_corpus: str,
  init_checkpoint: str,
  model_dir: str,
  tpu: str,
) -> SentenceSetup:
  """Opens the corpora, finds the devices, and checks that all fits.

  Args:
    task: The command.
    config: Its settings.
    corpus: Folder of the knowledge corpus.
    pretrain_corpus: Folder of the annotated corpus; empty for `corpus`.
    init_checkpoint: Where first weights come from.
    model_dir: The run's folder.
    tpu: See `devices.make_strategy`.

  Raises:
    errors.UserError: If anything that the flags name is missing or does not
      fit; nothing has been written then.
  """
  strategy = find_devices(config, tpu)
  opened = corpora.Corpus.open(corpus)
  if isinstance(config, schema.RealmConfig):
    _check_candidates(config, opened)
  sentences = annotated_corpus.load(pretrain_corpus or corpus, opened.tokenizer)
  run = run_config.RunConfig(
    task=task,
    config=config,
    corpus=corpus,
    corpus_fingerprint=opened.fingerprint,
    vocab_sha256=opened.tokenizer.sha256,
    pretrain_corpus=pretrain_corpus or corpus,
    init_checkpoint=init_checkpoint,
    sentences_fingerprint=sentence_folder.fingerprint(
      pretrain_corpus or corpus
    ),
  )
  if not run_config.check(model_dir, run):
    first_weights.check_sources(run, opened.tokenizer)
  prepare_devices(config, strategy)
  return SentenceSetup(run, model_dir, strategy, opened, sentences)


def find_devices(
  config: schema.TaskConfig, tpu: str, *, join_cluster: bool = True
) -> tf.distribute.Strategy:
  """Returns the distribution strategy; meets the other workers, if any.

  Args:
    config: The settings.
    tpu: See `devices.make_strategy`.
    join_cluster: See `devices.make_strategy`.

  Raises:
    errors.UserError: If there is no such device, or a batch does not divide
      by them.
  """
  strategy = devices.make_strategy(tpu, join_cluster=join_cluster)
  interruption.take_again()
  replicas.check_batch(config.batch_size, strategy.num_replicas_in_sync)
  return strategy


def prepare_devices(
  config: schema.TaskConfig, strategy: tf.distribute.Strategy
) -> None:
  """Sets seeds and precision, before anything is built."""
  tf.keras.utils.set_random_seed(config.seed)
  devices.set_precision(config.precision, on_cpu=devices.is_cpu(strategy))


@contextlib.contextmanager
def claimed(setup: Setup) -> Iterator[None]:
  """Holds a run's folder while it trains, and writes its `config.json`.

  Of several processes that train together, the chief does.

  Args:
    setup: The run.

  Raises:
    errors.UserError: If another process trains it, or has changed it.
  """
  if not setup.hosts.is_chief:
    setup.hosts.wait()
    yield
    return
  with run_state.RunState(setup.model_dir).hold():
    run_config.write_or_match(setup.model_dir, setup.run)
    setup.hosts.wait()
    yield


def _check_candidates(
  config: schema.RealmConfig, corpus: corpora.Corpus
) -> None:
  most = corpus.num_passages
  if config.num_candidates > most:
    raise errors.UserError(
      f"config.num_candidates={config.num_candidates} is beyond the corpus of "
      f"{corpus.num_passages} passages: the null passage and all but a "
      f"query's own make {most} candidates at most."
    )


def print_plan(
  setup: Setup,
  task: base_task.Task,
  lines: Mapping[str, str],
  dropped: Mapping[str, int],
  host: host_memory.HostBytes,
) -> None:
  """Prints the plan of a run.

  Args:
    setup: The run.
    task: The task.
    lines: Lines on the inputs, such as a corpus or questions, by name.
    dropped: How much is left out of training, by reason.
    host: Memory that the task's data take.
  """
  run, config = setup.run, setup.run.training
  _log.info(f"{run.task} -> {setup.model_dir}")
  _log.info(f"  devices    {devices.describe(setup.strategy)}")
  batch = training_plan.describe_batch(
    config, setup.strategy.num_replicas_in_sync
  )
  _log.info(f"  batch      {batch}")
  for name, line in lines.items():
    _log.info(f"  {name:<10} {line}")
  for reason, count in dropped.items():
    if count:
      _log.info(f"  left out   {count:,} {reason}")
  trained = {v.ref() for v in task.variables}
  parameters = 0
  frozen = 0
  for role, part in task.parts.items():
    count = _count(v for v in part.variables if v.ref() in trained)
    parameters += count
    frozen += _count(part.variables) - count
    _log.info(f"  trained    {role}: {count:,} parameters")
  if frozen:
    _log.info(f"  frozen     {frozen:,} parameters")
  weights = plan_parameters.Parameters(parameters, frozen)
  _log.info(
    f"  device     {weights.training_bytes / 1e9:.2f} GB for weights, "
    "gradients and optimizer, activations aside"
  )
  _log.info(f"  host       {host.describe()}")


def _count(variables: Iterable[tf.Variable]) -> int:
  return sum(v.shape.num_elements() for v in variables)


def data_bytes(sentences: annotated_corpus.AnnotatedCorpus) -> int:
  """Returns the bytes that the annotated sentences take, mapped or not."""
  arrays = (getattr(sentences, f.name) for f in dataclasses.fields(sentences))
  return sum(getattr(array, "nbytes", 0) for array in arrays)
