import functools
import json
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_text as tf_text

from realm_tf import devices
from realm_tf import errors
from realm_tf import stack
from realm_tf.export import embedder_export
from realm_tf.index.build import embed_distributed
from realm_tf.index.build import embed_estimator
from realm_tf.index.build import embedding_engine
from realm_tf.index.versions import index_version
from realm_tf.models import embedders
from realm_tf.runs import exports
from tests import graph_ops
from tests import programs
from tests import synthetic
from tests.index import fake_run

needs_estimator = pytest.mark.skipif(
  not stack.has_estimator(), reason="this TensorFlow has no Estimator"
)
_ESTIMATOR = embed_estimator.EmbedEstimator
ENGINES = {
  "Estimator": pytest.param(_ESTIMATOR, id="Estimator", marks=needs_estimator),
  "tf.distribute": pytest.param(
    embed_distributed.EmbedDistributed, id="tf.distribute"
  ),
}


@pytest.fixture(scope="module")
def retriever():
  tf.keras.utils.set_random_seed(0)
  config = synthetic.realm_config(num_layers=2)
  return embedders.TwoTowers(
    config, config, len(synthetic.VOCABULARY), synthetic.SEP
  )


@pytest.fixture(scope="module")
def export(retriever, tmp_path_factory):
  """Two towers of a BERT of two layers, with random weights."""
  model_dir = str(tmp_path_factory.mktemp("run"))
  config = synthetic.realm_config(num_layers=2)
  embedder_export.Exporter(retriever, config).save(model_dir, 7)
  return exports.path(model_dir, 7)


