"""Tiny corpora, configs and models, in memory and on disk."""

import collections
import dataclasses

import numpy as np
import tensorflow as tf

from realm_tf.configs import schema
from realm_tf.data.corpus import passage_table as passages
from realm_tf.data.sentences import annotated_corpus
from realm_tf.data.sentences import sentence_records
from realm_tf.runs import run_config
from realm_tf.text import wordpiece

NAMES = tuple(f"n{letter}" for letter in "abcdefghijklmnopqrst")
WORDS = tuple(f"w{letter}" for letter in "abcdefghijklmnopqrst")
VOCABULARY = (*wordpiece.SPECIAL_TOKENS, ".", *NAMES, *WORDS)
PAD, UNK, CLS, SEP, MASK = range(5)
STOP = 5
FIRST_NAME = 6
FIRST_WORD = FIRST_NAME + len(NAMES)

_MODEL = {
  "num_layers": 1,
  "hidden_size": 16,
  "num_heads": 2,
  "intermediate_size": 32,
  "max_positions": 48,
  "dropout": 0.0,
  "projection_size": 8,
  "query_length": 16,
  "passage_length": 24,
  "max_masks": 3,
  "batch_size": 8,
  "train_steps": 20,
  "learning_rate": 1e-3,
  "warmup_steps": 2,
  "heldout_fraction": 0.2,
}


_OF_SENTENCES = ("max_masks", "heldout_fraction")


def realm_config(**changes):
  """A RealmConfig of one layer of 16."""
  fields = _MODEL | {"num_candidates": 4} | changes
  return schema.RealmConfig(**fields)


def ict_config(**changes):
  """An IctConfig of one layer of 16."""
  return schema.IctConfig(**(_MODEL | changes))


def mlm_config(**changes):
  """An MlmConfig of one layer of 16."""
  fields = {k: v for k, v in _MODEL.items() if k != "projection_size"}
  return schema.MlmConfig(**(fields | changes))


def orqa_config(**changes):
  """An OrqaConfig of one layer of 16."""
  fields = {k: v for k, v in _MODEL.items() if k not in _OF_SENTENCES}
  fields |= {
    "reader_length": 32,
    "retriever_beam": 6,
    "reader_beam": 2,
    "max_span_length": 3,
    "span_hidden_size": 12,
    "score_scale": 0.5,
  }
  return schema.OrqaConfig(**(fields | changes))


def tagger_config(**changes):
  """A TaggerConfig of one layer of 16."""
  shape = {
    name: value
    for name, value in _MODEL.items()
    if name in {field.name for field in dataclasses.fields(schema.TaggerConfig)}
  }
  lengths = {"max_length": 16, "overlap": 4, "num_buckets": 2}
  return schema.TaggerConfig(**(shape | lengths | changes))


def make_tokenizer():
  """A tokenizer of 20 names and 20 words."""
  return wordpiece.Tokenizer(VOCABULARY)


def build_corpus(articles):
  """Returns an AnnotatedCorpus from plain lists.

  Args:
    articles: A list of articles: (title token ids, passages), a passage being
      a list of sentences: (token ids, [(span start, span limit), ...]), spans
      counted from the sentence's start.
  """
  tokens, titles = [], []
  splits = collections.defaultdict(lambda: [0])
  columns = collections.defaultdict(list)
  for number, (title, article) in enumerate(articles):
    for sentences in article:
      for ids, spans in sentences:
        start = len(tokens)
        columns["sentence_starts"].append(start)
        columns["sentence_passages"].append(len(columns["uids"]))
        for span_start, span_limit in spans:
          columns["span_starts"].append(start + span_start)
          columns["span_limits"].append(start + span_limit)
        tokens.extend(ids)
        columns["sentence_limits"].append(len(tokens))
        splits["span"].append(len(columns["span_starts"]))
      titles.extend(title)
      splits["title"].append(len(titles))
      splits["passage"].append(len(tokens))
      # Any fingerprints will do, as long as they are not in order.
      columns["uids"].append((len(columns["uids"]) * 7919 + 13) % 100_003)
      columns["articles"].append(number + 1)
  return annotated_corpus.AnnotatedCorpus(
    tokens=np.array(tokens, np.uint16),
    passage_splits=np.array(splits["passage"], np.int64),
    title_tokens=np.array(titles, np.uint16),
    title_splits=np.array(splits["title"], np.int64),
    uids=np.array(columns["uids"], np.int64),
    articles=np.array(columns["articles"], np.int64),
    sentence_starts=np.array(columns["sentence_starts"], np.int64),
    sentence_limits=np.array(columns["sentence_limits"], np.int64),
    sentence_passages=np.array(columns["sentence_passages"], np.int32),
    span_splits=np.array(splits["span"], np.int64),
    span_starts=np.array(columns["span_starts"], np.int64),
    span_limits=np.array(columns["span_limits"], np.int64),
    dropped=collections.Counter(),
  )


