"""The look-up of answers in passages: memory, start-up, time of a step.

python -m benchmarks.answers [--passages=200000]
"""

import argparse
import functools
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from benchmarks import synthetic
from benchmarks import timing
from realm_tf.data.corpus import passage_table
from realm_tf.data.examples import packing
from realm_tf.data.questions import token_answers
from realm_tf.plans import corpus_size
from realm_tf.text import wordpiece

_WIKIPEDIA = corpus_size.WIKIPEDIA_PASSAGES
_PASSAGE_LENGTH = 288
_QUESTIONS = 80_000  # about as many as NaturalQuestions-Open has
_ANSWERS = 2  # of a question
_BATCH = 16
_BEAM = 5_000
_READ = 5
_PAIR_BYTES = 2 * 8  # at the peak, where pairs are copied
_MOST = 2.0  # GB


class _Figures(NamedTuple):
  """What was measured of one bound.

  Attributes:
    start_seconds: Of the pass over the corpus.
    pairs: That are kept.
    bytes: By which the process has grown.
    peak: By which it had grown meanwhile.
    held: Seconds of a step's look-up in the retriever beam.
    occurrences: Seconds of a step's look-up in what is read.
  """

  start_seconds: float
  pairs: int
  bytes: int
  peak: int
  held: float
  occurrences: float


def main() -> None:
  """Measures and prints."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument("--passages", type=int, default=200_000)
  count = parser.parse_args().passages
  words = synthetic.vocabulary()
  tokenizer = wordpiece.Tokenizer(words)
  table, _ = synthetic.make_words(count, 1)
  answers = _answers(table, words)
  packed = packing.PackedPassages.of(table, _PASSAGE_LENGTH, tokenizer)
  most = token_answers.MOST_PAIRS
  scaled = max(1, most * count // _WIKIPEDIA)
  rows = []
  for name, bound in (("all pairs", most), ("a share as Wikipedia's", scaled)):
    token_answers.MOST_PAIRS = bound
    figures = _measure(answers, table, tokenizer, packed)
    rows.append(_row(name, figures, bound, most))
  timing.print_table(
    f"Answers of {_QUESTIONS:,} questions in {count:,} passages; batches of "
    f"{_BATCH}, {_BEAM:,} passages retrieved, {_READ} read",
    [
      "kept",
      "start s",
      "pairs",
      "MB",
      "peak MB",
      "beam ms",
      "read ms",
      "peak GB at Wikipedia's size",
      f"of {_MOST:.0f} GB",
    ],
    rows,
    [
      f"pairs of answer and passage are {most:,} at most, and as large a "
      f"share of {_WIKIPEDIA:,} passages in the second row: answers that are "
      "in more passages are looked up in each step",
      "peak at Wikipedia's size: 16 bytes for each of the pairs at most, and "
      "what is taken here beyond these, which does not grow with the corpus",
    ],
  )


def _row(name: str, figures: _Figures, bound: int, most: int) -> list[str]:
  # Beyond the pairs: a chunk of the corpus, the answers and their trie.
  fixed = max(0, figures.peak - _PAIR_BYTES * min(figures.pairs, bound))
  wikipedia = (fixed + _PAIR_BYTES * most) / 1e9
  return [
    name,
    f"{figures.start_seconds:.1f}",
    f"{figures.pairs:,}",
    f"{figures.bytes / 1e6:.0f}",
    f"{figures.peak / 1e6:.0f}",
    f"{figures.held * 1e3:.1f}",
    f"{figures.occurrences * 1e3:.1f}",
    f"{wikipedia:.2f}",
    f"{wikipedia / _MOST:.2f}",
  ]


def _answers(
  table: passage_table.PassageTable, words: list[str]
) -> list[list[str]]:
  """Returns answers: runs of 1 to 4 wordpieces of any passage."""
  rng = np.random.default_rng(2)
  values = table.body_ids.values
  shape = (_QUESTIONS, _ANSWERS)
  starts = rng.integers(0, len(values) - 4, shape).tolist()
  lengths = rng.integers(1, 5, shape).tolist()
  return [
    [
      synthetic.text_of(values[start : start + length], words)
      for start, length in zip(*one, strict=True)
    ]
    for one in zip(starts, lengths, strict=True)
  ]


def _measure(
  answers: list[list[str]],
  table: passage_table.PassageTable,
  tokenizer: wordpiece.Tokenizer,
  packed: packing.PackedPassages,
) -> _Figures:
  made, seconds, kept, peak = timing.cost(
    lambda: token_answers.TokenAnswers(answers, table, tokenizer, packed)
  )
  rng = np.random.default_rng(3)
  questions = tf.constant(rng.integers(0, _QUESTIONS, _BATCH))
  rows = rng.integers(0, len(table), (_BATCH, _BEAM))
  beam = tf.constant(rows, tf.int32)
  held = functools.partial(tf.function(made.held), questions, beam)
  occurrences = functools.partial(
    tf.function(made.occurrences), questions, beam[:, :_READ]
  )
  return _Figures(
    seconds,
    made.nbytes // 8 - 1,
    kept,
    peak,
    timing.median_seconds(lambda: held().numpy()),
    timing.median_seconds(lambda: occurrences().numpy()),
  )


if __name__ == "__main__":
  main()
