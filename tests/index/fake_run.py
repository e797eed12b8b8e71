"""A run on disk, with a tiny corpus and tiny embedders, made in no time."""

import dataclasses
import json
import pathlib

import numpy as np
import tensorflow as tf

from realm_tf.configs import tiny
from realm_tf.data.corpus import corpora
from realm_tf.data.corpus import passage_record
from realm_tf.index.job import follow
from realm_tf.runs import run_config
from realm_tf.text import wordpiece
from tests import written_corpus

DIM = 16
PASSAGE_LENGTH = 48
VOCABULARY = [*wordpiece.SPECIAL_TOKENS, *(f"w{i}" for i in range(95))]


def write_corpus(
  path: pathlib.Path, num_shards: int = 3, per_shard: int = 20, seed: int = 0
) -> corpora.Corpus:
  """Writes a corpus of random passages of 1 to 60 wordpieces."""
  rng = np.random.default_rng(seed)
  return written_corpus.write(
    path,
    [[_passage(rng) for _ in range(per_shard)] for _ in range(num_shards)],
    VOCABULARY,
  )


def _passage(rng: np.random.Generator) -> passage_record.Passage:
  title, body = (
    rng.integers(5, 100, rng.integers(1, most)).astype(np.int32)
    for most in (5, 60)
  )
  return passage_record.Passage(
    "title", " ".join(VOCABULARY[i] for i in body), title, body
  )


def write_run(
  path: pathlib.Path, corpus: corpora.Corpus, **config: object
) -> str:
  """Writes a run's config; returns its folder."""
  fields = {
    "embed_batch_size": 8,
    "num_candidates": 4,
    "query_length": 32,
    "passage_length": PASSAGE_LENGTH,
    "max_positions": 128,
    # `embed` is compared with what numpy computes.
    "precision": "float32",
    **config,
  }
  run_config.write_or_match(
    str(path),
    run_config.RunConfig(
      task="pretrain",
      config=dataclasses.replace(tiny.pretrain(), **fields),
      corpus=corpus.path,
      corpus_fingerprint=corpus.fingerprint,
      vocab_sha256=corpus.tokenizer.sha256,
      pretrain_corpus=corpus.path,
    ),
  )
  return str(path)


def table_of(step: int) -> np.ndarray:
  """Returns the weights of the embedder of a step: <float32>[100, DIM]."""
  return np.random.default_rng(step).normal(size=(100, DIM)).astype(np.float32)


def embed(token_ids: np.ndarray, step: int) -> np.ndarray:
  """Returns what the embedder of a step makes of rows padded with 0."""
  result = []
  for row in token_ids:
    tokens = row[row != 0]
    weights = 1.0 / (1.0 + np.arange(len(tokens), dtype=np.float32))
    result.append(weights @ table_of(step)[tokens])
  return np.array(result, np.float32)


class _Embedder(tf.Module):
  def __init__(self, table: np.ndarray, work: int):
    super().__init__()
    self.table = tf.Variable(table)
    self.burden = tf.Variable(tf.eye(work))

  @tf.function(
    input_signature=[tf.TensorSpec([None, None], tf.int32, name="token_ids")]
  )
  def embed(self, token_ids: tf.Tensor) -> dict[str, tf.Tensor]:
    place = tf.cast(tf.range(tf.shape(token_ids)[1]), tf.float32)
    weights = tf.cast(token_ids != 0, tf.float32) / (1.0 + place)
    embedding = tf.einsum(
      "bl,bld->bd", weights, tf.gather(self.table, token_ids)
    )
    # Work that takes as long as asked for and changes nothing.
    burden = tf.matmul(self.burden, self.burden)
    return {"embedding": embedding * burden[0, 0]}


def write_export(
  model_dir: str,
  step: int,
  *,
  weights_of: int | None = None,
  finite: bool = True,
  work: int = 1,
  export_id: str = "",
) -> None:
  """Exports the embedder of a step, or that of another as that step's."""
  table = table_of(step if weights_of is None else weights_of)
  if not finite:
    table[:] = np.nan
  module = _Embedder(table, work)
  path = pathlib.Path(model_dir) / "exports" / "embedder" / str(step)
  tf.saved_model.save(
    module,
    str(path),
    signatures={"query": module.embed, "passage": module.embed},
  )
  (path / "manifest.json").write_text(
    json.dumps({"step": step, "dim": DIM, "export_id": export_id})
  )


def refresh(model_dir: str, report=lambda line: None, **options: object) -> int:
  """Runs the refresh job in this process; returns its exit status."""
  chosen = follow.RefreshOptions(model_dir=model_dir, **options)
  return follow.run_job(chosen, follow.prepare(chosen, report))
