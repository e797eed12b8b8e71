"""Small SavedModels with the signatures that an export has, and others."""

import pathlib
import shutil

import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

N = 2  # answers a question


class _Answering(tf.Module):
  """Answers each question with itself, and says which version it is."""

  def __init__(self, version: int, ballast: int, seconds: float):
    super().__init__()
    self.version = tf.Variable(version, dtype=tf.int32)
    self.ballast = tf.Variable(tf.zeros([ballast, 256], tf.float32))
    self.work = tf.Variable(int(seconds * 1e6), dtype=tf.int64)

  @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "question")])
  def answer(self, question):
    # Takes time in the graph, without the interpreter's lock.
    spin = tf.while_loop(
      lambda i: i < self.work // 20,
      lambda i: i + 1,
      [tf.constant(0, tf.int64)],
    )[0]
    with tf.control_dependencies([spin]):
      rows = tf.shape(question)[0]
    best = tf.strings.join([question, tf.fill([rows], "!")])
    none = tf.fill([rows], "")
    ranks = tf.tile([[0.75, 0.2]], [rows, 1])
    return {
      "answer": tf.stack([best, none], axis=1),
      "probability": ranks,
      "passage_id": tf.stack([question, none], axis=1),
      "answer_byte_limit": tf.tile([[7, 0]], [rows, 1]),
      "version": tf.fill([rows], self.version),
      "abstain": tf.strings.length(question) < 3,
    }

  @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text")])
  def embed_query(self, text):
    length = tf.cast(tf.strings.length(text), tf.float32)
    return {"embedding": tf.stack([length, length / 10.0], axis=1)}

  @tf.function(
    input_signature=[
      tf.TensorSpec([None], tf.string, "title"),
      tf.TensorSpec([None], tf.string, "text"),
    ]
  )
  def embed_passage(self, title, text):
    length = tf.strings.length(title) + tf.strings.length(text)
    return {"embedding": tf.cast(length, tf.float32)[:, tf.newaxis]}


class _Numbers(tf.Module):
  """Takes and gives tensors of many dtypes and ranks."""

  @tf.function(
    input_signature=[
      tf.TensorSpec([None, 2], tf.float32, "floats"),
      tf.TensorSpec([None], tf.int8, "small"),
      tf.TensorSpec([None], tf.int64, "large"),
      tf.TensorSpec([None], tf.bool, "flag"),
    ]
  )
  def mixed(self, floats, small, large, flag):
    return {
      "floats": floats,
      "small": small,
      "large": large,
      "flag": tf.logical_not(flag),
    }

  @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
  def half(self, x):
    return {"y": x / 2.0}

  @tf.function(input_signature=[tf.TensorSpec([None], tf.float64, "x")])
  def total(self, x):
    return {"sum": tf.reduce_sum(x), "x": x}

  @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "raw")])
  def echo(self, raw):
    return {"echo_bytes": raw, "length": tf.strings.length(raw)}

  @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
  def picky(self, x):
    with tf.control_dependencies([tf.debugging.assert_less(x, 10.0)]):
      return {"y": tf.identity(x), "rows": tf.fill(tf.shape(x), tf.size(x))}

  @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32, "x")])
  def wide(self, x):
    return {"y": x}

  @tf.function(input_signature=[tf.TensorSpec([None], tf.uint64, "x")])
  def unsigned(self, x):
    return {"x": x}


def write_answering(
  base: pathlib.Path,
  version: int,
  *,
  ballast: int = 1,
  seconds: float = 0.0,
  warm_up: bool = True,
) -> pathlib.Path:
  """Writes a version as `export` does: under another name, then renamed.

  Args:
    base: Folder of the versions.
    version: Its number, which the output `version` repeats.
    ballast: KiB of weights that nothing reads.
    seconds: About how long an answer takes.
    warm_up: Whether it has a warm-up request.
  """
  module = _Answering(version, ballast, seconds)
  folder = base / f"tmp-{version}"
  tf.saved_model.save(
    module,
    str(folder),
    signatures={
      "serving_default": module.answer,
      "answer": module.answer,
      "embed_query": module.embed_query,
      "embed_passage": module.embed_passage,
    },
  )
  if warm_up:
    write_warm_up(folder, ["a warm question"])
  return folder.rename(base / str(version))


def write_numbers(base: pathlib.Path, version: int) -> pathlib.Path:
  """Writes a version of the model that takes numbers."""
  module = _Numbers()
  folder = base / str(version)
  names = ("mixed", "half", "total", "echo", "picky", "wide", "unsigned")
  signatures = {name: getattr(module, name) for name in names}
  tf.saved_model.save(
    module,
    str(folder),
    signatures=signatures | {"serving_default": module.half},
  )
  return folder


def write_corrupt(
  base: pathlib.Path, version: int, source: pathlib.Path
) -> pathlib.Path:
  """Copies a version whose weights are then cut off."""
  folder = shutil.copytree(source, base / f"tmp-{version}")
  weights = next(folder.glob("variables/variables.data-*"))
  weights.write_bytes(weights.read_bytes()[:10])
  return folder.rename(base / str(version))


def write_warm_up(folder: pathlib.Path, questions: list[str]) -> None:
  """Writes warm-up requests into a SavedModel."""
  (folder / "assets.extra").mkdir(exist_ok=True)
  path = str(folder / "assets.extra" / "tf_serving_warmup_requests")
  with tf.io.TFRecordWriter(path) as writer:
    for question in questions:
      log = prediction_log_pb2.PredictionLog()
      request = log.predict_log.request
      request.model_spec.name = "any"
      request.inputs["question"].CopyFrom(tf.make_tensor_proto([question]))
      writer.write(log.SerializeToString())
