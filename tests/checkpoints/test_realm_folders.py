"""Hugging Face's REALM: what is read of each part, computed, and refused."""

import dataclasses
import pickle

import numpy as np
import pytest

from realm_tf import errors
from realm_tf.checkpoints import reading
from realm_tf.checkpoints import realm_comparison
from realm_tf.checkpoints.formats import imported
from realm_tf.checkpoints.formats import torch_file
from tests.checkpoints import formats
from tests.checkpoints import realm_folders
from tests.checkpoints import torch_files

ATOL = 1e-5
PARTS = {
  "embedder": realm_folders.embedder,
  "scorer": realm_folders.scorer,
  "encoder": realm_folders.encoder,
  "reader": realm_folders.reader,
}


def read(folder):
  return reading.read(str(folder))


def refusal(folder):
  with pytest.raises(errors.UserError) as error:
    read(folder)
  assert "\n" not in str(error.value)
  assert str(folder) in str(error.value)
  return str(error.value)


def texts_of(batch, row):
  """The texts of a row of a batch, without special tokens."""
  ids = [i for i in batch["token_ids"][row] if i]
  ends = [place for place, i in enumerate(ids) if i == realm_folders.SEP]
  return [
    ids[start + 1 : end] for start, end in zip([0, *ends], ends, strict=False)
  ]


@pytest.mark.parametrize("pickled", [False, True])
@pytest.mark.parametrize("part", PARTS)
def test_each_part_is_told_by_its_tensors(tmp_path, part, pickled):
  folder = tmp_path / part
  found = read(realm_folders.write(folder, PARTS[part](), pickled=pickled))
  assert found.format == f"Hugging Face's REALM {part}"
  assert (found.encoder is not None) == (part in ("embedder", "scorer"))
  assert (found.span_scorer is not None) == (part == "reader")
  assert ("MLM head" in found.roles) == (part == "encoder")
  assert found.unused == (() if part == "encoder" else ("cls.predictions.*",))
  assert found.activations == ("gelu_tanh",)


@pytest.mark.parametrize("part", ["embedder", "scorer"])
def test_an_embedder_computes_what_its_arrays_say(tmp_path, part):
  found = read(realm_folders.write(tmp_path / part, PARTS[part]()))
  batch = realm_comparison.inputs(found)
  made = realm_comparison.our_outputs(found, batch)["embeddings"]
  arrays = realm_folders.embedder()
  for row, embedding in enumerate(made):
    wanted = realm_folders.embed(arrays, *texts_of(batch, row))
    np.testing.assert_allclose(embedding, wanted, atol=ATOL)


def test_an_embedder_is_a_retriever_of_the_paper(tmp_path):
  found = read(
    realm_folders.write(tmp_path / "embedder", realm_folders.embedder())
  )
  assert found.encoder.fields() == {
    "pooling": "cls",
    "projection_size": realm_folders.SIZE,
    "projection_activation": "none",
    "normalization": "layer_norm",
    "passage_segments": True,
    "passage_separator": True,
    "query_prompt": "",
    "passage_prompt": "",
  }


def span_scores(found):
  """What a reader makes of question and body, and what it should make."""
  batch = realm_comparison.inputs(found)
  made = realm_comparison.our_outputs(found, batch)["span_scores"]
  wanted = np.zeros_like(made)
  arrays = realm_folders.reader()
  for row in range(len(made)):
    texts = texts_of(batch, row)
    if len(texts) == 2:
      first = len(texts[0]) + 2
      scores = realm_folders.span_scores(arrays, *texts)
      for (start, length), score in scores.items():
        wanted[row, first + start, length - 1] = score
  return made, wanted


def test_a_reader_scores_spans_as_its_arrays_say(tmp_path):
  found = read(realm_folders.write(tmp_path / "reader", realm_folders.reader()))
  made, wanted = span_scores(found)
  assert np.count_nonzero(wanted) > 100
  np.testing.assert_allclose(made, wanted, atol=ATOL)


def test_an_imported_reader_keeps_its_span_scorer(tmp_path):
  folder = realm_folders.write(tmp_path / "reader", realm_folders.reader())
  imported.write(read(folder), str(tmp_path / "imported"))
  made, wanted = span_scores(read(tmp_path / "imported"))
  np.testing.assert_allclose(made, wanted, atol=ATOL)


def test_an_encoder_is_a_language_model(tmp_path):
  arrays = realm_folders.encoder()
  found = read(realm_folders.write(tmp_path / "encoder", arrays))
  bert = {"bert." + n.removeprefix("realm."): a for n, a in arrays.items()}
  head = {n: a for n, a in arrays.items() if n.startswith("cls.")}
  bert = {n: a for n, a in bert.items() if not n.startswith("bert.cls.")} | head
  same = read(
    formats.hugging_face(tmp_path / "bert", bert, hidden_act="gelu_new")
  )
  assert found.variables.keys() == same.variables.keys()
  for name, value in found.variables.items():
    np.testing.assert_array_equal(value, same.variables[name])


def test_a_scorer_of_two_towers_is_refused(tmp_path):
  arrays = realm_folders.scorer()
  towers = arrays | realm_folders.below(
    "query_embedder.", realm_folders.embedder()
  )
  assert read(realm_folders.write(tmp_path / "one", towers)).encoder
  towers |= realm_folders.below("query_embedder.", realm_folders.embedder(9))
  folder = realm_folders.write(tmp_path / "two", towers)
  assert "has two towers" in refusal(folder)


