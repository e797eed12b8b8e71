"""Google's REALM and ORQA, in the layouts of TensorFlow 1."""

import pathlib

import numpy as np
import pytest

from realm_tf import errors
from realm_tf.checkpoints import reading
from realm_tf.checkpoints import realm_comparison
from realm_tf.checkpoints.formats import google_realm
from realm_tf.checkpoints.formats import hugging_face_realm
from realm_tf.checkpoints.formats import mapped_file
from realm_tf.checkpoints.formats import tensor_bundle
from realm_tf.launch import dry_run
from realm_tf.launch import path_checks
from tests.checkpoints import google_realm_folders
from tests.checkpoints import realm_folders

ROWS = 100


@pytest.fixture(scope="module")
def vectors():
  rng = np.random.default_rng(3)
  return rng.normal(size=[ROWS, realm_folders.SIZE]).astype(np.float32)


def check_same(found, wanted):
  """Asserts that two sources hold the same BERT."""
  assert found.config == wanted.config
  assert found.vocabulary == wanted.vocabulary
  assert found.lower_case
  assert found.variables.keys() == wanted.variables.keys()
  for name, value in found.variables.items():
    np.testing.assert_array_equal(value, wanted.variables[name])


def check_same_layers(found, wanted):
  for name, value in vars(found).items():
    np.testing.assert_array_equal(value, getattr(wanted, name))


def hugging_face(tmp_path, part, seed):
  arrays = getattr(realm_folders, part)(seed)
  return reading.read(str(realm_folders.write(tmp_path / "hf", arrays)))


def test_an_embedder_is_hugging_faces(tmp_path):
  folder = google_realm_folders.embedder(tmp_path / "embedder")
  found = reading.read(str(folder))
  wanted = hugging_face(tmp_path, "embedder", 1)
  check_same(found, wanted)
  assert found.encoder is not None
  assert found.encoder.fields() == wanted.encoder.fields()
  assert found.encoder.max_length == wanted.encoder.max_length
  check_same_layers(found.encoder.dense, wanted.encoder.dense)
  check_same_layers(found.encoder.layer_norm, wanted.encoder.layer_norm)
  assert found.unused == ("cls/predictions/*",)


def test_its_embeddings_are_those_of_the_arrays(tmp_path):
  folder = google_realm_folders.embedder(tmp_path / "embedder")
  found = reading.read(str(folder))
  batch = realm_comparison.inputs(found)
  made = realm_comparison.our_outputs(found, batch)["embeddings"]
  for ids, embedding in zip(batch["token_ids"], made, strict=True):
    texts, text = [], []
    for token in ids[1:].tolist():
      if token == realm_folders.SEP:
        texts.append(text)
        text = []
      else:
        text.append(token)
    wanted = realm_folders.embed(realm_folders.embedder(), *texts)
    np.testing.assert_allclose(embedding, wanted, atol=1e-4)


@pytest.mark.parametrize("layout", ["bert", "bert_checkpoint"])
def test_the_reader_of_pretraining_has_its_head(tmp_path, layout):
  folder = getattr(google_realm_folders, layout)(tmp_path / "bert")
  found = reading.read(str(folder))
  check_same(found, hugging_face(tmp_path, "encoder", 2))
  assert found.encoder is None
  assert not found.unused


def test_a_fine_tuned_one_has_query_tower_and_reader(tmp_path, vectors):
  tower_path = google_realm_folders.embedder(
    tmp_path / "tower", vectors=vectors
  )
  folder = google_realm_folders.finetuned(
    tmp_path / "orqa", num_block_records=ROWS, reader_beam_size=4
  )
  found = google_realm.read_finetuned(
    str(folder), str(tower_path), reading.read(str(tower_path))
  )
  arrays = realm_folders.openqa(vectors)
  folder = realm_folders.write(tmp_path / "openqa", arrays)
  wanted = hugging_face_realm.read_openqa(str(folder))
  check_same(found.embedder, wanted.embedder)
  check_same(found.reader, wanted.reader)
  check_same_layers(found.reader.span_scorer, wanted.reader.span_scorer)
  check_same_layers(found.embedder.encoder.dense, wanted.embedder.encoder.dense)
  np.testing.assert_array_equal(found.block_embeddings, vectors)
  assert found.reader_beam == 4
  assert found.reader_length == realm_folders.POSITIONS


def test_without_a_config_heads_are_of_64(tmp_path):
  variables = google_realm_folders.embedder_variables(realm_folders.embedder())
  folder = google_realm_folders.module(tmp_path / "m", variables, config=False)
  found = reading.read(str(folder))
  assert found.config.num_heads == 1
  assert "heads of 64" in found.notes[0]


@pytest.mark.parametrize(("erf", "name"), [(0, "gelu_tanh"), (1, "gelu")])
def test_the_graph_tells_the_activation(tmp_path, erf, name):
  folder = google_realm_folders.embedder(tmp_path / "m", erf=bool(erf))
  assert reading.read(str(folder)).config.activation == name


def test_tensors_of_a_bundle_are_mapped(tmp_path):
  rng = np.random.default_rng(1)
  variables = {
    f"{scope}/{name}": rng.normal(size=size).astype(np.float32)
    for scope in ("a", "aa", "b" * 300)
    for name, size in (("x", [3]), ("y", [700, 2]), ("z", []))
  }
  variables["many"] = np.arange(5)
  for number in range(500):  # more than a block of the index
    variables[f"small/{number}"] = np.float32(number)
  google_realm_folders.save(tmp_path / "ckpt", variables)
  # Each call reads the index anew.
  some = [name for name in variables if not name.startswith("small/")]
  for name in [*some, *(f"small/{number}" for number in range(0, 500, 25))]:
    value = variables[name]
    found = tensor_bundle.map_tensor(str(tmp_path / "ckpt"), name)
    np.testing.assert_array_equal(found, value)
    assert found.dtype == np.asarray(value).dtype
  assert tensor_bundle.map_tensor(str(tmp_path / "ckpt"), "other") is None
  assert not found.flags.writeable


