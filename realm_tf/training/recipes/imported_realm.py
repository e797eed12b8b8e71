"""Writes a released fine-tuned REALM as a run of `finetune`, with its index."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from realm_tf import devices
from realm_tf import errors
from realm_tf.checkpoints import assignment
from realm_tf.checkpoints import fitting
from realm_tf.checkpoints import reading
from realm_tf.checkpoints import saved
from realm_tf.checkpoints import weight_source
from realm_tf.checkpoints.formats import google_realm
from realm_tf.checkpoints.formats import hugging_face_realm
from realm_tf.checkpoints.formats import whole_realm
from realm_tf.configs import base
from realm_tf.configs import schema
from realm_tf.data.corpus import corpora
from realm_tf.index.versions import index_store
from realm_tf.models import orqa
from realm_tf.runs import run_config
from realm_tf.training.recipes import imported_vectors
from realm_tf.training.recipes import imported_weights
from realm_tf.training.tasks import orqa_task

_LONGEST_QUERY = 64
# What a run may choose; the source says the rest.
_FIELDS = (
  "query_length",
  "passage_length",
  "precision",
  "export_precision",
  "seed",
  *(field.name for field in dataclasses.fields(schema.IndexConfig)),
)


@dataclasses.dataclass(frozen=True)
class Parts:
  """All that a run is made of.

  Attributes:
    found: Query tower, reader and vectors.
    tower: The passage tower.
    corpus: The passages, in the order of the vectors.
    config: The run's settings.
  """

  found: whole_realm.WholeRealm
  tower: weight_source.Source
  corpus: corpora.Corpus
  config: schema.OrqaConfig


@dataclasses.dataclass(frozen=True)
class Rest:
  """What is left of `Parts` once the weights are written.

  Attributes:
    path: The released model's folder.
    block_embeddings: <float32>[passages, D].
    corpus: The passages, in their order.
    config: The run's settings.
  """

  path: str
  block_embeddings: np.ndarray
  corpus: corpora.Corpus
  config: schema.OrqaConfig


def gather(
  path: str, passage_tower: str, corpus: str, overrides: Mapping[str, Any]
) -> Parts:
  """Reads all parts, and checks that they fit; writes nothing.

  Args:
    path: The released model's folder.
    passage_tower: The folder of the embedder that it was fine-tuned from.
    corpus: Folder of the corpus of its passages.
    overrides: Fields of the config that take precedence.

  Raises:
    errors.UserError: If a part is missing, cannot be read, or does not fit the
      others.
  """
  if not passage_tower:
    raise errors.UserError(
      f"source={path} is fine-tuned, and holds the query tower alone: name the "
      "folder of the embedder that it was fine-tuned from, such as "
      "realm-cc-news-pretrained-embedder or cc_news_pretrained/embedder, by "
      "`passage_tower`."
    )
  tower = _read_tower(passage_tower)
  found = _read(path, passage_tower, tower)
  _check_tower(passage_tower, tower, found.embedder)
  if not corpus:
    raise errors.UserError(
      f"source={path} needs the corpus of its passages: build it with "
      f"build_corpus({found.building}), and name it by `corpus`."
    )
  opened = corpora.Corpus.open(corpus)
  fitting.check_vocabulary(found.embedder, opened.tokenizer, corpus, "source")
  imported_vectors.check(found.block_embeddings, opened, corpus, path)
  return Parts(found, tower, opened, _make_config(found, overrides))


def is_whole(path: str) -> bool:
  """Returns whether a folder is a whole fine-tuned REALM.

  Raises:
    errors.UserError: If its weights are missing or damaged.
  """
  return google_realm.is_finetuned(path) or hugging_face_realm.is_openqa(path)


def _read(
  path: str, tower_path: str, tower: weight_source.Source
) -> whole_realm.WholeRealm:
  """Reads a whole fine-tuned REALM in any format."""
  try:
    if google_realm.is_finetuned(path):
      return google_realm.read_finetuned(path, tower_path, tower)
    return hugging_face_realm.read_openqa(path)
  except saved.DAMAGE as e:
    raise errors.UserError(
      f"source={path} is damaged, or only a part of it is there: download it "
      f"again ({' '.join(str(e).split())})."
    ) from e


def _read_tower(path: str) -> weight_source.Source:
  """Reads the passage tower."""
  try:
    tower = reading.read(path)
  except errors.UserError as e:
    raise errors.UserError(f"`passage_tower`: {e}") from e
  if tower.encoder is None:
    raise errors.UserError(
      f"passage_tower={path} makes no embeddings ({tower.format}): name a "
      "folder of realm-...-embedder or cc_news_pretrained/embedder, or its "
      "import."
    )
  return tower


def _check_tower(
  path: str, tower: weight_source.Source, embedder: weight_source.Source
) -> None:
  """Raises unless the passage tower is like the query tower."""
  if tower.vocabulary != embedder.vocabulary:
    raise errors.UserError(
      f"passage_tower={path} has another vocabulary than {embedder.path}: name "
      "the embedder that this was fine-tuned from."
    )
  if (
    tower.config != embedder.config
    or tower.encoder is None
    or embedder.encoder is None
    or tower.encoder.fields() != embedder.encoder.fields()
  ):
    raise errors.UserError(
      f"passage_tower={path} is of another shape than the query tower of "
      f"{embedder.path}: name the embedder that this was fine-tuned from."
    )


def _make_config(
  found: whole_realm.WholeRealm, overrides: Mapping[str, Any]
) -> schema.OrqaConfig:
  """Returns the run's config: as the source says, and else as in the paper."""
  for name, value in overrides.items():
    if name not in _FIELDS:
      raise errors.UserError(
        f"config.{name}={value} is of a sentence encoder, and source="
        f"{found.path} is a whole REALM, which says it itself: leave it out."
      )
  bert = found.embedder.config
  if found.embedder.encoder is None or found.reader.span_scorer is None:
    raise TypeError(f"{found.path} is no whole REALM")
  length = min(found.reader_length, bert.max_positions)
  fields: dict[str, Any] = {
    **vars(base.finetune()),
    **vars(schema.EncoderConfig.of(bert)),
    **found.embedder.encoder.fields(),
    "reader_length": length,
    # Bodies as long as the reader takes them.
    "passage_length": length,
    "query_length": min(_LONGEST_QUERY, length - 3),
    "reader_beam": found.reader_beam,
    "max_span_length": found.max_span_length,
    "span_hidden_size": found.reader.span_scorer.hidden_size,
    "add_up_answers": False,
    "index_dtype": "float32",
    "precision": "float32",
    **overrides,
  }
  return schema.OrqaConfig(**fields)


