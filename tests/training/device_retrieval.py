"""Retrieval by the host, and by 1, 2 and 4 replicas: run by test_device_task.

A process of its own, as logical devices must be there before TensorFlow
starts. Prints a JSON object.
"""

import functools
import json
import sys

from realm_tf import environment

environment.configure()
environment.collect_garbage_rarely()

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from realm_tf import devices  # noqa: E402
from realm_tf.data.examples import packing  # noqa: E402
from realm_tf.export import embedder_export  # noqa: E402
from realm_tf.index.search import exact  # noqa: E402
from realm_tf.models import embedders  # noqa: E402
from realm_tf.runs import exports  # noqa: E402
from realm_tf.training import steps  # noqa: E402
from realm_tf.training.tasks import device_task  # noqa: E402
from realm_tf.training.tasks import realm_task  # noqa: E402
from tests import synthetic  # noqa: E402
from tests.training import logical_devices  # noqa: E402

# Each replica's step is traced by itself, which takes longest. Four search and
# exchange in test_device_index.
REPLICAS = (1, 2)
STEPS = 20
NEW_VERSION_AT = 10
CONFIG = synthetic.realm_config(
  train_steps=STEPS,
  eval_batches=1,
  device_vectors="float32",
  noise_probability=0.2,
  query_oversampling=2,
)
CORPUS = synthetic.random_corpus()
TABLE = synthetic.passage_table(CORPUS)
tokenizer = functools.cache(synthetic.make_tokenizer)


def write_versions(folder):
  """Exports two embedders; returns the export and the index of each."""
  packed = packing.PackedPassages.of(TABLE, CONFIG.passage_length, tokenizer())
  inputs = packed.passages(tf.range(len(TABLE)))
  versions = {}
  for step in (0, NEW_VERSION_AT):
    towers = embedders.TwoTowers(
      CONFIG, CONFIG, len(synthetic.VOCABULARY), synthetic.SEP
    )
    embedder_export.Exporter(towers, CONFIG).save(folder, step)
    versions[step] = (
      exports.find(folder, step),
      towers.passage_embedder(inputs).numpy(),
    )
  return versions


def host_version(export, embeddings):
  """The version as the host searches it."""
  searcher = exact.ExactSearcher(tf.constant(embeddings))
  embed = embedder_export.QueryEmbedder(export.path)
  return realm_task.IndexInUse(export.step, embed, searcher.search)


def train(task, strategy, start, versions):
  """Takes all steps; returns what they gave.

  Args:
    task: The task.
    strategy: Where.
    start: First weights.
    versions: By the step that they are taken before.
  """
  for variable, value in zip(task.variables, start, strict=True):
    variable.assign(value)
  # Plain descent: a difference of the weights is one of the gradients.
  with strategy.scope():
    optimizer = tf.keras.optimizers.legacy.SGD(0.1)
  train_step = steps.make_train_step(task, optimizer, strategy, clip_norm=1.0)

  @tf.function(autograph=False)
  def complete(features):
    return strategy.run(
      lambda part: task.complete(part, training=True)["candidate_rows"],
      args=(features,),
    )

  losses, rows = [], []
  for step in range(STEPS):
    if step in versions:
      task.set_index(versions[step])
      # With another pipeline, as a resumed run has.
      pipeline = task.train_pipeline(step)
      batches = iter(devices.distribute(strategy, pipeline))
    features = next(batches)
    found = strategy.experimental_local_results(complete(features))
    rows.append(np.concatenate([part.numpy() for part in found]).tolist())
    losses.append(float(train_step(features)["loss"]))
  [evaluated] = devices.distribute(strategy, task.eval_pipeline())
  sums = steps.make_eval_step(task, strategy)(evaluated)
  asked = task.retrieve_texts(["na wb", "wc nd we"], 3)
  return {
    "rows": rows,
    "losses": losses,
    "weights": [float(tf.norm(v)) for v in task.variables],
    "evaluation": {k: [float(x) for x in v] for k, v in sums.items()},
    "retrieved": asked.rows.tolist(),
    "traces": train_step.experimental_get_tracing_count(),
  }


def main() -> None:
  """Trains everywhere."""
  strategies = logical_devices.strategies(REPLICAS)
  versions = write_versions(sys.argv[1])
  with strategies[1].scope():
    host = realm_task.RealmTask(CONFIG, tokenizer(), CORPUS, TABLE)
  start = [v.numpy() for v in host.variables]
  results = {
    "host": train(
      host,
      strategies[1],
      start,
      {step: host_version(*version) for step, version in versions.items()},
    )
  }
  for count, strategy in strategies.items():
    with strategy.scope():
      task = device_task.DeviceRealmTask(CONFIG, tokenizer(), CORPUS, TABLE)
    read = {
      # As the files of three shards.
      step: task.read_version(
        step, np.array_split(embeddings, 3), export.weights
      )
      for step, (export, embeddings) in versions.items()
    }
    results[str(count)] = train(task, strategy, start, read)
  print(json.dumps(results))


if __name__ == "__main__":
  main()
