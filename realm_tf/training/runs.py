"""Sets a run up: its folder, corpora, devices and plan."""

import contextlib
import dataclasses
from collections.abc import Iterator

import tensorflow as tf

from realm_tf import errors
from realm_tf.configs import run_config
from realm_tf.configs import schema
from realm_tf.data import annotated
from realm_tf.data import corpus as corpus_lib
from realm_tf.index import run_state
from realm_tf.training import checkpoints
from realm_tf.training import strategy as strategy_lib
from realm_tf.training import tasks


@dataclasses.dataclass(frozen=True)
class Prepared:
  """A run that is about to start.

  Attributes:
    run: The settings, also in `config.json`.
    model_dir: The run's folder.
    strategy: Where to compute.
    data_line: What it learns from, for people.
  """

  run: run_config.RunConfig
  model_dir: str
  strategy: tf.distribute.Strategy
  data_line: str


@dataclasses.dataclass(frozen=True)
class Setup(Prepared):
  """What a training command over a corpus needs before it builds its task.

  Attributes:
    corpus: The knowledge corpus.
    sentences: The annotated sentences.
  """

  corpus: corpus_lib.Corpus
  sentences: annotated.AnnotatedCorpus


def set_up(
  task: str,
  config: schema.TaskConfig,
  *,
  corpus: str,
  pretrain_corpus: str,
  init_checkpoint: str,
  model_dir: str,
  tpu: str,
) -> Setup:
  """Opens the corpora, finds the devices, and checks that all fits.

  Args:
    task: The command.
    config: Its settings.
    corpus: Folder of the knowledge corpus.
    pretrain_corpus: Folder of the annotated corpus; empty for `corpus`.
    init_checkpoint: Where first weights come from.
    model_dir: The run's folder.
    tpu: See `strategy.make_strategy`.

  Raises:
    errors.UserError: If anything that the flags name is missing or does not
      fit; nothing has been written then.
  """
  opened = corpus_lib.Corpus.open(corpus)
  if isinstance(config, schema.RealmConfig):
    _check_candidates(config, opened)
  sentences = annotated.load(pretrain_corpus or corpus, opened.tokenizer)
  run = run_config.RunConfig(
    task=task,
    config=config,
    corpus=corpus,
    corpus_fingerprint=opened.fingerprint,
    vocab_sha256=opened.tokenizer.sha256,
    pretrain_corpus=pretrain_corpus or corpus,
    init_checkpoint=init_checkpoint,
  )
  strategy = prepare(run, model_dir, tpu)
  data_line = (
    f"corpus     {corpus}: {opened.num_passages:,} passages; sentences of "
    f"{run.pretrain_corpus}: {sentences.num_sentences:,}"
  )
  return Setup(run, model_dir, strategy, data_line, opened, sentences)


def prepare(
  run: run_config.RunConfig, model_dir: str, tpu: str
) -> tf.distribute.Strategy:
  """Finds the devices, checks that the run fits, and seeds what is random.

  Args:
    run: The run.
    model_dir: Its folder.
    tpu: See `strategy.make_strategy`.

  Raises:
    errors.UserError: If the batch or `init_checkpoint` does not fit, or the
      folder holds another run.
  """
  config = run.config
  strategy = strategy_lib.make_strategy(tpu)
  if config.batch_size % strategy.num_replicas_in_sync:
    raise errors.UserError(
      f"--config.batch_size={config.batch_size} must divide by the "
      f"{strategy.num_replicas_in_sync} replicas."
    )
  if not run_config.check(model_dir, run):
    checkpoints.check_sources(run)
  tf.keras.utils.set_random_seed(config.seed)
  strategy_lib.set_precision(
    config.precision, on_cpu=strategy_lib.is_cpu(strategy)
  )
  return strategy


@contextlib.contextmanager
def claimed(setup: Prepared) -> Iterator[None]:
  """Holds a run's folder while it trains, and writes its `config.json`.

  Args:
    setup: The run.

  Raises:
    errors.UserError: If another process trains it, or has changed it.
  """
  with run_state.RunState(setup.model_dir).hold():
    run_config.write_or_match(setup.model_dir, setup.run)
    yield


def _check_candidates(
  config: schema.RealmConfig, corpus: corpus_lib.Corpus
) -> None:
  most = corpus.num_passages
  if config.num_candidates > most:
    raise errors.UserError(
      f"--num_candidates={config.num_candidates} is beyond the corpus of "
      f"{corpus.num_passages} passages: the null passage and all but a "
      f"query's own make {most} candidates at most."
    )


def print_plan(
  setup: Prepared, task: tasks.Task, dropped: dict[str, int], held_bytes: int
) -> None:
  """Prints what is about to happen.

  Args:
    setup: The run.
    task: What is trained.
    dropped: Spans and sentences that are not learned from, by reason.
    held_bytes: Memory that the task's data take.
  """
  run, config = setup.run, setup.run.config
  print(f"{run.task} -> {setup.model_dir}")
  print(f"  devices    {strategy_lib.describe(setup.strategy)}")
  print(
    f"  batch      {config.batch_size} in all, "
    f"{config.batch_size // setup.strategy.num_replicas_in_sync} a replica; "
    f"{config.train_steps} steps"
  )
  print(f"  {setup.data_line}")
  for reason, count in dropped.items():
    if count:
      print(f"  left out   {count:,} {reason}")
  parameters = 0
  for role, part in task.parts.items():
    count = sum(v.shape.num_elements() for v in part.trainable_variables)
    parameters += count
    print(f"  trained    {role}: {count:,} parameters")
  # Weights, gradient and AdamW's two moments, 4 bytes each.
  memory = 16 * parameters + held_bytes
  print(
    f"  memory     about {memory / 1e9:.2f} GB for weights, optimizer and "
    "data, activations aside",
    flush=True,
  )


def data_bytes(sentences: annotated.AnnotatedCorpus) -> int:
  """Returns the memory that the annotated sentences take."""
  arrays = (getattr(sentences, f.name) for f in dataclasses.fields(sentences))
  return sum(getattr(array, "nbytes", 0) for array in arrays)
