"""Passages a second of a trained tagger: batched, and sentence by sentence.

python -m benchmarks.annotate [--tagger=MODEL_DIR] [--corpus=CORPUS]
"""

import argparse
import itertools
import statistics
import tempfile
import time

from realm_tf import encyclopedia
from realm_tf import environment
from realm_tf.launch import command

# As many as `annotate_spans` gives the tagger at once.
_PASSAGES = 256
_ROUNDS = 3
_VOCAB_SIZE = 8000


def main() -> None:
  """Measures both, in turns, on the same passages."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument(
    "--tagger", help="what annotate_spans takes; random weights if left out"
  )
  parser.add_argument(
    "--corpus", help="a corpus of build_corpus; the encyclopedia if left out"
  )
  arguments = parser.parse_args()
  environment.configure()
  with command.mistakes_in_one_line():
    _run(arguments)


def _run(arguments: argparse.Namespace) -> None:
  count = _PASSAGES * (_ROUNDS + 1)
  if arguments.corpus:
    from realm_tf.data.corpus import corpora

    corpus = corpora.Corpus.open(arguments.corpus)
    _, texts = corpus.read_texts(range(min(count, corpus.num_passages)))
  else:
    articles = itertools.islice(encyclopedia.articles(), count)
    texts = [article.text for article in articles]
  with tempfile.TemporaryDirectory() as folder:
    _measure(arguments.tagger or _random_tagger(folder, texts), texts)


def _random_tagger(folder: str, texts: list[str]) -> str:
  """Exports a tagger of MiniLM's shape with random weights."""
  import tensorflow as tf

  from realm_tf.configs import minilm
  from realm_tf.data.ingest import vocabulary
  from realm_tf.export import tagger_export
  from realm_tf.models import token_tagger
  from realm_tf.text import entity_types
  from realm_tf.text import wordpiece

  tokenizer = wordpiece.Tokenizer(
    vocabulary.learn_vocabulary(texts, _VOCAB_SIZE, lower_case=True)
  )
  config = minilm.train_tagger()
  tagger = token_tagger.Tagger(
    config, tokenizer.vocab_size, len(entity_types.LABELS)
  )
  # Most words are outside of entities, as for a tagger that has learned.
  outside = tf.one_hot(0, len(entity_types.LABELS), on_value=3.0)
  tagger.classifier.bias.assign(outside)
  path = f"{folder}/tagger"
  tagger_export.save(path, tagger, tokenizer, config, step=0)
  return path


def _measure(path: str, texts: list[str]) -> None:
  from benchmarks import timing
  from realm_tf.text import model_tagger
  from realm_tf.text import sentence_splitter

  tagger = model_tagger.ModelTagger(path)

  def one_by_one(passages: list[str]) -> None:
    for text in passages:
      for start, limit in sentence_splitter.sentence_spans(text):
        tagger.tag([text[start:limit]])

  ways = {"sentence by sentence": one_by_one, "batched": tagger.tag}
  seconds: dict[str, list[float]] = {name: [] for name in ways}
  size = len(texts) // (_ROUNDS + 1)
  chunks = [texts[i : i + size] for i in range(0, size * (_ROUNDS + 1), size)]
  for number, chunk in enumerate(chunks):
    for name, tag in ways.items():
      start = time.perf_counter()
      tag(chunk)
      if number:  # the first warms up
        seconds[name].append(time.perf_counter() - start)
  medians = {name: statistics.median(s) for name, s in seconds.items()}
  sentences = statistics.mean(
    len(sentence_splitter.sentence_spans(text)) for text in texts
  )
  reference = next(iter(medians.values()))
  rows = [
    [
      name,
      f"{size / value:,.1f}",
      f"{size / value * sentences:,.0f}",
      f"{reference / value:.2f}",
    ]
    for name, value in medians.items()
  ]
  timing.print_table(
    f"Annotation by a trained tagger, {size} passages of {sentences:.1f} "
    "sentences at once",
    ["", "passages/s", "sentences/s", "ratio"],
    rows,
    [
      "each with splitting into sentences, tokenizing, dates and joining",
      f"medians of {_ROUNDS} rounds in which the two take turns",
    ],
  )


if __name__ == "__main__":
  main()