def resident_kb():
  """Memory of this process that is files' pages."""
  status = pathlib.Path("/proc/self/status").read_text().splitlines()
  [line] = [line for line in status if line.startswith("RssFile:")]
  return int(line.split()[1])


def test_a_mapped_tensor_gives_its_memory_back(tmp_path):
  vectors = np.ones([100_000, 128], np.float32)  # 50,000 kB
  google_realm_folders.save(tmp_path / "ckpt", {"block_emb": vectors})
  found = tensor_bundle.map_tensor(str(tmp_path / "ckpt"), "block_emb")
  assert found.sum() == vectors.size
  mapped = resident_kb()
  mapped_file.release(found[1:].T)
  assert resident_kb() < mapped - 40_000
  assert found.sum() == vectors.size
  mapped_file.release(vectors)  # no file's
  assert vectors.all()


def refusal(read, *args):
  with pytest.raises(errors.UserError) as error:
    read(*args)
  assert "\n" not in str(error.value)
  return str(error.value)


@pytest.mark.parametrize("part", ["index", "data-00000-of-00001"])
@pytest.mark.parametrize("kept", [0, 40, -9])
def test_a_bundle_that_is_cut_off_is_named(tmp_path, vectors, part, kept):
  prefix = tmp_path / "encoded.ckpt"
  google_realm_folders.save(prefix, {"block_emb": vectors})
  file = tmp_path / f"encoded.ckpt.{part}"
  file.write_bytes(file.read_bytes()[:kept])
  message = refusal(tensor_bundle.map_tensor, str(prefix), "block_emb")
  assert str(file) in message


def test_a_damaged_index_is_refused(tmp_path, vectors):
  prefix = tmp_path / "encoded.ckpt"
  google_realm_folders.save(prefix, {"block_emb": vectors})
  file = tmp_path / "encoded.ckpt.index"
  content = file.read_bytes()
  rng = np.random.default_rng(0)
  for _ in range(300):
    damaged = bytearray(content)
    damaged[rng.integers(len(content))] = rng.integers(256)
    file.write_bytes(damaged)
    try:
      found = tensor_bundle.map_tensor(str(prefix), "block_emb")
    except errors.UserError as e:
      assert "\n" not in str(e)
    else:
      assert found is None or isinstance(found, np.ndarray)


def test_modules_that_are_cut_off_are_refused(tmp_path):
  folder = google_realm_folders.embedder(tmp_path / "embedder")
  for name in (
    "saved_model.pb",
    "variables/variables.data-00000-of-00001",
    "variables/variables.index",
  ):
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: len(content) // 2])
    assert str(folder) in refusal(reading.read, str(folder))
    (folder / name).write_bytes(content)
  (folder / "assets" / "vocab.txt").unlink()
  assert "no vocabulary" in refusal(reading.read, str(folder))


def test_variables_that_are_missing_are_named(tmp_path):
  whole = google_realm_folders.embedder_variables(realm_folders.embedder())
  for number, lost in enumerate(
    (
      "module/module/LayerNorm/beta",
      "module/module/dense/bias",
      "module/module/module/bert/embeddings/position_embeddings",
      "module/module/module/bert/encoder/layer_1/output/dense/kernel",
    )
  ):
    variables = {n: v for n, v in whole.items() if n != lost}
    folder = google_realm_folders.module(tmp_path / str(number), variables)
    assert "the variable" in refusal(reading.read, str(folder))


def test_two_berts_are_no_module(tmp_path):
  arrays = realm_folders.embedder()
  variables = google_realm_folders.embedder_variables(arrays)
  variables |= google_realm_folders.embedder_variables(arrays, "other/")
  folder = google_realm_folders.module(tmp_path / "two", variables)
  assert "holds 2 BERTs" in refusal(reading.read, str(folder))


def test_a_fine_tuned_one_is_no_bert(tmp_path, monkeypatch):
  folder = google_realm_folders.finetuned(tmp_path / "orqa")
  monkeypatch.setattr(dry_run, "is_wanted", lambda: False)
  path_checks.weights("source", str(folder))
  assert "passage_tower" in refusal(reading.read, str(folder))


def test_a_part_that_a_fine_tuned_one_lacks_is_named(tmp_path, vectors):
  tower = google_realm_folders.embedder(tmp_path / "tower", vectors=vectors)
  source = reading.read(str(tower))
  folder = google_realm_folders.finetuned(
    tmp_path / "orqa", num_block_records=13_353_718
  )
  read = google_realm.read_finetuned

  def message():
    return refusal(read, str(folder), str(tower), source)

  assert "announces num_block_records=13,353,718" in message()
  assert "has 100 rows" in message()
  (folder / "params.json").write_text('{"reader_seq_len": "long"}')
  assert "reader_seq_len='long'" in message()
  (folder / "params.json").write_text("{}")
  for file in (tower / "encoded").glob("*"):
    file.unlink()
  assert "encoded/encoded.ckpt" in message()
  prefix = folder / "export" / "best_default" / "checkpoint"
  for file in prefix.glob("*"):
    file.unlink()
  assert "0 checkpoints" in message()
  only = google_realm_folders.embedder_variables(realm_folders.embedder())
  google_realm_folders.save(prefix / "model.ckpt-1", only)
  assert "lacks the reader" in message()
