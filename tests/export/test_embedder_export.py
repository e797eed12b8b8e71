import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import devices
from realm_tf import errors
from realm_tf import files
from realm_tf.export import embedder_export
from realm_tf.models import embedders
from realm_tf.runs import exports
from tests import synthetic
from tests.export import graphs

IDS = tf.constant([[2, 8, 30, 9, 3, 0], [2, 31, 3, 0, 0, 0]])


def retriever_of(**changes):
  config = synthetic.realm_config(**changes)
  retriever = embedders.TwoTowers(
    config, config, len(synthetic.VOCABULARY), synthetic.SEP
  )
  return retriever, retriever(IDS, IDS)


def embed(folder, kind, ids):
  loaded = tf.saved_model.load(folder)
  return loaded.signatures[kind](token_ids=ids)["embedding"].numpy()


@pytest.fixture(scope="module")
def export(tmp_path_factory):
  """A run with an export of step 1, and what its weights gave then."""
  model_dir = tmp_path_factory.mktemp("run")
  retriever, (query, passage) = retriever_of()
  exporter = embedder_export.Exporter(retriever, synthetic.realm_config())
  folder = exporter.save(str(model_dir), 1)
  assert folder == exports.path(str(model_dir), 1)
  return model_dir, retriever, exporter, query.numpy(), passage.numpy()


def test_a_fresh_process_without_our_code_embeds_alike(export, tmp_path):
  model_dir, _, _, query, passage = export
  folder = exports.path(str(model_dir), 1)
  script = (
    "import sys, numpy as np, tensorflow as tf\n"
    f"loaded = tf.saved_model.load({folder!r})\n"
    f"ids = tf.constant({IDS.numpy().tolist()})\n"
    "for kind in ('query', 'passage'):\n"
    "  out = loaded.signatures[kind](token_ids=ids)['embedding']\n"
    "  np.save(kind + '.npy', out.numpy())\n"
    "assert 'realm_tf' not in sys.modules\n"
  )
  subprocess.run(
    [sys.executable, "-c", script], check=True, cwd=tmp_path, timeout=100
  )
  for kind, wanted in (("query", query), ("passage", passage)):
    np.testing.assert_allclose(
      np.load(tmp_path / f"{kind}.npy"), wanted, rtol=1e-4, atol=1e-5
    )
  np.testing.assert_array_equal(query, passage)


