"""Chooses and loads what fine-tuning starts from: runs, public weights."""

import dataclasses
from collections.abc import Sequence

import tensorflow as tf

from realm_tf import errors
from realm_tf.checkpoints import assignment
from realm_tf.checkpoints import reading
from realm_tf.checkpoints.formats import own_run
from realm_tf.data.corpus import corpora
from realm_tf.index.job import corpus_index
from realm_tf.index.versions import run_index
from realm_tf.models import orqa
from realm_tf.runs import exports
from realm_tf.runs import run_config
from realm_tf.runs import run_folder
from realm_tf.training.init import first_weights

_SCORER = "reader's span scorer"
# The towers part in fine-tuning, whether they were one before or not.
_RETRIEVER_FIELDS = tuple(
  name for name in first_weights.SHAPE_FIELDS if name != "tied_embedders"
)
# A reader's encoder projects nothing and embeds no passage apart; one that was
# fine-tuned scores spans.
_READER_FIELDS = (
  *(
    name
    for name in _RETRIEVER_FIELDS
    if name not in ("projection_size", "passage_segments")
  ),
  "span_hidden_size",
)


@dataclasses.dataclass(frozen=True)
class Sources:
  """Where a run's parts come from.

  Attributes:
    retriever: The run that trained it.
    reader: The run that trained it, or public weights.
    index_run: The run whose index is searched; "" if the corpus is to be
      embedded in the run's own folder.
    index_step: The version of the index.
  """

  retriever: str
  reader: str
  index_run: str
  index_step: int


def choose(
  init: str,
  init_retriever: str,
  init_reader: str,
  *,
  model_dir: str,
  rebuild_index: bool,
) -> Sources:
  """Returns the sources that the flags name.

  The index is the newest of the retriever's run, if the retriever was not
  trained on since: else the corpus is embedded anew. A run that is resumed
  keeps its index, whatever has been published since.

  Args:
    init: The default of the next two.
    init_retriever: A run of `pretrain`, `pretrain_ict` or `finetune`.
    init_reader: A run of `pretrain`, `pretrain_mlm`, `pretrain_ict` or
      `finetune`; or public weights.
    model_dir: The run that is about to be started or resumed.
    rebuild_index: Whether the corpus is embedded anew.

  Raises:
    errors.UserError: If there is nothing to start from, or the retriever is
      to come from something that is not a run.
  """
  retriever, reader = init_retriever or init, init_reader or init
  for flag, source in (("retriever", retriever), ("reader", reader)):
    if not source:
      raise errors.UserError(
        f"`init` or `init_{flag}` must name the run of `pretrain` or "
        f"`pretrain_ict` that the {flag} comes from."
      )
  if tf.io.gfile.exists(run_folder.RunFolder(model_dir).config):
    run = run_config.read(model_dir)
    return Sources(retriever, reader, run.index_run, run.index_step)
  if not reading.is_run(retriever):
    flag = "init_retriever" if init_retriever else "init"
    raise errors.UserError(
      f"{flag}={retriever} is no run, and has no retriever: name a run of "
      "`pretrain` or `pretrain_ict`. Public weights go to `init_reader`."
    )
  found = run_config.read(retriever)
  index_run = found.index_run or retriever
  version: int | None
  if found.task == "finetune":  # Its passage tower is the one it began with.
    version = found.index_step
  else:
    version = corpus_index.newest(retriever)
  if rebuild_index or version is None:
    return Sources(retriever, reader, "", 0)
  return Sources(retriever, reader, index_run, version)


def check(
  run: run_config.RunConfig, corpus: corpora.Corpus, model_dir: str
) -> None:
  """Raises if a run's sources do not fit; keeps its index from being pruned.

  Args:
    run: The run that is about to be started.
    corpus: Its corpus.
    model_dir: Its folder.

  Raises:
    errors.UserError: If a source cannot be read, lacks the part, is of another
      shape, vocabulary or casing, or its index is of another corpus.
  """
  _check_run(
    run, "init_retriever", run.init_checkpoint, ["retriever"], _RETRIEVER_FIELDS
  )
  if reading.is_run(run.init_reader):
    _check_run(
      run,
      "init_reader",
      run.init_reader,
      ["reader", "retriever"],
      _READER_FIELDS,
    )
  else:
    first_weights.check_public(
      run.init_reader, run, corpus.tokenizer, "init_reader"
    )
  if run.index_run:
    run_index.open_index(run, corpus, model_dir)


