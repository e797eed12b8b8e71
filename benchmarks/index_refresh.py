"""Passages a second of the index refresh, against a plain function.

python -m benchmarks.index_refresh
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from benchmarks import corpora
from benchmarks import flops
from benchmarks import synthetic
from benchmarks import timing
from realm_tf import stack
from realm_tf.configs import mini
from realm_tf.export import embedder_export
from realm_tf.index.build import batching
from realm_tf.index.build import embed_distributed
from realm_tf.index.build import embed_estimator
from realm_tf.index.build import embedding_engine
from realm_tf.index.job import follow
from realm_tf.models import embedders
from realm_tf.runs import exports
from realm_tf.runs import run_config

_PASSAGES = 1024
_SHARDS = 4
_ROUNDS = 2
_ENGINES = {
  "Estimator": embed_estimator.EmbedEstimator,
  "tf.distribute": embed_distributed.EmbedDistributed,
}


def main() -> None:
  """Measures and prints."""
  config = mini.pretrain()
  rates = [timing.matrix_rate()]
  with tempfile.TemporaryDirectory() as folder:
    model_dir, corpus_dir = (os.path.join(folder, n) for n in ("run", "corpus"))
    corpus = corpora.write_corpus(
      corpus_dir, _PASSAGES, _SHARDS, config.passage_length
    )
    run_config.write_or_match(
      model_dir,
      run_config.RunConfig(
        task="pretrain",
        config=config,
        corpus=corpus_dir,
        corpus_fingerprint=corpus.fingerprint,
        vocab_sha256=corpus.tokenizer.sha256,
        pretrain_corpus=corpus_dir,
      ),
    )
    retriever = embedders.TwoTowers(
      config, config, synthetic.VOCAB_SIZE, synthetic.SEP
    )
    exporter = embedder_export.Exporter(retriever, config)
    exporter.save(model_dir, 0)
    inputs = np.concatenate(
      [
        batching.shard_inputs(corpus, shard, config.passage_length)
        for shard in range(_SHARDS)
      ]
    )
    batches = [
      batch.token_ids
      for batch in batching.batches_by_length(inputs, config.embed_batch_size)
    ]
    export = exports.path(model_dir, 0)
    plain = timing.median_seconds(
      _plain(export, batches), warm_up=1, repeats=_ROUNDS
    )
    rates.append(timing.matrix_rate())
    engines = {}
    for name, engine in _ENGINES.items():
      if name == "tf.distribute" or stack.has_estimator():
        engines[name] = _seconds(engine(export), batches)
        rates.append(timing.matrix_rate())
    job = _job(model_dir)
  peak = statistics.median(rates)
  lengths = np.count_nonzero(inputs, axis=1)
  useful = sum(flops.embedder(config, int(length)) for length in lengths)
  computed = sum(
    b.shape[0] * flops.embedder(config, b.shape[1]) for b in batches
  )

  def row(name: str, seconds: float, before: str) -> list[str]:
    rate, share = _PASSAGES / seconds, useful / seconds / peak
    return [
      name,
      before,
      f"{rate:.0f}",
      f"{plain / seconds:.2f}",
      f"{share:.0%}",
    ]

  timing.print_table(
    f"Index refresh: {_PASSAGES} passages, {config.num_layers} x "
    f"{config.hidden_size}, float32, batches of {config.embed_batch_size}",
    ["", "start-up s", "passages/s", "ratio", "of matrix rate"],
    [
      row("tf.function, same batches", plain, "-"),
      *(
        row(name, seconds, f"{start_up:.1f}")
        for name, (start_up, seconds) in engines.items()
      ),
      row("whole job, start included", job, "-"),
    ],
    [
      f"matrix rate: {peak / 1e9:.0f} GFLOP/s, median of {len(rates)}",
      f"model: {useful / _PASSAGES / 1e9:.2f} GFLOP a passage of "
      f"{lengths.mean():.0f} wordpieces (benchmarks/flops.py); with the "
      f"padding {computed / useful - 1:.0%} more are computed",
      "whole job: reads the corpus, embeds, writes, builds the searcher, "
      "measures its recall, publishes",
    ],
  )


def _plain(export: str, batches: Sequence[np.ndarray]) -> Callable[[], None]:
  """Returns what embeds the batches with the export alone."""
  module = tf.saved_model.load(export)

  def run() -> None:
    embed = module.signatures["passage"]
    for batch in batches:
      embed(token_ids=tf.constant(batch))["embedding"].numpy()

  return run


def _seconds(
  engine: embedding_engine.BatchEngine, batches: Sequence[np.ndarray]
) -> tuple[float, float]:
  """Returns the seconds to the first embeddings, and those of one round.

  The batches come several times over, and the median is of the later rounds.
  """
  rounds = [*batches] * (_ROUNDS + 1)
  marks, first = [], 0.0
  start = time.perf_counter()
  for number, _ in enumerate(engine.predict(rounds), start=1):
    if number == 1:
      first = time.perf_counter() - start
    if number % len(batches) == 0:
      marks.append(time.perf_counter())
  return first, float(np.median(np.diff(marks)))


def _job(model_dir: str) -> float:
  """Returns the seconds of the whole job, in this process."""
  options = follow.RefreshOptions(model_dir=model_dir)
  start = time.perf_counter()
  follow.run_job(options, follow.prepare(options, lambda line: None))
  return time.perf_counter() - start


if __name__ == "__main__":
  main()