def write_weights(parts: Parts, folder: str) -> Rest:
  """Writes what the weights become: the first part of a run.

  Args:
    parts: From `gather`, which need not be kept for `write_rest`.
    folder: A new folder.

  Returns:
    What `write_rest` needs, without the weights.

  Raises:
    errors.UserError: If the disk is full.
  """
  config, corpus, found = parts.config, parts.corpus, parts.found
  devices.set_precision(config.precision, on_cpu=True)
  tokenizer = corpus.tokenizer
  model = orqa.OrqaModel.of_task(config, tokenizer.vocab_size, tokenizer.sep_id)
  towers = model.towers
  for embedder, source in (
    (towers.query_embedder, found.embedder),
    (towers.passage_embedder, parts.tower),
  ):
    if source.encoder is None:
      raise TypeError(f"{source.path} makes no embeddings")
    assignment.initialize_embedder(
      embedder, source, source.encoder.dense, source.encoder.layer_norm
    )
  if model.reader is None:
    raise TypeError("no reader")
  assignment.initialize_span_reader(model.reader, found.reader)
  imported_weights.write(folder, tokenizer, towers, config, **model.parts)
  return Rest(found.path, found.block_embeddings, corpus, config)


def write_rest(rest: Rest, folder: str) -> None:
  """Writes the index, and the run's config last.

  Args:
    rest: From `write_weights`.
    folder: The same folder.

  Raises:
    errors.UserError: If the disk is full, or a vector is not finite.
  """
  config, corpus = rest.config, rest.corpus
  imported_vectors.publish(
    rest.block_embeddings,
    corpus,
    config,
    rest.path,
    folder=folder,
    store=index_store.IndexStore(folder),
    step=imported_weights.STEP,
  )
  run_config.write_or_match(
    folder,
    run_config.RunConfig(
      task=orqa_task.OrqaTask.name,
      config=config,
      corpus=corpus.path,
      corpus_fingerprint=corpus.fingerprint,
      vocab_sha256=corpus.tokenizer.sha256,
      pretrain_corpus="",
      init_checkpoint=rest.path,
      init_reader=rest.path,
      index_step=imported_weights.STEP,
    ),
  )