def without(arrays, name):
  return {n: a for n, a in arrays.items() if n != name}


@pytest.mark.parametrize(
  ("arrays", "changes", "words"),
  [
    (
      without(realm_folders.embedder(), "cls.LayerNorm.bias"),
      {},
      "lacks the tensor cls.LayerNorm.bias [16]",
    ),
    (
      realm_folders.embedder(),
      {"retriever_proj_size": 128},
      "cls.dense.weight is [16, 32], but its config makes it [128, 32]",
    ),
    (
      without(realm_folders.reader(), "qa_outputs.dense_output.bias"),
      {},
      "lacks the tensor qa_outputs.dense_output.bias [1]",
    ),
    (
      realm_folders.reader(),
      {"span_hidden_size": [24] * 1000},
      "its span_hidden_size is [24, 24",
    ),
    ({"x": np.zeros([2], np.float32)}, {}, "holds no part of REALM"),
    (
      realm_folders.openqa(np.zeros([3, 16], np.float32)),
      {},
      "whole fine-tuned REALM",
    ),
  ],
)
def test_what_does_not_fit_is_refused(tmp_path, arrays, changes, words):
  folder = realm_folders.write(tmp_path / "source", arrays, **changes)
  assert words in refusal(folder)


def test_other_epsilons_are_noted(tmp_path):
  folder = realm_folders.write(
    tmp_path / "reader",
    realm_folders.reader(),
    layer_norm_eps=1e-5,
    reader_layer_norm_eps=1e-6,
  )
  assert len(read(folder).notes) == 2


def test_weights_in_a_pickle_are_those_of_torch(tmp_path):
  rng = np.random.default_rng(0)
  arrays = {
    "a": rng.normal(size=[3, 4]).astype("<f4"),
    "b": rng.normal(size=[5]).astype("<f2"),
    "c": np.arange(6, dtype="<i8").reshape(1, 2, 3),
  }
  torch_files.write(tmp_path / "w.bin", arrays)
  found = torch_file.read(str(tmp_path / "w.bin"))
  assert found.keys() == arrays.keys()
  for name, array in arrays.items():
    np.testing.assert_array_equal(found[name], array)
    assert found[name].dtype == array.dtype


class Touch:
  """Makes a file when it is unpickled."""

  def __init__(self, path):
    self.path = path

  def __reduce__(self):
    return (open, (str(self.path), "w"))


def programs(path):
  """Pickles that would do something, by name."""
  bad = b"cbuiltins\nopen\n(" + torch_files.text(str(path))
  bad += torch_files.text("w") + b"tR."
  # `BUILD` on a function that may be called.
  fields = b"}(" + torch_files.text("_function") + b"cos\nsystem\nu"
  return {
    "reduce": pickle.dumps({"a": Touch(path)}, protocol=2),
    "stack_global": pickle.dumps({"a": Touch(path)}, protocol=4),
    "global": b"\x80\x02" + bad,
    "numpy": pickle.dumps({"a": np.zeros(3)}, protocol=2),
    "build": b"\x80\x02" + torch_files.TENSOR + fields + b"b.",
    "build_slots": b"\x80\x02"
    + torch_files.TENSOR
    + b"N}("
    + torch_files.text("_function")
    + torch_files.number(1)
    + b"u\x86b.",
  }


@pytest.mark.parametrize("name", programs(""))
def test_a_pickle_that_would_run_code_is_refused(tmp_path, name):
  folder = realm_folders.write(tmp_path / "hf", realm_folders.encoder())
  (folder / "model.safetensors").unlink()
  made = tmp_path / "made"
  torch_files.write(folder / "pytorch_model.bin", {}, programs(made)[name])
  message = refusal(folder)
  assert "is refused: its pickle" in message
  assert not made.exists()


@pytest.mark.parametrize("limit", [0, 100, 5_000, -200])
def test_part_of_a_file_of_torch_is_refused(tmp_path, limit):
  folder = realm_folders.write(
    tmp_path / "hf", realm_folders.encoder(), pickled=True
  )
  file = folder / "pytorch_model.bin"
  file.write_bytes(file.read_bytes()[:limit])
  assert "no whole file of PyTorch's weights" in refusal(folder)


def test_a_tensor_beyond_its_bytes_is_refused(tmp_path):
  array = np.zeros([4], np.float32)
  for count, shape in ((4, (5,)), (5, (5,))):
    claimed = np.zeros(shape, np.float32)
    program = b"\x80\x02}(" + torch_files.text("a")
    program += torch_files.tensor("0", claimed, count) + b"u."
    torch_files.write(tmp_path / "w.bin", {"a": array}, program)
    with pytest.raises(errors.UserError, match="no whole file"):
      torch_file.read(str(tmp_path / "w.bin"))


def test_the_fields_of_a_span_scorer_are_all_compared(tmp_path):
  """Each array of a reader changes its scores."""
  found = read(realm_folders.write(tmp_path / "reader", realm_folders.reader()))
  batch = realm_comparison.inputs(found)
  made = realm_comparison.our_outputs(found, batch)["span_scores"]
  for field, value in vars(found.span_scorer).items():
    other = dataclasses.replace(found.span_scorer, **{field: value + 0.1})
    changed = realm_comparison.our_outputs(
      dataclasses.replace(found, span_scorer=other), batch
    )["span_scores"]
    assert np.abs(changed - made).max() > 1e-4, field
