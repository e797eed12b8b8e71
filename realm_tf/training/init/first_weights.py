"""Loads a run's first weights from other runs or public weights."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf
from official.nlp.modeling.networks import bert_encoder

from realm_tf import errors
from realm_tf.checkpoints import assignment
from realm_tf.checkpoints import fitting
from realm_tf.checkpoints import names
from realm_tf.checkpoints import reading
from realm_tf.checkpoints import weight_source
from realm_tf.checkpoints.formats import own_run
from realm_tf.configs import schema
from realm_tf.data.corpus import corpora
from realm_tf.models import embedders
from realm_tf.models import token_tagger
from realm_tf.runs import run_config
from realm_tf.text import wordpiece
from realm_tf.training.init import sentence_init

RETRIEVER_FIELDS = (
  "pooling",
  "projection_size",
  "projection_activation",
  "normalization",
  "tied_embedders",
  "passage_segments",
  "passage_separator",
  "query_prompt",
  "passage_prompt",
)
SHAPE_FIELDS = (
  "num_layers",
  "hidden_size",
  "num_heads",
  "intermediate_size",
  "max_positions",
  "activation",
  *RETRIEVER_FIELDS,
)
# The parts of another run that a task can start from.
_USED = {
  "pretrain_mlm": {"reader"},
  "pretrain_ict": {"reader", "retriever"},
  "pretrain": {"reader", "retriever"},
  "train_tagger": {"reader", "retriever", "tagger"},
}
_OF_BERT = ("retriever", "tagger")  # a BERT is a part of them


@dataclasses.dataclass(frozen=True)
class InitReport:
  """What `initialize` took from each source, as lines of text.

  Attributes:
    taken: Lines such as "retriever from runs/ict, step 300".
    missing: Roles, or parts of them, that keep their random weights.
    notes: Lines on what was left out.
  """

  taken: list[str]
  missing: list[str]
  notes: list[str] = dataclasses.field(default_factory=list)


class _Run(NamedTuple):
  """Another run as a source of weights.

  Attributes:
    path: Its folder.
    checkpoint: Its weights.
    step: Of the weights.
    roles: The parts it holds.
    scores_spans: Whether its reader is a fine-tuned one, which has no head for
      masked tokens.
  """

  path: str
  checkpoint: str
  step: int
  roles: set[str]
  scores_spans: bool


_Source = _Run | weight_source.Source


def read_tokenizer(path: str) -> wordpiece.Tokenizer:
  """Returns the tokenizer that a source's weights were trained with.

  Args:
    path: One source of `init_checkpoint`.

  Raises:
    errors.UserError: If it is neither a run nor public weights.
  """
  return read_bert(path).tokenizer()


def read_bert(path: str, flag: str = "init_checkpoint") -> weight_source.Source:
  """Reads the BERT of a run or of public weights.

  Args:
    path: The source.
    flag: That names it.

  Raises:
    errors.UserError: If it is neither a run nor public weights.
  """
  try:
    return reading.read(path)
  except errors.UserError as e:
    raise errors.UserError(f"`{flag}`: {e}") from e


def check_sources(
  run: run_config.RunConfig, tokenizer: wordpiece.Tokenizer
) -> None:
  """Raises if a run cannot start from its `init_checkpoint`.

  Args:
    run: The run that is about to be started.
    tokenizer: The run's tokenizer.

  Raises:
    errors.UserError: If a source is neither a run nor public weights, has none
      of the parts, or is of another shape, activation or vocabulary.
  """
  for path in _paths(run):
    if reading.is_run(path):
      found = _open_run(path)
      if not found.roles & _USED[run.task]:
        raise errors.UserError(
          f"init_checkpoint={path} holds {', '.join(sorted(found.roles))}, "
          f"nothing that {run.task} starts from "
          f"({', '.join(sorted(_USED[run.task]))})."
        )
      fields = [
        name
        for name in SHAPE_FIELDS
        if "retriever" in found.roles & _USED[run.task]
        or name not in RETRIEVER_FIELDS
      ]
      check_shape(run, run_config.read(path), f"init_checkpoint={path}", fields)
    else:
      check_public(path, run, tokenizer)


def check_public(
  path: str,
  run: run_config.RunConfig,
  tokenizer: wordpiece.Tokenizer,
  flag: str = "init_checkpoint",
) -> None:
  """Raises if public weights do not fit a run's encoders.

  Args:
    path: The weights.
    run: The run that is about to be started.
    tokenizer: The run's tokenizer.
    flag: The argument that names the weights.

  Raises:
    errors.UserError: If they cannot be read, or are of another size,
      activation, vocabulary or casing.
  """
  weights = read_bert(path, flag)
  fitting.check_vocabulary(weights, tokenizer, run.corpus, flag)
  fitting.check_config(weights, run.config, flag)
  if isinstance(run.config, schema.RetrievalConfig):
    sentence_init.check(weights, run.config, flag)


def check_shape(
  wanted: run_config.RunConfig,
  found: run_config.RunConfig,
  source: str,
  fields: Sequence[str] = SHAPE_FIELDS,
) -> None:
  """Refuses a run whose encoder has another shape or vocabulary.

  Args:
    wanted: The run that is about to be started.
    found: The run that gives weights.
    source: The flag that names it, with its value.
    fields: Of the config, which must be equal where both have them.

  Raises:
    errors.UserError: If they differ.
  """
  if found.vocab_sha256 != wanted.vocab_sha256:
    raise errors.UserError(
      f"{source} has another vocabulary than corpus="
      f"{wanted.corpus}: build the corpus with that run's vocabulary "
      f"({found.corpus}/vocab.txt)."
    )
  differing = [
    name
    for name in fields
    if hasattr(found.config, name)
    and hasattr(wanted.config, name)
    and getattr(found.config, name) != getattr(wanted.config, name)
  ]
  if differing:
    there, here = (
      {name: getattr(config, name) for name in differing}
      for config in (found.config, wanted.config)
    )
    raise errors.UserError(
      f"{source} is of another shape than this run's "
      f"{sentence_init.as_arguments(here)}: set "
      f"{sentence_init.as_arguments(there)}."
    )


def initialize(
  parts: dict[str, tf.keras.Model], run: run_config.RunConfig
) -> InitReport:
  """Takes first weights from other runs and from public weights.

  Args:
    parts: The models by role.
    run: The run that is being started. Its `init_checkpoint` names sources,
      separated by commas; where two have the same part, the later one gives
      it. Public weights have a reader, and the encoder of a retriever or of a
      tagger: a retriever or tagger that a run has trained goes before it,
      wherever it stands. An ICT run starts its encoder from a language
      model's, too, and a tagger from any run's.
      `check_sources` has seen that they fit.

  Raises:
    errors.UserError: If a source holds no checkpoint.
  """
  sources = [_open(path) for path in _paths(run)]
  report = InitReport([], [])
  used: dict[str, set[str]] = {}
  for role, part in parts.items():
    giver = _giver(role, sources, run.task)
    if role == "tagger" and isinstance(giver, _Run) and role not in giver.roles:
      giver = read_bert(giver.path)
    if giver is None:
      report.missing.append(role)
    elif isinstance(giver, _Run):
      report.taken.append(_restore(role, part, giver))
      if role == "reader" and giver.scores_spans:
        report.missing.append(f"{role}'s {names.MLM_HEAD}")
    else:
      assigned = _assign(part, giver, run)
      roles = list(assigned.taken)
      used.setdefault(giver.path, set()).update(roles)
      report.taken.append(
        f"{role} from {giver.path} ({giver.format}): {', '.join(roles)}"
      )
      report.missing.extend(f"{role}'s {name}" for name in assigned.missing)
      notes = [f"{giver.path}: {note}" for note in assigned.notes]
      report.notes.extend(n for n in notes if n not in report.notes)
  for found in sources:
    if isinstance(found, weight_source.Source):
      unused = assignment.unused(found, used.get(found.path, set()))
      if unused:
        report.notes.append(f"{found.path}: unused: {', '.join(unused)}")
  return report


def _paths(run: run_config.RunConfig) -> list[str]:
  return [path for path in run.init_checkpoint.split(",") if path]


def _open(path: str) -> _Source:
  return _open_run(path) if reading.is_run(path) else read_bert(path)


def _open_run(path: str) -> _Run:
  checkpoint, step = own_run.weights_path(path)
  scores_spans = run_config.read(path).task == "finetune"
  roles = own_run.roles(checkpoint)
  return _Run(path, checkpoint, step, roles, scores_spans)


def _giver(role: str, sources: Sequence[_Source], task: str) -> _Source | None:
  """Returns the source of a part's weights; None if there is none."""
  runs = [s for s in sources if isinstance(s, _Run) and role in s.roles]
  if role in _OF_BERT:
    if runs:
      return runs[-1]
    encoders = [
      s
      for s in sources
      if isinstance(s, weight_source.Source)
      or task in ("pretrain_ict", "train_tagger")
    ]
    return encoders[-1] if encoders else None
  readers = [
    s for s in sources if isinstance(s, weight_source.Source) or role in s.roles
  ]
  return readers[-1] if readers else None


