"""One client that trains on another process's devices, as a TPU's does.

ICT with batches from the client, and REALM with retrieval on the devices.

Run by test_one_client as its own process. TensorFlow 2.15 has no strategy but
TPUStrategy that spans several remote hosts from one client when it runs eagerly
(MirroredStrategy refuses), so one remote server with two devices stands for
them: all that is asked of the client is the same. The server imports TensorFlow
alone, and so knows no operation of TF Text or ScaNN. Prints a JSON object.
"""

import contextlib
import json
import socket
import subprocess
import sys
import tempfile

from realm_tf import environment

environment.configure()
environment.collect_garbage_rarely()

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
import tensorflow_text as tf_text  # noqa: E402

from realm_tf import devices  # noqa: E402
from realm_tf.models import ict  # noqa: E402
from realm_tf.training import base_task  # noqa: E402
from realm_tf.training import steps  # noqa: E402
from realm_tf.training.tasks import device_task  # noqa: E402
from tests import graph_ops  # noqa: E402
from tests import synthetic  # noqa: E402
from tests.training import device_retrieval  # noqa: E402
from tests.training import replicas  # noqa: E402

_STEPS = 2
_CLIENT = "/job:client/replica:0/task:0/device:CPU:0"
_SERVER = """
import sys
import tensorflow as tf
server = tf.distribute.Server(
  {"worker": [sys.argv[1]]},
  job_name="worker",
  task_index=0,
  protocol="grpc",
  config=tf.compat.v1.ConfigProto(device_count={"CPU": 2}),
)
sys.stdin.read()  # Ends with the client.
"""


class Task(base_task.Task):
  """An IctTask without its data."""

  name = "pretrain_ict"

  def __init__(self, model):
    self._model = model
    self.parts = {"retriever": model.retriever}

  def sums(self, features, *, training):
    return self._model.sums(features, training=training)

  def train_pipeline(self, first_step):
    raise NotImplementedError

  def eval_pipeline(self):
    raise NotImplementedError


def batches(task):
  """The batches of a task, through operations that the server lacks."""
  words = tf_text.WhitespaceTokenizer()

  def through(features):
    count = words.tokenize(["a b"]).flat_values.shape[0] or 2
    changed = tf.numpy_function(
      lambda ids: ids, [features["query_token_ids"]], tf.int32
    )
    changed.set_shape(features["query_token_ids"].shape)
    return features | {"query_token_ids": changed + (count - 2)}

  return task.train_pipeline(0).map(through).take(_STEPS)


def ict_task(strategy):
  """Returns the task, and its batches."""
  config = synthetic.ict_config(batch_size=8)
  data = replicas.ict_task_of(config)
  with built_on(strategy):
    tf.keras.utils.set_random_seed(0)
    model = ict.IctModel.of_task(
      config, len(synthetic.VOCABULARY), synthetic.SEP
    )
    return Task(model), batches(data)


def realm_task(strategy):
  """Returns a task whose index is spread over the devices, and its batches."""
  with built_on(strategy):
    tf.keras.utils.set_random_seed(0)
    task = device_task.DeviceRealmTask(
      device_retrieval.CONFIG,
      device_retrieval.tokenizer(),
      device_retrieval.CORPUS,
      device_retrieval.TABLE,
    )
  with tempfile.TemporaryDirectory() as folder:
    tf.keras.utils.set_random_seed(1)
    export, embeddings = device_retrieval.write_versions(folder)[0]
    task.set_index(
      task.read_version(0, np.array_split(embeddings, 3), export.weights)
    )
  return task, task.train_pipeline(0).take(_STEPS)


@contextlib.contextmanager
def built_on(strategy):
  """The scope of a strategy; what is no variable stays with the client.

  The scope of MirroredStrategy, unlike TPUStrategy's, would have it on its
  first device.
  """
  with strategy.scope(), tf.device(_CLIENT):
    yield


def train(make, strategy):
  """Takes some steps; returns the losses, and the operations of a step."""
  task, dataset = make(strategy)
  with strategy.scope():
    optimizer = tf.keras.optimizers.legacy.SGD(0.1)
    step = steps.make_train_step(task, optimizer, strategy, clip_norm=1.0)
  losses, ops = [], set()
  for batch in devices.distribute(strategy, dataset):
    features = task.prepare(batch)
    losses.append(float(step(features)["loss"]))
    ops = graph_ops.list_ops(step.get_concrete_function(features))
  places = {v.device for v in task.variables}
  return {"losses": losses, "ops": sorted(ops), "places": sorted(places)}


def main() -> None:
  """Trains in this process, and then on the server's devices."""
  with socket.socket() as taken:
    taken.bind(("127.0.0.1", 0))
    address = f"127.0.0.1:{taken.getsockname()[1]}"
  server = subprocess.Popen(
    [sys.executable, "-c", _SERVER, address], stdin=subprocess.PIPE
  )
  try:
    tf.config.experimental_connect_to_cluster(
      tf.train.ClusterSpec({"worker": [address]}), job_name="client"
    )
    one = tf.distribute.OneDeviceStrategy("/cpu:0")
    remote = tf.distribute.MirroredStrategy(
      [f"/job:worker/replica:0/task:0/device:CPU:{i}" for i in range(2)],
      cross_device_ops=tf.distribute.ReductionToOneDevice(),
    )
    results = {
      name: {"one": train(make, one), "remote": train(make, remote)}
      for name, make in (("ict", ict_task), ("realm", realm_task))
    }
    print(json.dumps(results))
  finally:
    server.kill()
    server.wait()


if __name__ == "__main__":
  main()
