"""Start of a run and its memory, by the size of the corpus.

python -m benchmarks.scale [--rows=200000,1000000] [--starts=first,later]
"""

import argparse
import concurrent.futures
import dataclasses
import gc
import multiprocessing
import os
import pathlib
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from benchmarks import corpora as corpora_lib
from benchmarks import synthetic
from benchmarks import timing
from realm_tf import files
from realm_tf.configs import base
from realm_tf.data import mapped_arrays
from realm_tf.data.corpus import corpora
from realm_tf.data.corpus import corpus_folder
from realm_tf.data.corpus import corpus_manifest
from realm_tf.data.corpus import passage_record
from realm_tf.data.corpus import passage_table
from realm_tf.data.corpus import sentence_folder
from realm_tf.data.corpus import shard_files
from realm_tf.data.examples import masked_queries
from realm_tf.data.examples import packing
from realm_tf.data.examples import record_words
from realm_tf.data.sentences import annotated_corpus
from realm_tf.data.sentences import sentence_records
from realm_tf.index.device import device_index
from realm_tf.index.device import share_layout
from realm_tf.plans import corpus_size
from realm_tf.plans import host_memory
from realm_tf.text import wordpiece
from realm_tf.training.tasks import pipelines

_SHARD = 20_000  # passages that are written; all other shards are links to them
_LONGEST = 288
_DIM = 128
_REPLICAS = 64
_QUERIES = 512
_STEPS = 4
_IN_MEMORY = "memory"
_STARTS = (_IN_MEMORY, "first", "later")


class Figures(NamedTuple):
  """What a process took to start.

  Attributes:
    seconds: Until the examples were there, without imports.
    batch_seconds: Of the first batch of 512 masked queries.
    held: Growth of its own memory.
    peak: By which that had grown meanwhile, at most.
    mapped: Growth of the pages of files that are in its memory.
    held_by_formula: `host_memory`'s for `held`.
    in_files: `host_memory`'s bytes of the mapped files.
  """

  seconds: float
  batch_seconds: float
  held: int
  peak: int
  mapped: int
  held_by_formula: int
  in_files: int


