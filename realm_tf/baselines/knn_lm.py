"""kNN-LM beside REALM: masked wordpieces of the same held-out sentences.

The paper sets REALM apart from Khandelwal et al. (2020): there the language
model's own states are the keys of a store, and nothing is trained for it.
"""

import dataclasses
import functools
import logging
import os
from typing import Any
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from realm_tf import devices
from realm_tf import errors
from realm_tf import files
from realm_tf.baselines import knn_lm_options
from realm_tf.baselines import knn_store
from realm_tf.checkpoints import fitting
from realm_tf.checkpoints.formats import own_run
from realm_tf.configs import schema
from realm_tf.data.corpus import corpora
from realm_tf.data.examples import candidates
from realm_tf.data.examples import masked_queries
from realm_tf.data.examples import packing
from realm_tf.data.examples import realm_examples
from realm_tf.data.sentences import annotated_corpus
from realm_tf.export import embedder_export
from realm_tf.index.versions import index_store
from realm_tf.index.versions import run_index
from realm_tf.models import masked_lm
from realm_tf.models import prompts
from realm_tf.models import realm
from realm_tf.runs import exports
from realm_tf.runs import run_config

_log = logging.getLogger(__name__)

RESULTS = "knn_lm.json"


class States(NamedTuple):
  """What the language model holds at masked wordpieces.

  Attributes:
    hidden: <float32>[n, D]. Before the projection to the vocabulary.
    targets: <int32>[n]. The wordpieces.
    queries: <int64>[n]. The number of each one's query.
  """

  hidden: np.ndarray
  targets: np.ndarray
  queries: np.ndarray


