"""The flags that all training commands share."""

import dataclasses
from collections.abc import Collection
from typing import Any

from absl import flags

from realm_tf.configs import field_docs
from realm_tf.configs import loading
from realm_tf.configs import schema
from realm_tf.launch import dry_run
from realm_tf.launch import model_dir_flag
from realm_tf.launch import path_checks
from realm_tf.launch import verify_flag
from realm_tf.plans import training_plan

_REPLICAS = "dry_run_replicas"
_DEFINE: dict[Any, Any] = {
  int: flags.DEFINE_integer,
  float: flags.DEFINE_float,
  bool: flags.DEFINE_boolean,
  str: flags.DEFINE_string,
}


def define(task: str) -> None:
  """Defines the flags of a training command.

  Args:
    task: A key of `loading.TASKS`; each of its config's fields becomes
      `--config.FIELD`.
  """
  flags.DEFINE_string(
    "config",
    None,
    f"A preset ({', '.join(loading.PRESETS)}) or a JSON file with the fields "
    "of a config.",
    required=True,
  )
  kind = loading.TASKS[task]
  described = field_docs.describe(kind)
  define_fields(kind, [field.name for field in dataclasses.fields(kind)])
  model_dir_flag.define("Folder of the run; resumed if it exists.")
  flags.DEFINE_string(
    "tpu",
    "",
    "A TPU's name or address, or 'local'; empty for GPUs if there are any, "
    "else the CPU.",
  )
  flags.DEFINE_integer(
    _REPLICAS,
    None,
    "With --dry_run, how many replicas to plan for, such as the cores of "
    "--tpu; by default the workers of TF_CONFIG, or one.",
    lower_bound=1,
  )
  flags.DEFINE_integer(
    "seed", None, f"Short for --config.seed. {described['seed']}"
  )
  if issubclass(kind, schema.CorpusConfig):
    flags.DEFINE_string(
      "corpus",
      None,
      "Folder of the knowledge corpus, which build_corpus makes.",
      required=True,
    )
    verify_flag.define()
  if issubclass(kind, schema.SentenceConfig):
    flags.DEFINE_string(
      "pretrain_corpus",
      "",
      "Folder of the corpus whose sentences are learned from, which "
      "annotate_spans makes; empty for --corpus.",
    )
  # Fine-tuning has flags of its own for each part.
  if not issubclass(kind, schema.OrqaConfig):
    several = "Several: separate them by commas."
    if issubclass(kind, schema.TaggerConfig):
      several = "Its vocabulary comes along."
    flags.DEFINE_string(
      "init_checkpoint",
      "",
      "Where first weights come from: runs, or BERT weights of Hugging Face, "
      f"Google, Model Garden or TF Hub. {several}",
    )


def define_fields(kind: type[schema.Config], names: Collection[str]) -> None:
  """Defines `--config.FIELD` for fields of a config.

  Args:
    kind: The config's class.
    names: The fields.
  """
  described = field_docs.describe(kind)
  for field in dataclasses.fields(kind):
    if field.name in names:
      name = f"config.{field.name}"
      _DEFINE[field.type](name, None, described[field.name])


def given_fields(names: Collection[str]) -> dict[str, Any]:
  """Returns the values of the fields whose flags were given."""
  values = {name: flags.FLAGS[f"config.{name}"].value for name in names}
  return {name: value for name, value in values.items() if value is not None}


def config(task: str) -> schema.TaskConfig:
  """Returns the config that the flags ask for.

  Call it before TensorFlow is imported: it prepares the config's precision, and
  refuses wrong paths at once.

  Args:
    task: As given to `define`.

  Raises:
    errors.UserError: If the flags make no valid config, or a path that `where`
      returns is wrong.
  """
  _check_paths(**where())
  values = flags.FLAGS
  if issubclass(loading.TASKS[task], schema.CorpusConfig):
    verify_flag.apply()
  names = [field.name for field in dataclasses.fields(loading.TASKS[task])]
  given = given_fields(names)
  given |= {"seed": values.seed} if values.seed is not None else {}
  return loading.load(task, values.config, given, values.model_dir)


def is_dry_run(
  config: schema.TaskConfig, retrieval: str = "host", refresh: str = ""
) -> bool:
  """Prints the plan of a training, if --dry_run is given.

  Args:
    config: Its settings.
    retrieval: "host" or "device", of `pretrain`.
    refresh: Who rebuilds the index; "" where there is none.

  Returns:
    Whether it is, so that the command must end.

  Raises:
    errors.UserError: If the batch cannot be spread over the replicas.
  """
  given = where()
  asked = training_plan.Asked(
    given.get("corpus", ""),
    given.get("pretrain_corpus", ""),
    given["tpu"],
    flags.FLAGS[_REPLICAS].value or 0,
    retrieval,
    refresh,
  )
  return dry_run.shown(
    lambda: training_plan.lines(config, asked), writes=[given["model_dir"]]
  )


def where() -> dict[str, str]:
  """Returns folders and devices, as `run_setup.set_up` takes them.

  Of those that the command has flags for.
  """
  names = ("corpus", "pretrain_corpus", "init_checkpoint", "model_dir", "tpu")
  return {
    name: flags.FLAGS[name].value for name in names if name in flags.FLAGS
  }


def is_resumed() -> bool:
  """Whether the run exists; the weights it started from may be gone."""
  return path_checks.is_run(flags.FLAGS.model_dir)


def _check_paths(
  *,
  corpus: str = "",
  pretrain_corpus: str = "",
  init_checkpoint: str = "",
  **others: str,
) -> None:
  del others  # --model_dir's flag sees to it
  path_checks.corpus(corpus)
  if "pretrain_corpus" in flags.FLAGS:
    path_checks.there("pretrain_corpus", [pretrain_corpus])
    path_checks.sentences(pretrain_corpus or corpus)
  if not is_resumed():
    path_checks.weights("init_checkpoint", init_checkpoint)