def _restore(role: str, part: tf.keras.Model, run: _Run) -> str:
  """Takes a part from a run; returns a line on what was taken."""
  if role == "reader" and run.scores_spans:
    encoder = tf.train.Checkpoint(encoder=part.encoder)
    own_run.restore(run.checkpoint, reader=encoder)
    return f"reader's encoder from {run.path}, step {run.step}"
  if role in run.roles:
    own_run.restore(run.checkpoint, **{role: part})
    return f"{role} from {run.path}, step {run.step}"
  for encoder in _encoders(part):
    reader = tf.train.Checkpoint(encoder=encoder)
    own_run.restore(run.checkpoint, reader=reader)
  return f"{role}'s encoder from the language model {run.path}, step {run.step}"


def _assign(
  part: tf.keras.Model,
  weights: weight_source.Source,
  run: run_config.RunConfig,
) -> assignment.Report:
  """Takes a part from public weights."""
  if isinstance(part, embedders.TwoTowers):
    return assign_retriever(part, weights, run)
  if isinstance(part, token_tagger.Tagger):
    report = assignment.initialize_encoder(
      part.encoder, weights, assignment.TAGGER_ROLES
    )
    report.missing.append("classifier")
    return report
  return assignment.initialize_reader(part, weights)


def assign_retriever(
  towers: embedders.TwoTowers,
  weights: weight_source.Source,
  run: run_config.RunConfig,
) -> assignment.Report:
  """Takes a retriever, or its encoders, from public weights.

  Args:
    towers: The retriever.
    weights: A sentence encoder that it is to be, or any BERT.
    run: The run; its corpus has the passages for PCA.
  """
  config = run.config
  if not isinstance(config, schema.RetrievalConfig):
    raise TypeError(f"{run.task} has no retriever")
  if weights.encoder and sentence_init.starts_as(weights, config):
    is_reduced = sentence_init.is_reduced(weights.encoder, config)
    corpus = corpora.Corpus.open(run.corpus) if is_reduced else None
    return sentence_init.initialize(towers, weights, config, corpus)
  report = assignment.initialize_embedder(towers.query_embedder, weights)
  assignment.initialize_embedder(towers.passage_embedder, weights)
  if config.projection_size:
    report.missing.append("projection")
  if weights.encoder:
    different = sentence_init.differing(weights.encoder, config)
    report.notes.append(
      "this retriever is not the sentence encoder that it starts from; with "
      f"{sentence_init.as_arguments(different)} it would be"
    )
  return report


def _encoders(
  retriever: embedders.TwoTowers,
) -> list[bert_encoder.BertEncoderV2]:
  """Returns the encoder of each tower; one where they are tied."""
  towers = [retriever.query_embedder]
  if retriever.passage_embedder is not retriever.query_embedder:
    towers.append(retriever.passage_embedder)
  return [tower.encoder for tower in towers]
