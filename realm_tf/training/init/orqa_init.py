"""Chooses and loads what fine-tuning starts from: runs, public weights."""

import dataclasses
from collections.abc import Sequence

import tensorflow as tf

from realm_tf import errors
from realm_tf.checkpoints import assignment
from realm_tf.checkpoints import reading
from realm_tf.checkpoints.formats import own_run
from realm_tf.configs import schema
from realm_tf.data.corpus import corpora
from realm_tf.index.job import corpus_index
from realm_tf.index.versions import run_index
from realm_tf.models import orqa
from realm_tf.models import span_reader
from realm_tf.runs import exports
from realm_tf.runs import run_config
from realm_tf.runs import run_folder
from realm_tf.training.init import first_weights
from realm_tf.training.init import sentence_init

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
    if name not in first_weights.RETRIEVER_FIELDS
  ),
  "span_hidden_size",
)


@dataclasses.dataclass(frozen=True)
class Sources:
  """Where a run's parts come from.

  Attributes:
    retriever: The run that trained it; "" for none.
    reader: The run that trained it, or public weights; "" for none.
    index_run: The run whose index is searched; "" if the corpus is to be
      embedded in the run's own folder, or no index is searched.
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
  corpus: str,
  rebuild_index: bool,
  config: schema.OrqaConfig,
) -> Sources:
  """Returns the sources that the flags name.

  The index is the newest of the retriever's run, if the retriever was not
  trained on since: else the corpus is embedded anew. A run that is resumed
  keeps its index, whatever has been published since.

  Args:
    init: The default of the next two.
    init_retriever: A run of `pretrain`, `pretrain_ict` or `finetune`, or a
      public sentence encoder, imported or not.
    init_reader: A run of `pretrain`, `pretrain_mlm`, `pretrain_ict` or
      `finetune`; or public weights.
    model_dir: The run that is about to be started or resumed.
    corpus: Folder of its corpus.
    rebuild_index: Whether the corpus is embedded anew.
    config: The run's settings.

  Raises:
    errors.UserError: If there is nothing to start from, or a part is named that
      the run does not have.
  """
  retriever, reader = init_retriever or init, init_reader or init
  if not config.train_reader:
    _refuse_source("init_reader", init_reader, "train_reader=true")
    reader = ""
  if not config.has_retriever:
    _refuse_source("init_retriever", init_retriever, "retriever=dense")
    retriever = ""
  for flag, source, wanted in (
    ("retriever", retriever, config.has_retriever),
    ("reader", reader, config.train_reader),
  ):
    if wanted and not source:
      raise errors.UserError(
        f"`init` or `init_{flag}` must name the run of `pretrain` or "
        f"`pretrain_ict` that the {flag} comes from."
      )
  if not retriever:
    return Sources("", reader, "", 0)
  if tf.io.gfile.exists(run_folder.RunFolder(model_dir).config):
    run = run_config.read(model_dir)
    return Sources(retriever, reader, run.index_run, run.index_step)
  is_imported = reading.is_imported_encoder(retriever)
  if not (is_imported or reading.is_run(retriever)):
    return Sources(retriever, reader, "", 0)
  found = run_config.read(retriever)
  version: int | None
  if found.task == "finetune":  # Its index fits its best weights.
    index_run, version = run_index.place(found, retriever)
  else:
    fingerprint = corpora.Corpus.open(corpus).fingerprint
    index_run = retriever
    version = corpus_index.newest(retriever, fingerprint)
  if rebuild_index or version is None:
    return Sources(retriever, reader, "", 0)
  return Sources(retriever, reader, index_run, version)


def _refuse_source(flag: str, source: str, setting: str) -> None:
  """Raises if a source is named for a part that the run does not have."""
  if source:
    raise errors.UserError(
      f"{flag}={source} is for a part that the run does not have: leave it "
      f"out, or set config.{setting}."
    )


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
  if not run.init_checkpoint:
    pass
  elif reading.is_run(run.init_checkpoint):
    _check_run(
      run,
      "init_retriever",
      run.init_checkpoint,
      ["retriever"],
      _RETRIEVER_FIELDS,
    )
    _check_tied(run)
  else:
    _check_encoder(run, corpus)
  if not run.init_reader:
    pass
  elif reading.is_run(run.init_reader):
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
    _check_span_scorer(run)
  if run.index_run:
    run_index.open_first(run, corpus, model_dir)


def _check_tied(run: run_config.RunConfig) -> None:
  """Raises if one tower is to come from two."""
  found = run_config.read(run.init_checkpoint).config
  tied, was_tied = (
    getattr(config, "tied_embedders", True) for config in (run.config, found)
  )
  if tied and not was_tied:
    raise errors.UserError(
      f"config.tied_embedders=True, but the retriever of {run.init_checkpoint} "
      "has two towers: leave it false."
    )


def _check_encoder(run: run_config.RunConfig, corpus: corpora.Corpus) -> None:
  """Raises if the retriever's source is no sentence encoder, or another."""
  flag, path = "init_retriever", run.init_checkpoint
  found = first_weights.read_bert(path, flag)
  if found.encoder is None or not isinstance(run.config, schema.OrqaConfig):
    raise errors.UserError(
      f"{flag}={path} is no run, and has no retriever: name a run of "
      "`pretrain` or `pretrain_ict`, or a sentence encoder. Other public "
      "weights go to `init_reader`."
    )
  first_weights.check_public(path, run, corpus.tokenizer, flag)
  different = sentence_init.differing(found.encoder, run.config)
  if run.index_run and sentence_init.is_reduced(found.encoder, run.config):
    # Its index is of all its dimensions.
    different["projection_size"] = found.encoder.fields()["projection_size"]
  if different:
    raise errors.UserError(
      f"{flag}={path} is another encoder than this run's: set "
      f"{sentence_init.as_arguments(different)}."
    )