def random_sentence(rng):
  """A sentence of words and one or two spans of one to three names."""
  ids, spans = [], []
  for _ in range(rng.integers(1, 3)):
    ids += list(rng.integers(FIRST_WORD, len(VOCABULARY), rng.integers(1, 4)))
    length = int(rng.integers(1, 4))
    spans.append((len(ids), len(ids) + length))
    ids += list(rng.integers(FIRST_NAME, FIRST_WORD, length))
  ids += [FIRST_WORD, STOP]
  return ids, spans


def random_corpus(num_articles=10, passages_per_article=4, seed=0):
  """An AnnotatedCorpus of passages of two or three random sentences."""
  rng = np.random.default_rng(seed)
  articles = []
  for _ in range(num_articles):
    title = list(rng.integers(FIRST_NAME, FIRST_WORD, rng.integers(1, 3)))
    articles.append(
      (
        title,
        [
          [random_sentence(rng) for _ in range(rng.integers(2, 4))]
          for _ in range(passages_per_article)
        ],
      )
    )
  return build_corpus(articles)


def passage_table(corpus):
  """The passages of an AnnotatedCorpus as the knowledge corpus."""
  count = corpus.num_passages
  return passages.PassageTable(
    ids=np.array([f"{i:016x}" for i in range(count)], "S16"),
    uids=corpus.uids,
    title_ids=passages.TokenRows(corpus.title_tokens, corpus.title_splits),
    body_ids=passages.TokenRows(corpus.tokens, corpus.passage_splits),
  )


def table_of_texts(tokenizer, texts):
  """A PassageTable of (title, body) pairs of strings."""

  def rows(strings):
    ids = tokenizer.tokenize(tf.constant(strings))
    return passages.TokenRows(
      ids.flat_values.numpy().astype(np.uint16), ids.row_splits.numpy()
    )

  titles, bodies = zip(*texts, strict=True)
  return passages.PassageTable(
    ids=np.array([f"{i:016x}" for i in range(len(texts))], "S16"),
    uids=np.arange(len(texts), dtype=np.int64),
    title_ids=rows(list(titles)),
    body_ids=rows(list(bodies)),
  )


def write_sentences(folder, records, name="part-0"):
  """Writes annotated records, as other programs may name the file.

  Args:
    folder: The corpus.
    records: (title, text, sentences, spans) each, strings all: a sentence is a
      part of the text, a span as well; the first occurrence counts.
    name: Of the file.
  """

  def places(text, parts):
    raw = text.encode()
    return [
      (raw.index(p.encode()), raw.index(p.encode()) + len(p.encode()))
      for p in parts
    ]

  (folder / "sentences").mkdir(exist_ok=True)
  sentence_records.write(
    str(folder / "sentences" / f"{name}.tfrecord.gz"),
    [
      sentence_records.encode(
        title.encode(),
        text.encode(),
        places(text, sentences),
        places(text, spans),
      )
      for title, text, sentences, spans in records
    ],
  )


def make_run(task, config, **changes):
  """A RunConfig for tests of what is read from config.json."""
  fields = {
    "task": task,
    "config": config,
    "corpus": "corpora/z",
    "corpus_fingerprint": "f" * 8,
    "vocab_sha256": "a" * 8,
    "pretrain_corpus": "corpora/z",
  }
  return run_config.RunConfig(**(fields | changes))


def realm_features(config, batch, seed=0):
  """Random features of a RealmModel with masked and padded places."""
  rng = np.random.default_rng(seed)
  k, m = config.num_candidates, config.max_masks
  vocab = len(VOCABULARY)

  def tokens(*shape):
    ids = rng.integers(STOP, vocab, shape)
    lengths = rng.integers(shape[-1] // 2, shape[-1] + 1, shape[:-1])
    return np.where(np.arange(shape[-1]) < lengths[..., None], ids, 0)

  joint = tokens(batch, k, config.joint_length)
  segments = (np.arange(config.joint_length) >= config.query_length) & (
    joint != 0
  )
  candidate_mask = rng.random((batch, k)) < 0.7
  candidate_mask[:, 0] = True
  weights = rng.random((batch, m)) < 0.6
  weights[:, 0] = True
  features = {
    "query_token_ids": tokens(batch, config.query_length),
    "passage_token_ids": tokens(batch, k, config.passage_length),
    "joint_token_ids": joint,
    "joint_segment_ids": segments,
    "mask_positions": rng.integers(1, config.query_length, (batch, m)),
    "targets": np.where(weights, rng.integers(STOP, vocab, (batch, m)), 0),
  }
  return {name: tf.constant(v, tf.int32) for name, v in features.items()} | {
    "candidate_mask": tf.constant(candidate_mask),
    "target_weights": tf.constant(weights, tf.float32),
  }
