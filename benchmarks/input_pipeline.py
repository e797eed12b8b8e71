"""Examples a second of REALM's input pipeline, against a generator in Python.

python -m benchmarks.input_pipeline
"""

import dataclasses
import os
import tempfile
from collections.abc import Callable
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from benchmarks import python_featuriser
from benchmarks import step_batches
from benchmarks import synthetic
from benchmarks import timing
from realm_tf.configs import mini
from realm_tf.configs import schema
from realm_tf.data.examples import candidates
from realm_tf.data.examples import masked_queries
from realm_tf.data.examples import packing
from realm_tf.data.examples import realm_examples
from realm_tf.data.sentences import annotated_corpus
from realm_tf.export import embedder_export
from realm_tf.index.search import searcher_settings
from realm_tf.index.search import searchers
from realm_tf.models import embedders
from realm_tf.runs import exports
from realm_tf.text import wordpiece
from realm_tf.training.tasks import pipelines

_PASSAGES = 20_000
_REFERENCE_EXAMPLES = 512
_TOKENIZED_AT_ONCE = 4096
_RANDOM = "random candidates"
_LAST_STEP = 10**6
# Of the paper; the encoder of the retrieval is that of `mini`.
_SHAPE = {
  "query_length": 96,
  "passage_length": 288,
  "num_candidates": 8,
  "max_masks": 10,
  "batch_size": 64,
}
_GOOGLE = 680  # quoted from the project's design, for one core


def main() -> None:
  """Measures and prints."""
  config = dataclasses.replace(mini.pretrain(), **_SHAPE)
  words = synthetic.vocabulary()
  tokenizer = wordpiece.Tokenizer(words)
  corpus = synthetic.make_corpus(_PASSAGES, config.passage_length)
  cores = len(os.sched_getaffinity(0))
  reference = _REFERENCE_EXAMPLES / timing.median_seconds(
    _reference(corpus, words, config), warm_up=1, repeats=3
  )
  rows = [_row("Python, one at a time", reference, 1, reference)]
  packed = packing.PackedPassages(
    corpus.passages.title_ids.to_ragged(),
    corpus.passages.body_ids.to_ragged(),
    config.passage_length,
    tokenizer,
  )
  source = masked_queries.MaskedQuerySource(
    corpus.sentences, config, tokenizer, heldout=False
  )
  for name, retrieve in _retrievers(corpus, config):
    examples = realm_examples.RealmExamples(source, retrieve, packed)
    batches = iter(pipelines.by_step(examples, 0, _LAST_STEP))
    rate = timing.median_rate(batches, config.batch_size)
    same_work = reference if name == _RANDOM else None
    rows.append(_row(name, rate, cores, same_work))
    if name == _RANDOM:
      tokenizing = _tokenize_rate(corpus, words, tokenizer)
      both = 1 / (1 / rate + 1 / tokenizing)
      rows.append(_row("  and its tokenizing", both, cores, reference))
  timing.print_table(
    f"Input pipeline: {config.num_candidates} candidates, query "
    f"{config.query_length}, passage {config.passage_length}, batch "
    f"{config.batch_size}",
    ["", "examples/s", "a core", "ratio a core"],
    rows,
    [
      "Python: a stand-in of ours in the manner of Google's generator, random "
      "candidates, one process",
      f"Google's own generator: {_GOOGLE} a second and core, as the project's "
      "design quotes it; not run here",
      "sentences are tokenized once, when a run starts; 'its tokenizing' adds "
      "that to each example, as if there were one epoch",
      f"retrieval: {_PASSAGES:,} passages, tree and hashing; embedder of "
      f"{config.num_layers} x {config.hidden_size} over "
      f"{config.query_length} wordpieces",
    ],
  )


def _row(
  name: str, rate: float, cores: int, reference: float | None
) -> list[str]:
  """Returns a line; without a reference that does the same, no ratio."""
  a_core = rate / cores
  ratio = f"{a_core / reference:.1f}" if reference else "-"
  return [name, f"{rate:,.0f}", f"{a_core:,.0f}", ratio]


def _reference(
  corpus: synthetic.SyntheticCorpus,
  words: list[str],
  config: schema.RealmConfig,
) -> Callable[[], None]:
  """Returns what makes `_REFERENCE_EXAMPLES` examples in Python."""
  table, annotated = corpus.passages, corpus.sentences
  rng = np.random.default_rng(0)
  count = _REFERENCE_EXAMPLES
  featurise = python_featuriser.PythonFeaturiser(
    words,
    [
      (table.title_ids.row(i).tolist(), table.body_ids.row(i).tolist())
      for i in range(count)
    ],
    config,
  )
  examples = []
  for start, limit in _places(annotated, count):
    text = synthetic.text_of(annotated.tokens[start:limit], words)
    middle = len(text) // 2
    spans = [(0, 12), (middle, middle + 12)]
    rows = rng.integers(0, count, config.num_candidates - 1)
    examples.append((text, spans, [-1, *rows.tolist()]))

  def run() -> None:
    for text, spans, rows in examples:
      featurise(text, spans, rows)

  return run


def _places(
  corpus: annotated_corpus.AnnotatedCorpus, count: int
) -> Iterator[tuple[int, int]]:
  """Yields where the first sentences begin and end."""
  starts, limits = corpus.sentence_starts, corpus.sentence_limits
  yield from zip(starts[:count], limits[:count], strict=True)


def _tokenize_rate(
  corpus: synthetic.SyntheticCorpus,
  words: list[str],
  tokenizer: wordpiece.Tokenizer,
) -> float:
  """Returns the sentences a second that are tokenized when a run starts."""
  annotated = corpus.sentences
  texts = tf.constant(
    [
      synthetic.text_of(annotated.tokens[start:limit], words)
      for start, limit in _places(annotated, _TOKENIZED_AT_ONCE)
    ]
  )
  run = tf.function(tokenizer.tokenize_with_offsets)
  seconds = timing.median_seconds(lambda: run(texts)[0].flat_values.numpy())
  return len(texts) / seconds


def _retrievers(
  corpus: synthetic.SyntheticCorpus, config: schema.RealmConfig
) -> Iterator[tuple[str, realm_examples.RetrieveFunction]]:
  """Yields the ways to come by candidates, the cheapest first."""
  size = config.num_candidates
  yield _RANDOM, step_batches.random_candidates(config, _PASSAGES)
  dim = config.embedding_size
  vectors = np.random.default_rng(0).normal(size=(_PASSAGES, dim))
  searcher = searchers.build_searcher(
    vectors.astype(np.float32),
    searcher_settings.choose_settings(_PASSAGES, config, config.num_candidates),
    size,
  )
  table = tf.random.stateless_normal([synthetic.VOCAB_SIZE, dim], [0, 0])

  def first_word(token_ids: tf.Tensor) -> tf.Tensor:
    return tf.gather(table, token_ids[:, 1])

  uids = corpus.passages.uids
  yield (
    "ScaNN, no embedder",
    candidates.CandidateRetriever(first_word, searcher.search, uids, size),
  )
  retriever = embedders.TwoTowers(
    config, config, synthetic.VOCAB_SIZE, synthetic.SEP
  )
  with tempfile.TemporaryDirectory() as folder:
    embedder_export.Exporter(retriever, config).save(folder, 0)
    module = tf.saved_model.load(exports.path(folder, 0))
  signature = module.signatures["query"]
  yield (
    "ScaNN and embedder",
    candidates.CandidateRetriever(
      lambda ids: signature(token_ids=ids)["embedding"],
      searcher.search,
      uids,
      size,
    ),
  )


if __name__ == "__main__":
  main()
