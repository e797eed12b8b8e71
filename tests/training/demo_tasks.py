"""Tasks on the demo's text that start from the demo's BERT."""

import functools
import itertools

import numpy as np
import tensorflow as tf

from realm_tf import encyclopedia
from realm_tf.configs import loading
from realm_tf.data.examples import packing
from realm_tf.data.questions import qa_examples
from realm_tf.data.questions import token_answers
from realm_tf.demo import bert
from realm_tf.text import wordpiece
from realm_tf.training.init import first_weights
from realm_tf.training.tasks import ict_task
from realm_tf.training.tasks import mlm_task
from realm_tf.training.tasks import orqa_task
from realm_tf.training.tasks import realm_task
from tests import synthetic

_PASSAGES = 80


@functools.cache
def _tokenizer():
  return wordpiece.Tokenizer.from_file(f"{bert.FOLDER}/vocab.txt")


@functools.cache
def _corpus(in_halves=False):
  """Returns articles; a sentence's first two wordpieces are a span.

  Args:
    in_halves: Whether articles are two passages each, not one.
  """

  def ids(text):
    return _tokenizer().tokenize(tf.constant([text])).to_list()[0]

  def passages(text):
    sentences = [(ids(f"{s}."), [(0, 2)]) for s in text.split(".") if s]
    middle = len(sentences) // 2 if in_halves else 0
    return [part for part in (sentences[:middle], sentences[middle:]) if part]

  articles = itertools.islice(encyclopedia.articles(), _PASSAGES)
  return synthetic.build_corpus(
    [(ids(article.title), passages(article.text)) for article in articles]
  )


def _embed(token_ids):
  return tf.one_hot(token_ids[:, 1] % _PASSAGES, _PASSAGES)


def _search(queries, k):
  best = tf.math.top_k(queries[:, :_PASSAGES], k)
  return best.values, best.indices, tf.ones_like(best.indices, tf.bool)


def _make_realm(config):
  task = realm_task.RealmTask(
    config, _tokenizer(), _corpus(), synthetic.passage_table(_corpus())
  )
  task.set_index(realm_task.IndexInUse(0, _embed, _search))
  return task


def _make_orqa(config):
  table = synthetic.passage_table(_corpus())
  packed = packing.PackedPassages(
    table.title_ids.to_ragged(),
    table.body_ids.to_ragged(),
    config.passage_length,
    _tokenizer(),
  )
  batch = config.batch_size
  asked = list(itertools.islice(encyclopedia.questions(), batch))
  texts = [question.question for question in asked]
  task = orqa_task.OrqaTask(
    config,
    _tokenizer(),
    packed,
    texts,
    texts,
    token_answers.TokenAnswers(
      [question.answers for question in asked] * 2, table, _tokenizer()
    ),
  )
  embeddings = np.random.default_rng(0).normal(
    size=[_PASSAGES, config.embedding_size]
  )
  beam = qa_examples.BeamFeatures(config, packed, np.float16(embeddings))
  # The same passages in either precision.
  task.set_index(lambda _, __, k: _search(tf.eye(batch, _PASSAGES), k), beam)
  return task


_MAKE = {
  "pretrain": _make_realm,
  "pretrain_ict": lambda c: ict_task.IctTask(c, _tokenizer(), _corpus()),
  "pretrain_mlm": lambda c: mlm_task.MlmTask(
    c, _tokenizer(), _corpus(in_halves=True)
  ),
  "finetune": _make_orqa,
}
NAMES = tuple(_MAKE)


def make(name: str, batch_size: int):
  """Returns a task of the preset `tiny`, with the demo's BERT."""
  config = loading.load(
    name,
    "tiny",
    {"batch_size": batch_size}
    # Of 160 passages, some held out have a partner.
    | ({"heldout_fraction": 0.6} if name == "pretrain_mlm" else {}),
  )
  task = _MAKE[name](config)
  parts = {
    role: part
    for role, part in task.parts.items()
    if name != "finetune" or role == "retriever"
  }
  run = synthetic.make_run(
    "pretrain_ict" if name == "finetune" else name,
    config,
    init_checkpoint=bert.FOLDER,
  )
  first_weights.initialize(parts, run)
  if name == "finetune":
    queries = parts["retriever"].query_embedder.encoder
    task.model.reader.encoder.set_weights(queries.get_weights())
  return task
