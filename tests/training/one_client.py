"""One client that trains on another process's devices, as a TPU's does.

Run by test_one_client as its own process. TensorFlow 2.15 has no strategy but
TPUStrategy that spans several remote hosts from one client when it runs eagerly
(MirroredStrategy refuses), so one remote server with two devices stands for
them: all that is asked of the client is the same. The server imports TensorFlow
alone, and so knows no operation of TF Text or ScaNN. Prints a JSON object.
"""

import json
import socket
import subprocess
import sys

from realm_tf import environment

environment.configure()
environment.collect_garbage_rarely()

import tensorflow as tf  # noqa: E402
import tensorflow_text as tf_text  # noqa: E402

from realm_tf import devices  # noqa: E402
from realm_tf.models import ict  # noqa: E402
from realm_tf.training import base_task  # noqa: E402
from realm_tf.training import steps  # noqa: E402
from tests import synthetic  # noqa: E402
from tests.training import replicas  # noqa: E402

_STEPS = 2
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


def train(strategy):
  """Takes some steps; returns the losses, and the operations of a step."""
  tf.keras.utils.set_random_seed(0)
  config = synthetic.ict_config(batch_size=8)
  # Unlike TPUStrategy's, the scope of MirroredStrategy would have the data on
  # its first device, too.
  data = replicas.ict_task_of(config)
  with strategy.scope():
    tf.keras.utils.set_random_seed(0)
    model = ict.IctModel.of_task(
      config, len(synthetic.VOCABULARY), synthetic.SEP
    )
    task = Task(model)
    optimizer = tf.keras.optimizers.legacy.SGD(0.1)
    step = steps.make_train_step(task, optimizer, strategy, clip_norm=1.0)
  losses, names = [], set()
  for batch in devices.distribute(strategy, batches(data)):
    features = task.prepare(batch)
    losses.append(float(step(features)["loss"]))
    graph = step.get_concrete_function(features).graph.as_graph_def()
    nodes = [graph.node, *(f.node_def for f in graph.library.function)]
    names = {node.op for part in nodes for node in part}
  places = {v.device for v in task.variables}
  return {"losses": losses, "ops": sorted(names), "places": sorted(places)}


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
    one = train(tf.distribute.OneDeviceStrategy("/cpu:0"))
    remote = train(
      tf.distribute.MirroredStrategy(
        [f"/job:worker/replica:0/task:0/device:CPU:{i}" for i in range(2)],
        cross_device_ops=tf.distribute.ReductionToOneDevice(),
      )
    )
    print(json.dumps({"one": one, "remote": remote}))
  finally:
    server.kill()
    server.wait()


if __name__ == "__main__":
  main()