@pytest.fixture(scope="module")
def batches():
  """Batches of several shapes; some rows end in padding."""
  rng = np.random.default_rng(0)
  made = []
  for rows, width in ((8, 24), (8, 16), (3, 16), (1, 8)):
    ids = rng.integers(5, len(synthetic.VOCABULARY), (rows, width))
    ids[0, width // 2 :] = 0
    made.append(ids.astype(np.int32))
  return made


def embedded_by(tower, batches):
  return [
    tower(tf.constant(batch), training=False).numpy() for batch in batches
  ]


def check(found, wanted):
  assert [f.shape for f in found] == [w.shape for w in wanted]
  for one, other in zip(found, wanted, strict=True):
    np.testing.assert_allclose(one, other, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
  "name", ["saved_model.pb", "variables/variables.index"]
)
@pytest.mark.parametrize("engine", ENGINES.values())
def test_a_damaged_export_is_named(
  engine, name, export, batches, tmp_path, monkeypatch
):
  damaged = pathlib.Path(shutil.copytree(export, tmp_path / "damaged"))
  (damaged / name).write_bytes(b"no graph, no table")
  monkeypatch.setattr(stack, "has_estimator", lambda: engine is _ESTIMATOR)
  with pytest.raises(errors.UserError, match=f"{damaged} is damaged") as error:
    list(embedding_engine.make(str(damaged), batch_size=8).embed(batches))
  assert "\n" not in str(error.value)


@pytest.mark.parametrize("engine", ENGINES.values())
@pytest.mark.parametrize("signature", ["passage", "query"])
def test_an_engine_gives_the_models_embeddings(
  engine, signature, retriever, export, batches
):
  tower = getattr(retriever, f"{signature}_embedder")
  check(
    list(engine(export, signature).predict(batches)),
    embedded_by(tower, batches),
  )


@pytest.mark.parametrize("engine", ENGINES.values())
def test_a_batch_is_embedded_before_the_next_is_asked_for(
  engine, export, batches
):
  events = []

  def asked():
    for number, batch in enumerate(batches):
      events.append(f"asked for {number}")
      yield batch

  for number, _ in enumerate(engine(export).predict(asked())):
    events.append(f"embedded {number}")
  assert events == [
    f"{what} {number}"
    for number in range(len(batches))
    for what in ("asked for", "embedded")
  ]


def test_replicas_share_the_rows_of_a_batch(
  retriever, export, batches, tmp_path
):
  np.savez(tmp_path / "batches.npz", *batches)
  done = programs.run(
    "tests.index.build.two_replicas",
    export,
    str(tmp_path / "batches.npz"),
    str(tmp_path / "output.npz"),
  )
  assert done["status"] == 0, done["stderr"]
  with np.load(tmp_path / "output.npz", allow_pickle=False) as output:
    check([*output.values()], embedded_by(retriever.passage_embedder, batches))


@pytest.fixture
def no_tpu(monkeypatch):
  """What a TPU would compute, the CPU does."""
  monkeypatch.setattr(
    embed_estimator,
    "EmbedTpuEstimator",
    functools.partial(embed_estimator.EmbedTpuEstimator, use_tpu=False),
  )
  monkeypatch.setattr(
    devices,
    "make_strategy",
    lambda tpu: tf.distribute.OneDeviceStrategy("/cpu:0"),
  )


@pytest.fixture(
  params=[
    pytest.param("Estimator", marks=needs_estimator),
    pytest.param("TPUEstimator", marks=needs_estimator),
    "tf.distribute",
    "tf.distribute on a TPU",
  ]
)
def engine(request, no_tpu, monkeypatch, export):
  name = request.param
  if name.startswith("tf.distribute"):
    monkeypatch.setattr(stack, "has_estimator", lambda: False)
  tpu = "local" if "TPU" in name else ""
  assert embedding_engine.name(tpu) == name.removesuffix(" on a TPU")
  return functools.partial(embedding_engine.make, export, batch_size=8, tpu=tpu)


@pytest.fixture(scope="module")
def shards():
  """Shards of 20, 8 and 3 rows; some end in padding."""
  rng = np.random.default_rng(1)
  made = []
  for rows in (20, 8, 3):
    ids = rng.integers(5, len(synthetic.VOCABULARY), (rows, 40))
    for row, length in enumerate(rng.integers(1, 41, rows)):
      ids[row, length:] = 0
    made.append(ids.astype(np.int32))
  return made


def test_every_engine_embeds_shards_one_after_the_other(
  engine, retriever, shards
):
  events = []

  def asked():
    for number, shard in enumerate(shards):
      events.append(f"asked for {number}")
      # What makes a shard computes with TensorFlow, too.
      yield tf.constant(shard).numpy()

  found = []
  for number, embeddings in enumerate(engine("passage").embed(asked())):
    events.append(f"embedded {number}")
    found.append(embeddings)
  check(found, embedded_by(retriever.passage_embedder, shards))
  assert events == [
    f"{what} {number}"
    for number in range(len(shards))
    for what in ("asked for", "embedded")
  ]


@pytest.mark.parametrize("count", [0, 1])
def test_an_engine_may_be_left_early(engine, shards, count):
  embeddings = engine("query").embed(iter(shards))
  for _ in range(count):
    next(embeddings)
  embeddings.close()
  assert len(list(engine("query").embed([]))) == 0


@needs_estimator
def test_a_tpu_and_its_host_run_operations_of_tensorflow_alone(
  export, tmp_path
):
  params = {
    "export_path": export,
    "signature": "passage",
    "folder": str(tmp_path),
    "length": 40,
    "batch_size": 8,
  }
  with tf.Graph().as_default() as graph:
    batches = embed_estimator.tpu_input_fn(params)
    features = tf.compat.v1.data.make_one_shot_iterator(batches).get_next()
    read = graph_ops.ops_of_graph(graph.as_graph_def())

    def core(token_ids, rows):
      return embed_estimator.tpu_model_fn(
        {"token_ids": token_ids, "rows": rows}, None, "infer", params
      ).predictions["embedding"]

    [embedding] = tf.compat.v1.tpu.rewrite(
      core, [features["token_ids"], features["rows"]]
    )
    ops = graph_ops.ops_of_graph(graph.as_graph_def())
  assert embedding.shape[0] == 8
  assert "FixedLengthRecordDatasetV2" in read
  assert "TPUReplicateMetadata" in ops
  assert ops["MatMul"] + ops["BatchMatMulV2"] + ops["Einsum"] > 2
  assert graph_ops.not_in_tensorflow(ops) == set()


def test_what_a_tpus_host_lacks_is_named():
  @tf.function
  def foreign(texts):
    tokens = tf_text.WhitespaceTokenizer().tokenize(texts)
    return tf.numpy_function(lambda x: x, [tokens.flat_values], tf.string)

  spec = tf.TensorSpec([None], tf.string)
  ops = graph_ops.count_ops(foreign.get_concrete_function(spec))
  names = graph_ops.not_in_tensorflow(ops)
  assert "PyFunc" in names
  assert any(name.startswith("TFText>") for name in names)


def _refresh(path, corpus, **options):
  """Builds a version of a fake run; returns its embeddings, files and log."""
  model_dir = fake_run.write_run(path, corpus, index_dtype="float32")
  fake_run.write_export(model_dir, 100)
  lines = []
  assert fake_run.refresh(model_dir, lines.append, **options) == 0
  folder = pathlib.Path(model_dir, "index", "100")
  manifest = json.loads((folder / "manifest.json").read_text())
  embeddings = [
    index_version.read_embeddings(str(file))
    for file in sorted(folder.glob("*.npy"))
  ]
  return embeddings, manifest, lines


@needs_estimator
def test_both_engines_build_the_same_version(tmp_path, corpus, monkeypatch):
  by_estimator, manifest, lines = _refresh(tmp_path / "estimator", corpus)
  monkeypatch.setattr(stack, "has_estimator", lambda: False)
  distributed, other, other_lines = _refresh(tmp_path / "other", corpus)

  check(by_estimator, distributed)
  assert manifest.pop("engine") == "Estimator"
  assert other.pop("engine") == "tf.distribute"
  for of_version in ("created_unix_secs", "files"):
    first, second = manifest.pop(of_version), other.pop(of_version)
    if of_version == "files":
      assert first.keys() == second.keys()
  assert manifest == other
  assert " by Estimator; " in lines[-1]
  assert " by tf.distribute; " in other_lines[-1]
  # One line a shard, and one for the version.
  assert len(lines) == len(other_lines) == 4


@needs_estimator
def test_a_tpu_that_is_not_there_is_named(export, shards):
  engine = embedding_engine.make(export, batch_size=8, tpu="local")
  with pytest.raises(errors.UserError, match="tpu=local is not there"):
    next(engine.embed(shards))


@needs_estimator
def test_a_tpus_version_is_that_of_the_cpu(tmp_path, corpus, no_tpu):
  wanted, _, _ = _refresh(tmp_path / "cpu", corpus)
  found, manifest, lines = _refresh(tmp_path / "tpu", corpus, tpus=["local"])
  for one, other in zip(found, wanted, strict=True):
    np.testing.assert_allclose(one, other, atol=1e-6, rtol=1e-6)
  assert manifest["engine"] == "TPUEstimator"
  assert " by TPUEstimator; " in lines[-1]