def test_untied_towers_are_exported_each_behind_its_signature(tmp_path):
  retriever, (query, passage) = retriever_of(tied_embedders=False)
  folder = embedder_export.Exporter(retriever, synthetic.realm_config()).save(
    str(tmp_path), 30
  )
  assert not np.allclose(query, passage, atol=1e-2)
  loaded = tf.saved_model.load(folder).signatures
  for kind, wanted in (("query", query), ("passage", passage)):
    got = loaded[kind](token_ids=IDS)["embedding"]
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)
    # Any batch and length.
    longer = tf.pad(IDS[:1], [[0, 0], [0, 7]])
    got = loaded[kind](token_ids=longer)["embedding"]
    np.testing.assert_allclose(got, wanted[:1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("tied", [True, False])
def test_its_variables_are_read_as_a_checkpoint_of_the_towers(tmp_path, tied):
  retriever, _ = retriever_of(tied_embedders=tied)
  folder = embedder_export.Exporter(retriever, synthetic.realm_config()).save(
    str(tmp_path), 1
  )
  path = tf.io.gfile.join(folder, "variables", "variables")
  other, _ = retriever_of(tied_embedders=tied)
  for name in ("query_embedder", "passage_embedder"):
    tower = getattr(other, name)
    status = tf.train.Checkpoint(**{name: tower}).read(path)
    status.assert_existing_objects_matched()
    for got, wanted in zip(
      tower.variables, getattr(retriever, name).variables, strict=True
    ):
      np.testing.assert_array_equal(got, wanted)


def test_an_export_has_the_weights_of_its_time_and_may_be_replaced(export):
  model_dir, retriever, exporter, before, _ = export
  gamma = retriever.query_embedder.layer_norm.gamma
  for factor in (2.0, 3.0):
    gamma.assign(factor * tf.ones_like(gamma))
    folder = exporter.save(str(model_dir), 2)
  got = embed(folder, "query", IDS)
  np.testing.assert_allclose(got, 3 * before, rtol=1e-4, atol=1e-4)
  folders = model_dir / "exports" / "embedder"
  assert sorted(p.name for p in folders.iterdir()) == ["1", "2"]
  manifest = tf.io.gfile.join(folder, exports.MANIFEST)
  assert files.read_json(manifest).items() >= {"step": 2, "dim": 8}.items()
  embedder_export.remove(str(model_dir), 2)
  assert [p.name for p in folders.iterdir()] == ["1"]


def test_an_export_made_anew_has_an_id_of_its_own(export):
  model_dir, _, exporter, _, _ = export
  ids = set()
  for _ in range(2):
    exporter.save(str(model_dir), 3)
    ids.add(exports.find(str(model_dir), 3).export_id)
  assert len(ids) == 2
  embedder_export.remove(str(model_dir), 3)


@pytest.mark.parametrize("tied", [True, False])
def test_what_is_trained_in_bfloat16_is_exported_in_float32(
  tmp_path, bfloat16, tied
):
  config = synthetic.realm_config(tied_embedders=tied, dropout=0.1)
  retriever = embedders.TwoTowers(
    config, config, len(synthetic.VOCABULARY), synthetic.SEP
  )
  retriever.passage_embedder.trainable = False  # as in fine-tuning
  exporter = embedder_export.Exporter(retriever, config)
  # Each export has the weights of its time, in a graph without bfloat16.
  for step in (1, 2):
    for variable in retriever.variables:
      if variable.dtype == tf.float32:
        variable.assign_add(0.1 * tf.random.normal(variable.shape))
    folder = exporter.save(str(tmp_path), step)
    assert graphs.dtypes(folder) & {tf.float32, tf.bfloat16} == {tf.float32}
    for kind in ("query", "passage"):
      tower = getattr(retriever, f"{kind}_embedder")
      got = embed(folder, kind, IDS)
      np.testing.assert_allclose(got, tower(IDS), atol=0.1)
      assert (got != tower(IDS).numpy()).any()
      np.testing.assert_allclose(
        got, float32_copy(retriever, kind)(IDS), rtol=1e-4, atol=1e-5
      )


def float32_copy(retriever, kind):
  """A tower of the same weights that computes in float32."""
  devices.set_precision("float32", on_cpu=False)
  copy = embedders.TwoTowers.from_config(retriever.get_config())
  devices.set_precision("bfloat16", on_cpu=False)
  new, old = (getattr(r, f"{kind}_embedder") for r in (copy, retriever))
  new.trainable = old.trainable
  new.set_weights(old.get_weights())
  return new


def test_bfloat16_is_exported_where_the_config_asks_for_it(tmp_path, bfloat16):
  retriever, _ = retriever_of()
  config = synthetic.realm_config(export_precision="bfloat16")
  folder = embedder_export.Exporter(retriever, config).save(str(tmp_path), 1)
  assert tf.bfloat16 in graphs.dtypes(folder)


def test_an_export_that_fails_leaves_nothing(export, monkeypatch):
  model_dir, _, exporter, _, _ = export
  folders = model_dir / "exports" / "embedder"
  before = sorted(folders.iterdir())

  def fail(module, path, signatures):
    tf.io.gfile.makedirs(path)
    raise OSError("No space left on device")

  monkeypatch.setattr(tf.saved_model, "save", fail)
  with pytest.raises(OSError, match="No space"):
    exporter.save(str(model_dir), 4)
  assert sorted(folders.iterdir()) == before


def test_what_a_killed_run_left_is_discarded(tmp_path):
  for step in (100, 200, 300):
    folder = tmp_path / "exports" / "embedder" / str(step)
    folder.mkdir(parents=True)
    (folder / exports.MANIFEST).write_text("{}")
  (tmp_path / "exports/embedder/200.12-0123abcd.tmp/variables").mkdir(
    parents=True
  )
  (tmp_path / "exports/embedder/50").mkdir()  # It was being removed.
  (tmp_path / "exports/embedder/mine").mkdir()  # The user's own.
  embedder_export.discard(str(tmp_path), after_step=200)
  left = (tmp_path / "exports" / "embedder").iterdir()
  assert sorted(path.name for path in left) == ["100", "200", "mine"]


@pytest.mark.parametrize("kept", [0, 1000])
def test_a_half_copied_export_is_named(export, tmp_path, kept):
  model_dir, *_ = export
  folder = tmp_path / "export"
  shutil.copytree(exports.path(str(model_dir), 1), folder)
  [data] = folder.rglob("*.data-00000-of-00001")
  data.write_bytes(data.read_bytes()[:kept])
  with pytest.raises(errors.UserError, match="export is damaged, or only a"):
    embedder_export.QueryEmbedder(str(folder))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_frozen_encoder_and_its_projection_have_signatures(
  tmp_path, precision
):
  changes = {
    "train_retriever_encoder": False,
    "export_precision": precision,
    "tied_embedders": False,
  }
  retriever, _ = retriever_of(**changes)
  exporter = embedder_export.Exporter(
    retriever, synthetic.realm_config(**changes)
  )
  model_dir, ids = str(tmp_path), []
  for step, factor in ((1, 1.0), (2, 3.0)):
    kernel = retriever.passage_embedder.projection.kernel
    kernel.assign(factor * kernel)
    folder = exporter.save(model_dir, step)
    loaded = tf.saved_model.load(folder).signatures
    pooled = loaded["pooled_passage"](token_ids=IDS)["embedding"]
    assert pooled.shape == (2, 16)
    np.testing.assert_allclose(
      loaded["projection"](pooled=pooled)["embedding"],
      loaded["passage"](token_ids=IDS)["embedding"],
      rtol=1e-5,
      atol=1e-5,
    )
    ids.append(exports.find(model_dir, step).frozen_encoder_id)
  assert ids[0]
  assert ids[0] == ids[1]


def test_another_encoder_has_another_id(tmp_path):
  config = synthetic.realm_config(train_retriever_encoder=False)
  ids = set()
  for step in (1, 2):
    retriever, _ = retriever_of()  # At random.
    embedder_export.Exporter(retriever, config).save(str(tmp_path), step)
    ids.add(exports.find(str(tmp_path), step).frozen_encoder_id)
  assert len(ids) == 2


def test_an_encoder_that_is_trained_has_no_signature_of_its_own(export):
  model_dir, *_ = export
  assert exports.find(str(model_dir), 1).frozen_encoder_id == ""
  loaded = tf.saved_model.load(exports.path(str(model_dir), 1))
  assert set(loaded.signatures) == {"query", "passage"}
