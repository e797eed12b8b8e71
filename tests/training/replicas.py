"""One step on one replica and on two: run by test_steps as its own process.

Logical devices must be there before TensorFlow starts, which in the process of
the other tests it has. Prints a JSON object of what each strategy gave.
"""

import json
import sys

from realm_tf import environment

environment.configure()
environment.collect_garbage_rarely()

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from realm_tf.data.examples import packing  # noqa: E402
from realm_tf.data.questions import qa_examples  # noqa: E402
from realm_tf.data.questions import token_answers  # noqa: E402
from realm_tf.training import steps  # noqa: E402
from realm_tf.training.tasks import following_task  # noqa: E402
from realm_tf.training.tasks import ict_task  # noqa: E402
from realm_tf.training.tasks import orqa_task  # noqa: E402
from realm_tf.training.tasks import realm_task  # noqa: E402
from tests import synthetic  # noqa: E402

REPLICAS = 2  # each of which is traced by itself
BATCH = 8


def realm_task_of(config):
  """A RealmTask over a random corpus."""
  corpus = synthetic.random_corpus()
  return realm_task.RealmTask(
    config,
    synthetic.make_tokenizer(),
    corpus,
    synthetic.passage_table(corpus),
  )


def ict_task_of(config):
  """An IctTask over a random corpus."""
  return ict_task.IctTask(
    config, synthetic.make_tokenizer(), synthetic.random_corpus()
  )


def orqa_parts(config):
  """The arguments of an OrqaTask over a random corpus."""
  tokenizer = synthetic.make_tokenizer()
  table = synthetic.passage_table(synthetic.random_corpus())
  packed = packing.PackedPassages(
    table.title_ids.to_ragged(),
    table.body_ids.to_ragged(),
    config.passage_length,
    tokenizer,
  )
  names = synthetic.NAMES[:BATCH]
  questions = [f"{name} wa" for name in names]
  answers = token_answers.TokenAnswers(
    [[name] for name in names] * 2, table, tokenizer
  )
  return config, tokenizer, packed, questions, questions, answers


def index_of(config, packed):
  """A random index, which is searched exactly: its search and its beam."""
  embeddings = np.random.default_rng(0).normal(
    size=[packed.null_row, config.embedding_size]
  )

  def search(token_ids, queries, k):
    scores = tf.matmul(
      queries, tf.constant(embeddings, tf.float32), transpose_b=True
    )
    best = tf.math.top_k(scores, k)
    return best.values, best.indices, best.values > -1e9

  beam = qa_examples.BeamFeatures(config, packed, embeddings.astype(np.float16))
  return search, beam


def orqa_task_of(config):
  """An OrqaTask over a random corpus, which it searches exactly."""
  parts = orqa_parts(config)
  task = orqa_task.OrqaTask(*parts)
  task.set_index(*index_of(config, parts[2]))
  return task


def following_task_of(config):
  """A FollowingTask over a random corpus; its features hold all it needs."""
  return following_task.FollowingTask(*orqa_parts(config))


def following_features(config):
  """A global batch of a FollowingTask, as its pipeline makes it."""
  parts = orqa_parts(config)
  words = np.random.default_rng(1).normal(
    size=[len(synthetic.VOCABULARY), config.projection_size]
  )

  def embed(token_ids):
    return tf.reduce_sum(
      tf.gather(tf.constant(words, tf.float32), token_ids), 1
    )

  task = following_task.FollowingTask(*parts)
  task.set_index(
    following_task.SearchedIndex(0, embed, *index_of(config, parts[2]))
  )
  return next(iter(task.eval_pipeline()))


def case(name):
  """Returns the task's maker, its config and a global batch."""
  features = synthetic.realm_features(synthetic.realm_config(), BATCH)
  if name == "following":
    config = synthetic.orqa_config(train_passage_tower=True)
    return following_task_of, config, following_features(config)
  if name == "orqa":
    config = synthetic.orqa_config()
    names = synthetic.NAMES[:BATCH]
    tokenizer = synthetic.make_tokenizer()
    questions = qa_examples.QuestionBatches(
      [f"{name} wa" for name in names], config, tokenizer, shuffle=False
    )
    return orqa_task_of, config, questions(tf.constant(0, tf.int64))
  if name == "ict":
    config = synthetic.ict_config()
    features = {
      "query_token_ids": features["query_token_ids"],
      "passage_token_ids": features["passage_token_ids"][:, 1],
    }
    return ict_task_of, config, features
  return realm_task_of, synthetic.realm_config(), features


def run(strategy, name, start):
  """Takes one step; returns means, evaluation and the gradient as applied.

  Args:
    strategy: Where.
    name: Of the case.
    start: First weights, or None to keep those drawn.
  """
  make, config, features = case(name)
  dataset = tf.data.Dataset.from_tensors(features)
  options = tf.data.Options()
  options.experimental_distribute.auto_shard_policy = (
    tf.data.experimental.AutoShardPolicy.OFF
  )
  # Per-replica batches come from splitting the global one, as in the feed.
  dataset = strategy.experimental_distribute_dataset(
    dataset.unbatch().batch(BATCH).with_options(options)
  )
  batch = next(iter(dataset))
  with strategy.scope():
    tf.random.set_seed(1)
    task = make(config)
    weights = [v.numpy() for v in task.variables]
    if start is not None:
      for variable, value in zip(task.variables, start, strict=True):
        variable.assign(value)
      weights = start
    # With plain descent at rate 1, the change of the weights is the gradient.
    optimizer = tf.keras.optimizers.legacy.SGD(1.0)
    evaluate = steps.make_eval_step(task, strategy)
    several = strategy.num_replicas_in_sync > 1
    train = steps.make_train_step(
      task,
      optimizer,
      strategy,
      clip_norm=1e3,
      # One replica keeps all that the gradient needs.
      rematerializes=name == "ict" and several,
    )
  batch = task.prepare(batch)
  # Tracing takes long: one evaluation will do.
  sums = evaluate(batch) if name == "ict" else {}
  means = train(batch)
  gradient = [
    old - new.numpy() for old, new in zip(weights, task.variables, strict=True)
  ]
  return {
    "start": weights,
    "gradient": gradient,
    "means": {k: float(v) for k, v in means.items()},
    "evaluation": {k: [float(x) for x in v] for k, v in sums.items()},
  }


def main() -> None:
  """Compares the strategies on one case, named on the command line."""
  cpu = tf.config.list_physical_devices("CPU")[0]
  tf.config.set_logical_device_configuration(
    cpu, [tf.config.LogicalDeviceConfiguration()] * REPLICAS
  )
  tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
  tf.random.set_seed(0)
  results = {}
  for name in sys.argv[1:]:
    one = run(tf.distribute.OneDeviceStrategy("/cpu:0"), name, None)
    mirrored = tf.distribute.MirroredStrategy(
      [f"/cpu:{i}" for i in range(REPLICAS)],
      cross_device_ops=tf.distribute.ReductionToOneDevice(),
    )
    two = run(mirrored, name, one["start"])
    results[name] = {
      "replicas": mirrored.num_replicas_in_sync,
      "means": [one["means"], two["means"]],
      "evaluation": [one["evaluation"], two["evaluation"]],
      "largest_gradient": float(max(np.abs(g).max() for g in one["gradient"])),
      "largest_difference": float(
        max(
          np.abs(a - b).max()
          for a, b in zip(one["gradient"], two["gradient"], strict=True)
        )
      ),
    }
  print(json.dumps(results))


if __name__ == "__main__":
  main()
