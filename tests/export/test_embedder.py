import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import files
from realm_tf.export import embedder as export_lib
from realm_tf.models import embedder as embedder_lib
from tests import synthetic

IDS = tf.constant([[2, 8, 30, 9, 3, 0], [2, 31, 3, 0, 0, 0]])


def retriever_of(**changes):
  config = synthetic.realm_config(**changes)
  retriever = embedder_lib.Retriever(config, len(synthetic.VOCABULARY))
  return retriever, retriever(IDS, IDS)


def embed(folder, kind, ids):
  loaded = tf.saved_model.load(folder)
  return loaded.signatures[kind](token_ids=ids)["embedding"].numpy()


@pytest.mark.parametrize("tied", [True, False])
def test_what_is_exported_embeds_alike(tmp_path, tied):
  retriever, (query, passage) = retriever_of(tied_embedders=tied)
  folder = export_lib.Exporter(retriever, 8).save(str(tmp_path), 30)
  assert folder == export_lib.path(str(tmp_path), 30)
  got = embed(folder, "query", IDS)
  np.testing.assert_allclose(got, query, rtol=1e-4, atol=1e-5)
  got = embed(folder, "passage", IDS)
  np.testing.assert_allclose(got, passage, rtol=1e-4, atol=1e-5)
  assert np.allclose(query, passage) == tied
  # Any batch and length.
  longer = tf.pad(IDS[:1], [[0, 0], [0, 7]])
  np.testing.assert_allclose(
    embed(folder, "query", longer), query[:1], rtol=1e-4, atol=1e-5
  )


def test_a_fresh_process_without_our_code_embeds_alike(tmp_path):
  retriever, (query, _) = retriever_of()
  folder = export_lib.Exporter(retriever, 8).save(str(tmp_path), 1)
  script = (
    "import sys, numpy as np, tensorflow as tf\n"
    f"loaded = tf.saved_model.load({folder!r})\n"
    f"ids = tf.constant({IDS.numpy().tolist()})\n"
    "out = loaded.signatures['query'](token_ids=ids)['embedding']\n"
    f"np.save({str(tmp_path / 'out.npy')!r}, out.numpy())\n"
    "assert 'realm_tf' not in sys.modules\n"
  )
  subprocess.run(
    [sys.executable, "-c", script], check=True, cwd=tmp_path, timeout=100
  )
  np.testing.assert_allclose(
    np.load(tmp_path / "out.npy"), query, rtol=1e-4, atol=1e-5
  )


def test_a_second_export_has_the_weights_of_its_time(tmp_path):
  retriever, (before, _) = retriever_of()
  exporter = export_lib.Exporter(retriever, 8)
  first = exporter.save(str(tmp_path), 1)
  kernel = retriever.query_embedder.projection.kernel
  kernel.assign(tf.random.normal(kernel.shape))
  after = retriever.query_embedder(IDS)
  second = exporter.save(str(tmp_path), 2)
  assert not np.allclose(before, after, atol=1e-2)
  for folder, wanted in ((first, before), (second, after)):
    np.testing.assert_allclose(
      embed(folder, "query", IDS), wanted, rtol=1e-4, atol=1e-5
    )


def test_the_manifest_makes_the_export(tmp_path, monkeypatch):
  retriever, _ = retriever_of()
  exporter = export_lib.Exporter(retriever, 8)
  folder = exporter.save(str(tmp_path), 5)
  manifest = tf.io.gfile.join(folder, export_lib.MANIFEST)
  assert files.read_json(manifest) == {"step": 5, "dim": 8}
  export_lib.remove(str(tmp_path), 5)
  assert not tf.io.gfile.exists(folder)
  assert tf.io.gfile.listdir(str(tmp_path / "exports" / "embedder")) == []


def test_saving_a_step_again_replaces_it(tmp_path):
  retriever, _ = retriever_of()
  exporter = export_lib.Exporter(retriever, 8)
  exporter.save(str(tmp_path), 5)
  gamma = retriever.query_embedder.layer_norm.gamma
  gamma.assign(2 * gamma)
  folder = exporter.save(str(tmp_path), 5)
  np.testing.assert_allclose(
    embed(folder, "query", IDS),
    retriever.query_embedder(IDS),
    rtol=1e-4,
    atol=1e-5,
  )
  assert len(tf.io.gfile.listdir(str(tmp_path / "exports" / "embedder"))) == 1