def main() -> None:
  """Measures each size in processes of its own, and prints the tables."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument("--rows", default="200000", help="sizes, by commas")
  parser.add_argument(
    "--starts", default=",".join(_STARTS), help="which starts, by commas"
  )
  parser.add_argument("--folder", help="where corpora are written, for a while")
  args = parser.parse_args()
  starts, shares = [], []
  for size in map(int, args.rows.split(",")):
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
      path = os.path.join(folder, "corpus")
      _in_process(_write, path, size)
      for name in args.starts.split(","):
        fewest = size + 1 if name == _IN_MEMORY else 1
        figures = _in_process(_start, path, fewest)
        starts.append(_line(f"{size:,} {name}", figures))
    shares.append(_in_process(_device_line, size))
  timing.print_table(
    f"Start of `pretrain`, retrieval on the host: passages of {_LONGEST} "
    "wordpieces at most",
    [
      *("passages", "start s", "batch s", "own GB", "by formula", "peak GB"),
      *("mapped GB", "in files"),
    ],
    [*starts, _wikipedia_line()],
    [
      "memory: as smaller corpora are read; first: writes the arrays; later: "
      "maps them",
      "own: growth of the process's own memory; mapped: of pages of files that "
      "it has read, which processes share and the kernel can drop",
      "without index and model; batch: 512 queries, 8 random candidates each",
    ],
  )
  timing.print_table(
    f"Index and passages on a device: {_DIM} dimensions in bfloat16, "
    f"{_LONGEST} wordpieces",
    [
      *("passages", "replicas", "vectors MB", "wordpieces MB"),
      *("variables MB", "own MB"),
    ],
    [*shares, _wikipedia_share()],
    [
      "by formula; of the CPU device: its variables, the process's growth",
    ],
  )


def _in_process(function: Callable[..., Any], *args: object) -> Any:
  """Calls a function in a new process."""
  with concurrent.futures.ProcessPoolExecutor(
    1, mp_context=multiprocessing.get_context("spawn")
  ) as process:
    return process.submit(function, *args).result()


def _write(path: str, num_passages: int) -> None:
  """Writes an annotated corpus whose shards hold the same passages.

  Args:
    path: The folder; made.
    num_passages: How many; a multiple of `_SHARD`.
  """
  words = synthetic.vocabulary()
  tokenizer = wordpiece.Tokenizer(words)
  corpus = synthetic.make_corpus(_SHARD, _LONGEST)
  sentences = corpus.sentences
  folders = (corpus_manifest.PASSAGES_FOLDER, sentence_folder.NAME)
  for name in folders:
    os.makedirs(os.path.join(path, name))
  (pathlib.Path(path) / corpus_manifest.VOCABULARY_NAME).write_text(
    "\n".join(words) + "\n"
  )
  shards = num_passages // _SHARD
  names = [
    f"{corpus_manifest.PASSAGES_FOLDER}/{i:05d}.tfrecord.gz"
    for i in range(shards)
  ]
  annotations = [sentence_folder.shard_name(i, shards) for i in range(shards)]
  ids, passages, annotated = [], [], []
  bounds = np.searchsorted(sentences.sentence_passages, np.arange(_SHARD + 1))
  for i in range(_SHARD):
    title, body = str(i), _Body(corpus.passages.body_ids.row(i), words)
    passage = passage_record.Passage(
      title=title,
      body=body.text,
      title_token_ids=corpus.passages.title_ids.row(i),
      body_token_ids=corpus.passages.body_ids.row(i),
    )
    ids.append(passage.id)
    passages.append(passage_table.encode_passage(passage, "uint16"))
    first = sentences.passage_splits[i]
    own = slice(bounds[i], bounds[i + 1])
    spans = slice(*sentences.span_splits[[own.start, own.stop]])
    annotated.append(
      sentence_records.encode(
        title.encode(),
        body.text.encode(),
        body.bytes_of(
          sentences.sentence_starts[own] - first,
          sentences.sentence_limits[own] - first,
        ),
        body.bytes_of(
          sentences.span_starts[spans] - first,
          sentences.span_limits[spans] - first,
        ),
      )
    )
  for folder, records, suffixed in (
    (path, passages, names),
    (sentence_folder.path(path), annotated, annotations),
  ):
    first_path = os.path.join(folder, suffixed[0])
    with tf.io.TFRecordWriter(first_path, "GZIP") as writer:
      for record in records:
        writer.write(record)
    for name in suffixed[1:]:
      os.link(first_path, os.path.join(folder, name))
  digest = shard_files.id_digest(ids)
  corpora_lib.write_manifest(
    path,
    tokenizer,
    [corpus_manifest.ShardEntry(name, _SHARD, "") for name in names],
    _LONGEST,
    corpus_folder.fingerprint([digest] * shards, tokenizer),
  )
  count, spans = sentences.num_sentences, len(sentences.span_starts)
  files.write_json(
    os.path.join(sentence_folder.path(path), sentence_folder.MANIFEST),
    {
      "settings": {},
      "passages": num_passages,
      "sentences": shards * count,
      "spans": {"any": shards * spans},
      "shards": [{"file": name, "passages": _SHARD} for name in annotations],
    },
  )


class _Body:
  """A text of random wordpieces, whole words each."""

  def __init__(self, token_ids: np.ndarray, words: list[str]):
    parts = [words[i].removeprefix("##") for i in token_ids]
    self.text = " ".join(parts)
    self._starts = np.cumsum([0, *(len(part) + 1 for part in parts)])

  def bytes_of(
    self, starts: np.ndarray, limits: np.ndarray
  ) -> list[tuple[int, int]]:
    """Returns the bytes of ranges of words."""
    limits = np.minimum(limits, len(self._starts) - 1)
    return list(
      zip(
        self._starts[starts].tolist(),
        (self._starts[limits] - 1).tolist(),
        strict=True,
      )
    )


def _start(path: str, fewest: int) -> Figures:
  """Reads a corpus as `pretrain` does, and makes batches."""
  mapped_arrays.FEWEST_PASSAGES = fewest
  config = base.pretrain()
  tf.zeros([1]).numpy()  # starts TensorFlow
  opened = corpora.Corpus.open(path)
  gc.collect()
  held, mapped = timing.status_bytes("RssAnon"), timing.status_bytes("RssFile")
  with _Peak() as peak:
    start = time.perf_counter()
    table = opened.load_passages()
    sentences = annotated_corpus.load(path, opened.tokenizer)
    sources = [
      masked_queries.MaskedQuerySource(
        sentences, config, opened.tokenizer, heldout=heldout
      )
      for heldout in (False, True)
    ]
    packed = packing.PackedPassages.of(
      table, config.passage_length, opened.tokenizer
    )
    seconds = time.perf_counter() - start

    def batch(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
      queries = sources[0](step)
      rows = tf.random.stateless_uniform(
        [config.batch_size, config.num_candidates],
        tf.stack([step, step]),
        maxval=len(table),
        dtype=tf.int32,
      )
      return packed.joined(queries.masked.token_ids, rows)

    batches = iter(pipelines.by_step(batch, 0, _STEPS))
    start = time.perf_counter()
    next(batches)
    batch_seconds = time.perf_counter() - start
    for _ in batches:
      pass
    gc.collect()
  size = _mean_size(path, sentences)
  in_files = (
    host_memory.of_table(size)
    + host_memory.of_packed(size, _LONGEST)
    + host_memory.of_sentences(size)
  )
  own = host_memory.of_examples(size)
  is_mapped = bool(table.folder)
  return Figures(
    seconds,
    batch_seconds,
    timing.status_bytes("RssAnon") - held,
    peak.bytes - held,
    timing.status_bytes("RssFile") - mapped,
    own + (0 if is_mapped else in_files),
    in_files if is_mapped else 0,
  )


def _mean_size(
  path: str, sentences: annotated_corpus.AnnotatedCorpus
) -> corpus_size.CorpusSize:
  """Returns a corpus's size, with the mean length of its passages."""
  tokens = len(sentences.tokens) + len(sentences.title_tokens)
  mean = round(tokens / sentences.num_passages)
  return dataclasses.replace(corpus_size.read(path), wordpieces=mean)