def _check_run(
  run: run_config.RunConfig,
  flag: str,
  source: str,
  wanted: Sequence[str],
  fields: Sequence[str],
) -> None:
  """Raises if another run has none of the parts, or another shape."""
  found = run_config.read(source)
  if not own_run.roles(own_run.weights_path(source)[0]) & {*wanted}:
    raise errors.UserError(
      f"{flag}={source} holds no {' and no '.join(wanted)}: name a run of "
      "`pretrain` or `pretrain_ict`."
    )
  first_weights.check_shape(run, found, f"{flag}={source}", fields)


def initialize(
  model: orqa.OrqaModel, run: run_config.RunConfig
) -> first_weights.InitReport:
  """Loads a model's first weights.

  The towers are those that made the index, so that questions and passages are
  embedded alike at first. A reader that was pre-trained gives its encoder, and
  so do public weights; of a run without a reader, the retriever's encoder is
  the reader's. A span scorer comes from a run of `finetune` alone.

  Args:
    model: The model, built.
    run: With its sources, which `check` has accepted.
  """
  taken: list[str] = []
  prefix: list[str] = []
  tuned = run_config.read(run.init_checkpoint).task == "finetune"
  if run.index_run and not tuned:
    export = exports.find(run.index_run, run.index_step)
    path = export.weights
    where = f"{export.path}, which made the index"
  else:
    path, step = own_run.weights_path(run.init_checkpoint)
    prefix, where = ["retriever"], f"{run.init_checkpoint}, step {step}"
  for tower in ("query_embedder", "passage_embedder"):
    # One by one: two towers may come from one that was shared.
    _read(path, [*prefix, tower], getattr(model.retriever, tower))
  taken.append(f"retriever from {where}")
  if not reading.is_run(run.init_reader):
    return _from_public(model, run.init_reader, taken)
  path, step = own_run.weights_path(run.init_reader)
  source = f"from {run.init_reader}, step {step}"
  if "reader" not in own_run.roles(path):
    towers = ["retriever", "query_embedder", "encoder"]
    _read(path, towers, model.reader.encoder)
    taken.append(f"reader's encoder {source}: it is its retriever's")
  elif run_config.read(run.init_reader).task == "finetune":
    _read(path, ["reader"], model.reader)
    taken.append(f"reader {source}")
    return first_weights.InitReport(taken, missing=[])
  else:
    _read(path, ["reader", "encoder"], model.reader.encoder)
    taken.append(f"reader's encoder {source}")
  return first_weights.InitReport(taken, missing=[_SCORER])


def _from_public(
  model: orqa.OrqaModel, path: str, taken: list[str]
) -> first_weights.InitReport:
  """Loads the reader's encoder from public weights."""
  found = first_weights.read_bert(path, "init_reader")
  assigned = assignment.initialize_encoder(
    model.reader.encoder, found, assignment.SPAN_READER_ROLES
  )
  roles = ", ".join(assigned.taken)
  line = f"reader's encoder from {path} ({found.format}): {roles}"
  unused = ", ".join(assignment.unused(found, assigned.taken))
  notes = [*assigned.notes, *([f"unused: {unused}"] if unused else [])]
  return first_weights.InitReport(
    [*taken, line], [_SCORER], [f"{path}: {note}" for note in notes]
  )


def _read(path: str, names: list[str], part: tf.keras.Model) -> None:
  """Reads one part of a checkpoint, by its path of names."""
  target: tf.train.Checkpoint | tf.keras.Model = part
  for name in reversed(names[1:]):
    target = tf.train.Checkpoint(**{name: target})
  own_run.restore(path, **{names[0]: target})
