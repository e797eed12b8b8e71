"""Questions a second of fine-tuning at `tiny`, and where the time goes.

python -m benchmarks.finetune
"""

import dataclasses
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from benchmarks import synthetic
from benchmarks import timing
from realm_tf import devices
from realm_tf.configs import schema
from realm_tf.configs import tiny
from realm_tf.data.corpus import passage_table
from realm_tf.data.examples import packing
from realm_tf.data.questions import qa_examples
from realm_tf.data.questions import token_answers
from realm_tf.index.search import searcher_settings
from realm_tf.index.search import searchers
from realm_tf.text import wordpiece
from realm_tf.training import optimizers
from realm_tf.training import pipeline_feed
from realm_tf.training import steps
from realm_tf.training.tasks import orqa_task

_PASSAGES = 6_000  # about as many as the encyclopedia has
_VOCAB_SIZE = 8_000  # of the demo
_QUESTIONS = 4_000
_BEAMS = (1_000, 5_000)
_TARGET = 20  # questions a second


def main() -> None:
  """Measures and prints."""
  words = synthetic.vocabulary()[:_VOCAB_SIZE]
  tokenizer = wordpiece.Tokenizer(words)
  longest = tiny.finetune().passage_length
  table = _fold(synthetic.make_corpus(_PASSAGES, longest).passages)
  questions, phrases = _questions(table, words)
  answers = token_answers.TokenAnswers(phrases, table, tokenizer)
  rows = []
  for beam in _BEAMS:
    config = dataclasses.replace(tiny.finetune(), retriever_beam=beam)
    bench = _Bench(config, tokenizer, table, questions, answers)
    rows.append(bench.row())
  timing.print_table(
    f"Fine-tuning at tiny: {_PASSAGES:,} passages, batch "
    f"{config.batch_size}, {config.reader_beam} passages read",
    [
      "retriever beam",
      "questions/s",
      "of 20",
      "embed",
      "search",
      "passages",
      "matching",
      "model",
    ],
    rows,
    [
      "questions/s: of the training loop, from the pipeline to the update",
      "shares: of the sum of the parts, each measured by itself: embedding "
      "the questions for the search; the search; gathering the passages' "
      "embeddings and joining what is read; looking the answers up; the "
      "training step",
    ],
  )


def _fold(table: passage_table.PassageTable) -> passage_table.PassageTable:
  """Returns passages of a large vocabulary in a small one."""

  def fold(rows: passage_table.TokenRows) -> passage_table.TokenRows:
    return dataclasses.replace(
      rows, values=rows.values % (_VOCAB_SIZE // 2) + _VOCAB_SIZE // 2
    )

  return dataclasses.replace(
    table, title_ids=fold(table.title_ids), body_ids=fold(table.body_ids)
  )


def _questions(
  table: passage_table.PassageTable, words: list[str]
) -> tuple[list[str], list[list[str]]]:
  """Makes questions of a passage's words, answered by others of it."""
  rng = np.random.default_rng(2)
  questions, answers = [], []
  for row in rng.integers(0, len(table), _QUESTIONS):
    body = table.body_ids.row(int(row))
    starts = [i for i in body.tolist() if not words[i].startswith("##")]
    questions.append(synthetic.text_of(rng.choice(body, 8), words))
    answers.append([words[i] for i in rng.choice(starts, 2)])
  return questions, answers


class _Bench:
  """One setting, whole and in parts."""

  def __init__(
    self,
    config: schema.OrqaConfig,
    tokenizer: wordpiece.Tokenizer,
    table: passage_table.PassageTable,
    questions: Sequence[str],
    answers: token_answers.TokenAnswers,
  ):
    self._config = config
    self._answers = answers
    self._strategy = devices.make_strategy("")
    devices.set_precision(config.precision, on_cpu=True)
    packed = packing.PackedPassages(
      table.title_ids.to_ragged(),
      table.body_ids.to_ragged(),
      config.passage_length,
      tokenizer,
    )
    embeddings = np.random.default_rng(3).normal(
      size=(len(table), config.embedding_size)
    )
    with self._strategy.scope():
      self._task = orqa_task.OrqaTask(
        config, tokenizer, packed, questions, questions[:1], answers
      )
      optimizer = optimizers.make_optimizer(config)
    self._train = steps.make_train_step(
      self._task, optimizer, self._strategy, config.clip_norm
    )
    self._searcher = searchers.build_searcher(
      embeddings.astype(np.float32),
      searcher_settings.SearcherSettings(exact=True),
      config.retriever_beam,
    )
    self._beam = qa_examples.BeamFeatures(
      config, packed, tf.constant(embeddings.astype(np.float16))
    )
    self._task.set_index(
      lambda token_ids, vectors, k: self._searcher.search(vectors, k),
      self._beam,
    )

  def row(self) -> list[str]:
    """Returns the table's row."""
    rate = timing.median_rate(self._steps(), self._config.batch_size)
    parts = [timing.median_seconds(part) for part in self._parts()]
    total = sum(parts)
    return [
      f"{self._config.retriever_beam:,}",
      f"{rate:.0f}",
      f"{rate / _TARGET:.2f}",
      *(f"{part / total:.0%}" for part in parts),
    ]

  def _steps(self) -> Iterator[float]:
    feed = pipeline_feed.Feed(self._strategy, self._task.train_pipeline, 0)
    while True:
      features, _ = feed.next()
      yield float(self._train(self._task.prepare(features))["loss"])

  def _parts(self) -> list[Callable[[], object]]:
    """Returns embedding, search, passages, matching and training."""
    batch = next(iter(self._task.train_pipeline(0)))
    questions, token_ids = batch["questions"], batch["query_token_ids"]
    embed = orqa_task.query_embed_function(self._task.model)
    width = min(self._config.retriever_beam, _PASSAGES)
    search = tf.function(lambda e: self._searcher.search(e, width))
    read = tf.function(self._beam.reading)
    label = tf.function(lambda q, f: self._beam.labels(self._answers, q, f))
    embeddings = embed(token_ids)
    _, rows, _ = search(embeddings)
    features = read(token_ids, rows)
    prepared = self._task.prepare(batch)
    return [
      lambda: embed(token_ids).numpy(),
      lambda: search(embeddings)[1].numpy(),
      lambda: read(token_ids, rows)["joint_token_ids"].numpy(),
      lambda: label(questions, features)["answer_spans"].numpy(),
      lambda: self._train(prepared)["loss"].numpy(),
    ]


if __name__ == "__main__":
  main()