class _Peak:
  """Looks at the process's own memory again and again in its context.

  Attributes:
    bytes: The most that was seen.
  """

  def __init__(self) -> None:
    self.bytes = timing.status_bytes("RssAnon")
    self._ended = threading.Event()
    self._thread = threading.Thread(target=self._look)

  def __enter__(self) -> "_Peak":
    self._thread.start()
    return self

  def __exit__(self, *error: object) -> None:
    self._ended.set()
    self._thread.join()

  def _look(self) -> None:
    while not self._ended.wait(0.02):
      self.bytes = max(self.bytes, timing.status_bytes("RssAnon"))


def _line(name: str, figures: Figures) -> list[str]:
  sizes = (figures.held, figures.held_by_formula, figures.peak)
  sizes += (figures.mapped, figures.in_files)
  return [
    name,
    f"{figures.seconds:.1f}",
    f"{figures.batch_seconds:.1f}",
    *(f"{size / 1e9:.2f}" for size in sizes),
  ]


def _wikipedia_line() -> list[str]:
  """Returns what the formulas say of Wikipedia, passages as long as can be."""
  size = corpus_size.CorpusSize()
  in_files = (
    host_memory.of_table(size)
    + host_memory.of_packed(size, _LONGEST)
    + host_memory.of_sentences(size)
  )
  own = host_memory.of_examples(size)
  return [
    f"{size.passages:,} by formula",
    *("-", "-", "-", f"{own / 1e9:.2f}", "-", "-", f"{in_files / 1e9:.2f}"),
  ]


def _share(num_rows: int, replicas: int) -> share_layout.ShareBytes:
  layout = share_layout.ShareLayout.of(
    num_rows, replicas, _QUERIES, on_cpu=replicas == 1
  )
  width = record_words.count(_LONGEST, synthetic.VOCAB_SIZE)
  return share_layout.ShareBytes.of(layout, _DIM, 2, width, _QUERIES)


def _device_line(num_rows: int) -> list[str]:
  """Measures the arrays of an index on the CPU device, all rows in one."""
  taken = _share(num_rows, 1)
  layout = share_layout.ShareLayout.of(num_rows, 1, _QUERIES, on_cpu=True)
  width = record_words.count(_LONGEST, synthetic.VOCAB_SIZE)
  gc.collect()
  before = timing.status_bytes("RssAnon")
  index = device_index.DeviceIndex(
    layout,
    _DIM,
    tf.bfloat16,
    np.zeros([width], np.int32),
    device_index.SearchSettings(exact=True),
  )
  arrays = sum(v.shape.num_elements() * v.dtype.size for v in index.variables)
  # Reserved memory is the process's once it is written to.
  index.load_vectors([np.ones([num_rows, _DIM], tf.bfloat16.as_numpy_dtype)])
  index.load_passages(
    [np.ones([num_rows, width], np.int32)], [np.ones([num_rows], np.int32)]
  )
  gc.collect()
  return [
    f"{num_rows:,}",
    "1",
    f"{taken.vectors / 1e6:,.1f}",
    f"{taken.passages / 1e6:,.1f}",
    f"{arrays / 1e6:,.1f}",
    f"{(timing.status_bytes('RssAnon') - before) / 1e6:,.1f}",
  ]


def _wikipedia_share() -> list[str]:
  taken = _share(corpus_size.WIKIPEDIA_PASSAGES, _REPLICAS)
  return [
    f"{corpus_size.WIKIPEDIA_PASSAGES:,}",
    str(_REPLICAS),
    f"{taken.vectors / 1e6:,.1f}",
    f"{taken.passages / 1e6:,.1f}",
    "-",
    "-",
  ]


if __name__ == "__main__":
  main()