def _check_span_scorer(run: run_config.RunConfig) -> None:
  """Raises if public weights score spans by another size than the run."""
  scorer = first_weights.read_bert(run.init_reader, "init_reader").span_scorer
  wanted = getattr(run.config, "span_hidden_size", None)
  if scorer is not None and scorer.hidden_size != wanted:
    raise errors.UserError(
      f"init_reader={run.init_reader} scores spans by {scorer.hidden_size} "
      f"hidden units, this run by {wanted}: set "
      f"config.span_hidden_size={scorer.hidden_size}."
    )


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
    model: The model, built; it may have no reader.
    run: With its sources, which `check` has accepted.
  """
  taken = []
  if model.retriever is not None:
    taken.append(f"retriever from {_initialize_retriever(model, run)}")
  if model.reader is None:
    return first_weights.InitReport(taken, missing=[])
  if not reading.is_run(run.init_reader):
    return _from_public(model.reader, run.init_reader, taken)
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


def _initialize_retriever(
  model: orqa.OrqaModel, run: run_config.RunConfig
) -> str:
  """Loads both towers; returns where from."""
  source = run.init_checkpoint
  if not reading.is_run(source):
    found = first_weights.read_bert(source, "init_retriever")
    first_weights.assign_retriever(model.towers, found, run)
    return f"{source} ({found.format})"
  prefix: list[str] = []
  if run.index_run and run_config.read(source).task != "finetune":
    export = exports.find(run.index_run, run.index_step)
    path = export.weights
    where = f"{export.path}, which made the index"
  else:
    path, step = own_run.weights_path(source)
    prefix, where = ["retriever"], f"{source}, step {step}"
  for tower in ("query_embedder", "passage_embedder"):
    # One by one: two towers may come from one that was shared.
    _read(path, [*prefix, tower], getattr(model.towers, tower))
  return where


def _from_public(
  reader: span_reader.SpanReader, path: str, taken: list[str]
) -> first_weights.InitReport:
  """Loads a reader, or its encoder, from public weights."""
  found = first_weights.read_bert(path, "init_reader")
  assigned = assignment.initialize_span_reader(reader, found)
  roles = ", ".join(assigned.taken)
  part = "reader" if found.span_scorer else "reader's encoder"
  line = f"{part} from {path} ({found.format}): {roles}"
  if found.span_scorer:
    line += ", span scorer"
  unused = ", ".join(assignment.unused(found, assigned.taken))
  notes = [*assigned.notes, *([f"unused: {unused}"] if unused else [])]
  return first_weights.InitReport(
    [*taken, line],
    [] if found.span_scorer else [_SCORER],
    [f"{path}: {note}" for note in notes],
  )


def _read(path: str, names: list[str], part: tf.keras.Model) -> None:
  """Reads one part of a checkpoint, by its path of names."""
  target: tf.train.Checkpoint | tf.keras.Model = part
  for name in reversed(names[1:]):
    target = tf.train.Checkpoint(**{name: target})
  own_run.restore(path, **{names[0]: target})