class LanguageModel:
  """A run's reader, without passages, at the masks of sentences."""

  def __init__(self, reader: masked_lm.MaskedLanguageModel, sep_id: int):
    """Takes a reader and the id of [SEP]."""
    self._reader = reader
    self._sep_id = sep_id
    self._states = tf.function(
      self._read, autograph=False, reduce_retracing=True
    )
    self._scores = tf.function(
      reader.head.scores, autograph=False, reduce_retracing=True
    )

  def states(self, batches: list[masked_queries.QueryBatch]) -> States:
    """Reads masked queries.

    Args:
      batches: Numbered through, in this order.
    """
    hidden, targets, queries = [], [], []
    before = 0
    for batch in batches:
      masked = batch.masked
      is_mask = masked.target_weights.numpy() > 0  # [batch, M]
      states = self._states(masked.token_ids, masked.mask_positions)
      hidden.append(states.numpy()[is_mask])
      targets.append(masked.targets.numpy()[is_mask])
      queries.append(before + np.nonzero(is_mask)[0])
      before += len(is_mask)
    return States(*map(np.concatenate, (hidden, targets, queries)))

  def probabilities(self, hidden: np.ndarray) -> np.ndarray:
    """Returns p_LM from hidden states, <float32>[n, V]."""
    scores = self._scores(tf.constant(hidden[:, None]))
    return tf.nn.softmax(scores[:, 0]).numpy()

  def _read(self, token_ids: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
    """Reads `[CLS] x [SEP] [SEP]`: the null passage is but its [SEP]."""
    lengths = tf.math.count_nonzero(token_ids, axis=1, dtype=tf.int32)
    end = tf.one_hot(lengths, token_ids.shape[1] + 1, dtype=tf.int32)
    token_ids = tf.pad(token_ids, [[0, 0], [0, 1]]) + end * self._sep_id
    return self._reader.states(token_ids, end, positions)


def run(options: knn_lm_options.Options) -> dict[str, Any]:
  """Builds the store, and measures kNN-LM beside the run itself.

  Args:
    options: The settings.

  Returns:
    The results, which are in the folder `options.output`, too.

  Raises:
    errors.UserError: If the run has no reader, or anything does not fit.
  """
  found = run_config.read(options.model_dir)
  config = _masking(found, options.model_dir)
  corpus = fitting.open_corpus(options.corpus, options.model_dir, found)
  sentences = annotated_corpus.load(found.pretrain_corpus, corpus.tokenizer)
  make = functools.partial(
    masked_queries.MaskedQuerySource, sentences, config, corpus.tokenizer
  )
  training, heldout = make(heldout=False), make(heldout=True)
  devices.set_precision("float32", on_cpu=False)
  weights, step = own_run.weights_path(options.model_dir)
  if "reader" not in own_run.roles(weights):
    raise errors.UserError(_no_reader(options.model_dir, found.task))
  model = None
  if isinstance(found.config, schema.RealmConfig):
    model = _realm(found.config, corpus, weights)
  reader = model.reader if model else _reader(config, corpus, weights)
  language_model = LanguageModel(reader, corpus.tokenizer.sep_id)

  entries = language_model.states(_spans(training, options, config.seed))
  store = knn_store.Store(entries.hidden, entries.targets, options.neighbors)
  _log.info(f"{len(store):,} masked wordpieces in the store; {store.how}.")
  count = heldout.num_examples
  count = min(count, options.heldout_sentences or count)
  if count < 2:
    raise errors.UserError(
      f"heldout_sentences={count} must be 2 at least: lambda is chosen on one "
      "half and used on the other."
    )
  steps = range(-(-count // config.batch_size))
  asked = [_first(heldout, step, count, config.batch_size) for step in steps]
  figures, chosen = _measure(language_model, store, asked)
  if model and isinstance(found.config, schema.RealmConfig):
    examples = _examples(options.model_dir, found.config, heldout, corpus)
    batches = (
      {
        name: part[: count - step * config.batch_size]
        for name, part in examples(tf.constant(step, tf.int64)).items()
      }
      for step in steps
    )
    figures |= _measure_realm(model, batches)
  results = {
    "model_dir": options.model_dir,
    "step": step,
    "store": {"entries": len(store), "search": store.how},
    "heldout_sentences": count,
    "mixing": [half._asdict() for half in chosen],
    "figures": {name: {"value": value} for name, value in figures.items()},
  }
  path = os.path.join(options.output, RESULTS)
  os.makedirs(options.output, exist_ok=True)
  files.write_json(path, results)
  for name, value in figures.items():
    _log.info(f"  {name:<40} {value:.4f}")
  _log.info(f"Wrote {path}.")
  return results


def _masking(run: run_config.RunConfig, model_dir: str) -> schema.QueryConfig:
  """Returns how a run's sentences are masked: at salient spans."""
  if not isinstance(run.config, schema.RealmConfig | schema.MlmConfig):
    raise errors.UserError(_no_reader(model_dir, run.task))
  config = schema.QueryConfig.of(run.config)
  return dataclasses.replace(config, masking="salient_span")


def _no_reader(model_dir: str, task: str) -> str:
  return (
    f"model_dir={model_dir} is a run of {task}, which has no language model: "
    "name a run of `pretrain` or `pretrain_mlm`."
  )


def _reader(
  config: schema.QueryConfig, corpus: corpora.Corpus, weights: str
) -> masked_lm.MaskedLanguageModel:
  reader = masked_lm.MaskedLanguageModel(
    config, corpus.tokenizer.vocab_size, name="reader"
  )
  own_run.restore(weights, reader=reader)
  return reader


def _realm(
  config: schema.RealmConfig, corpus: corpora.Corpus, weights: str
) -> realm.RealmModel:
  tokenizer = corpus.tokenizer
  model = realm.RealmModel.of_task(
    config,
    tokenizer.vocab_size,
    tokenizer.sep_id,
    prompts.of(config, tokenizer),
  )
  own_run.restore(weights, retriever=model.retriever, reader=model.reader)
  return model


def _spans(
  source: masked_queries.MaskedQuerySource,
  options: knn_lm_options.Options,
  seed: int,
) -> list[masked_queries.QueryBatch]:
  """Returns the training sentences, once for each of their spans."""
  sentences, spans = source.spans()
  order = np.random.default_rng(seed).permutation(len(spans))
  order = order[: options.training_spans or len(order)]
  return [
    source.mask_spans(
      *(
        tf.constant(part[order[first : first + options.batch_size]])
        for part in (sentences, spans)
      )
    )
    for first in range(0, len(order), options.batch_size)
  ]


def _first(
  source: masked_queries.MaskedQuerySource, step: int, count: int, size: int
) -> masked_queries.QueryBatch:
  """Returns a step's queries, without those that would come twice."""
  batch = source(tf.constant(step, tf.int64))
  keep = count - step * size
  return masked_queries.QueryBatch(
    type(batch.masked)(*(part[:keep] for part in batch.masked)),
    *(
      part[:keep]
      for part in (batch.token_ids, batch.source_uids, batch.sentences)
    ),
  )


def _measure(
  language_model: LanguageModel,
  store: knn_store.Store,
  asked: list[masked_queries.QueryBatch],
) -> tuple[dict[str, float], list[knn_store.Mixing]]:
  """Measures language model and kNN-LM.

  Each half of the queries is measured with what suits the other half best.
  """
  states = language_model.states(asked)
  targets = states.targets
  alone = language_model.probabilities(states.hidden)
  near = store.nearest(states.hidden)
  of_targets = np.take_along_axis(alone, targets[:, None], axis=1)[:, 0]
  chosen = []
  mixed = np.empty_like(alone)
  for half in (0, 1):
    here = states.queries % 2 == half
    other = knn_store.Neighbors(*(part[~here] for part in near))
    mixing = knn_store.choose(of_targets[~here], other, targets[~here])
    these = knn_store.Neighbors(*(part[here] for part in near))
    mixed[here] = knn_store.mixture(alone[here], these, mixing)
    chosen.append(mixing)
  figures = {"masked_tokens": float(len(targets))}
  for name, probabilities in (("reader", alone), ("knn_lm", mixed)):
    of = np.take_along_axis(probabilities, targets[:, None], axis=1)
    right = probabilities.argmax(axis=1) == targets
    figures[f"{name}_accuracy"] = float(right.mean())
    figures[f"{name}_log_likelihood"] = float(np.log(of).mean())
  return figures, chosen


def _measure_realm(model: realm.RealmModel, batches: Any) -> dict[str, float]:
  """Measures REALM with its passages, per masked wordpiece as the others."""
  score = tf.function(
    functools.partial(model.sums, training=False),
    autograph=False,
    reduce_retracing=True,
  )
  right = tokens = log_likelihood = 0.0
  for features in batches:
    sums = score(features)
    right += float(sums["accuracy"][0])
    tokens += float(sums["accuracy"][1])
    log_likelihood -= float(sums["loss"][0])
  return {
    "realm_accuracy": right / tokens,
    "realm_log_likelihood": log_likelihood / tokens,
  }


def _examples(
  model_dir: str,
  config: schema.RealmConfig,
  heldout: masked_queries.MaskedQuerySource,
  corpus: corpora.Corpus,
) -> realm_examples.RealmExamples:
  """Returns the held-out queries with candidates of the newest index."""
  step = index_store.IndexStore(model_dir).latest()
  if step is None:
    raise errors.UserError(
      f"model_dir={model_dir} has no index yet: `pretrain` builds the first "
      "one when it starts."
    )
  table = corpus.load_passages()
  with run_index.loading_own(model_dir, step, corpus) as version:
    embed = embedder_export.QueryEmbedder(exports.find(model_dir, step).path)
    search = version.load_searcher().search
  retrieve = candidates.CandidateRetriever(
    embed, search, table.uids, config.num_candidates
  )
  packed = packing.PackedPassages.of(
    table, config.passage_length, corpus.tokenizer
  )
  return realm_examples.RealmExamples(heldout, retrieve, packed)
