"""Losses under `mixed_bfloat16`, which GPUs and TPUs compute in."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import devices
from realm_tf import encyclopedia
from realm_tf.configs import loading
from realm_tf.data.examples import packing
from realm_tf.data.questions import qa_examples
from realm_tf.data.questions import token_answers
from realm_tf.demo import bert
from realm_tf.text import wordpiece
from realm_tf.training.init import first_weights
from realm_tf.training.tasks import ict_task
from realm_tf.training.tasks import orqa_task
from realm_tf.training.tasks import realm_task
from tests import synthetic

# Of a loss, relative to float32's. CPUs that multiply bfloat16 themselves round
# otherwise than those that do not: 0.03 to 0.052 were seen, of retrievers whose
# scores of a hundred are rounded.
BOUND = 0.1
PASSAGES, BATCH = 80, 8


@pytest.fixture(scope="module")
def tokenizer():
  return wordpiece.Tokenizer.from_file(f"{bert.FOLDER}/vocab.txt")


@pytest.fixture(scope="module")
def corpus(tokenizer):
  """Text of the demo's kind; a sentence's first two wordpieces are a span."""

  def ids(text):
    return tokenizer.tokenize(tf.constant([text])).to_list()[0]

  passages = itertools.islice(encyclopedia.articles(), PASSAGES)
  return synthetic.build_corpus(
    [
      (
        ids(passage.title),
        [[(ids(f"{s}."), [(0, 2)]) for s in passage.text.split(".") if s]],
      )
      for passage in passages
    ]
  )


def embed(token_ids):
  return tf.one_hot(token_ids[:, 1] % PASSAGES, PASSAGES)


def search(queries, k):
  best = tf.math.top_k(queries[:, :PASSAGES], k)
  return best.values, best.indices, tf.ones_like(best.indices, tf.bool)


def make_realm(config, tokenizer, corpus):
  task = realm_task.RealmTask(
    config, tokenizer, corpus, synthetic.passage_table(corpus)
  )
  task.set_index(realm_task.IndexInUse(0, embed, search))
  return task


def make_orqa(config, tokenizer, corpus):
  table = synthetic.passage_table(corpus)
  packed = packing.PackedPassages(
    table.title_ids.to_ragged(),
    table.body_ids.to_ragged(),
    config.passage_length,
    tokenizer,
  )
  asked = list(itertools.islice(encyclopedia.questions(), BATCH))
  texts = [question.question for question in asked]
  task = orqa_task.OrqaTask(
    config,
    tokenizer,
    packed,
    texts,
    texts,
    token_answers.TokenAnswers(
      [question.answers for question in asked] * 2, table, tokenizer
    ),
  )
  embeddings = np.random.default_rng(0).normal(
    size=[PASSAGES, config.embedding_size]
  )
  beam = qa_examples.BeamFeatures(config, packed, np.float16(embeddings))
  # The same passages in either precision.
  task.set_index(lambda _, __, k: search(tf.eye(BATCH, PASSAGES), k), beam)
  return task


MAKE = {
  "pretrain": make_realm,
  "pretrain_ict": ict_task.IctTask,
  "finetune": make_orqa,
}


def initialize(task, name, config):
  """Gives a task the demo's BERT."""
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


@pytest.mark.parametrize("name", MAKE)
def test_losses_are_close_to_those_of_float32(name, tokenizer, corpus):
  config = loading.load(name, "tiny", {"batch_size": BATCH})
  task = MAKE[name](config, tokenizer, corpus)
  initialize(task, name, config)
  features = task.prepare(next(iter(task.train_pipeline(0))))
  exact = task.sums(features, training=True)
  devices.set_precision("bfloat16", on_cpu=False)
  try:
    narrow = MAKE[name](config, tokenizer, corpus)
    for role, part in task.parts.items():
      narrow.parts[role].set_weights(part.get_weights())
    with tf.GradientTape() as tape:
      rounded = narrow.sums(features, training=True)
      loss = rounded["loss"][0]
    gradients = tape.gradient(loss, narrow.variables)
  finally:
    devices.set_precision("float32", on_cpu=False)
  assert loss.dtype == tf.float32
  assert float(loss) != float(exact["loss"][0])  # it was another precision
  losses = [key for key in exact if key == "loss" or key.endswith("_loss")]
  for key in losses:
    np.testing.assert_allclose(
      rounded[key][0], exact[key][0], rtol=BOUND, err_msg=key
    )
  for gradient, variable in zip(gradients, narrow.variables, strict=True):
    assert gradient is not None, variable.name
    assert np.isfinite(tf.convert_to_tensor(gradient)).all(), variable.name
