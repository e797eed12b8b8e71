"""Folders of sentence-transformers: what is read, embedded and refused."""

import json

import numpy as np
import pytest

from realm_tf import errors
from realm_tf.checkpoints import comparison
from realm_tf.checkpoints import reading
from tests.checkpoints import formats
from tests.checkpoints import numpy_bert
from tests.checkpoints import sentence_folders
from tests.checkpoints import torch_files
from tests.checkpoints.sentence_folders import IDENTITY
from tests.checkpoints.sentence_folders import RELU
from tests.checkpoints.sentence_folders import TANH

TEXTS = ("who wrote it?", "a b c 1 2 3", "x", "long words " * 20)
dense = sentence_folders.random_dense
SHAPES = {
  "mean": {},
  "mean_not_normalised": {"norm": False},
  "cls": {"pooling": "cls_token"},
  "tanh": {"dense": [dense(1, 32, 12, TANH)]},
  "relu_without_bias": {"dense": [dense(1, 32, 12, RELU, bias=False)]},
  "two_layers": {
    "dense": [dense(1, 32, 20, IDENTITY), dense(2, 20, 6, TANH)],
    "norm": False,
  },
}


def read(folder):
  return reading.read(str(folder))


def refusal(folder):
  with pytest.raises(errors.UserError) as error:
    read(folder)
  assert "\n" not in str(error.value)
  return str(error.value)


def test_the_arithmetic_of_these_tests_is_that_of_transformers():
  golden = formats.golden()
  for row, (ids, segments) in enumerate(
    zip(golden["token_ids"], golden["segment_ids"], strict=True)
  ):
    length = np.count_nonzero(ids)
    np.testing.assert_allclose(
      numpy_bert.last_layer(formats.weights(), ids[:length], segments[:length]),
      golden["gelu/hidden_states"][row, :length],
      atol=1e-5,
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_texts_are_embedded_as_by_hand(tmp_path, shape):
  found = read(sentence_folders.write(tmp_path / "st", **SHAPES[shape]))
  wanted = [sentence_folders.embed(text, **SHAPES[shape]) for text in TEXTS]
  embedded = comparison.our_embeddings(found, TEXTS)
  for embeddings in embedded.values():
    np.testing.assert_allclose(embeddings, wanted, atol=1e-5)


def test_a_folder_says_how_its_embeddings_are_made(tmp_path):
  shape = {"pooling": "cls_token", "dense": [dense(1, 32, 12, TANH)]}
  found = read(sentence_folders.write(tmp_path / "st", root=True, **shape))
  assert found.format == "sentence-transformers"
  assert found.encoder.max_length == sentence_folders.MAX_LENGTH
  assert found.encoder.fields() == {
    "pooling": "cls_hidden",
    "projection_size": 12,
    "projection_activation": "tanh",
    "normalization": "l2",
    "passage_segments": False,
    "passage_separator": False,
    "query_prompt": "",
    "passage_prompt": "",
  }
  assert read(formats.TINY_BERT).encoder is None


@pytest.mark.parametrize(
  ("prompts", "default", "query", "passage"),
  [
    ({"query": "q ", "passage": "p "}, None, "q ", "p "),
    ({"query": "q ", "document": "d ", "passage": "p "}, None, "q ", "d "),
    ({"query": "q "}, None, "q ", ""),
    ({"all": "a ", "query": "q "}, "all", "q ", "a "),
    ({"query": "", "document": ""}, None, "", ""),
    ({"other": "o "}, None, "", ""),
  ],
)
def test_prompts_are_those_that_sentence_transformers_would_take(
  tmp_path, prompts, default, query, passage
):
  found = read(
    sentence_folders.write(
      tmp_path / "st", prompts=prompts, default_prompt_name=default
    )
  )
  assert found.encoder.query_prompt == query
  assert found.encoder.passage_prompt == passage


def test_prompts_stand_before_the_texts(tmp_path):
  prompts = {"query": "ask 1, ", "passage": "p "}
  found = read(sentence_folders.write(tmp_path / "st", prompts=prompts))
  embedded = comparison.our_embeddings(found, TEXTS)
  for name, prompt in prompts.items():
    wanted = [sentence_folders.embed(prompt + text) for text in TEXTS]
    got = embedded[f"{name}_embeddings"]
    np.testing.assert_allclose(got, wanted, atol=1e-5)


def test_lower_casing_that_a_cased_tokenizer_lacks_is_noted(tmp_path):
  folder = sentence_folders.write(tmp_path / "st", lower=True, root=True)
  assert read(folder).notes == ()
  (folder / "tokenizer_config.json").write_text('{"do_lower_case": false}')
  [note] = read(folder).notes
  assert "lower-cases" in note


@pytest.mark.parametrize(
  ("modules", "named"),
  [
    (["WordEmbeddings", "Pooling"], "WordEmbeddings"),
    (["Transformer", "LSTM", "Pooling"], "LSTM"),
    (["Transformer", "Normalize"], "Normalize"),
    (["Transformer", "Pooling", "Normalize", "Dense"], "Normalize"),
    (["Transformer", "Pooling", "LayerNorm"], "LayerNorm"),
  ],
)
def test_other_modules_are_refused_by_name(tmp_path, modules, named):
  folder = sentence_folders.write(tmp_path / "st", root=True)
  sentence_folders.write_modules(
    folder,
    [(kind, f"{i}_{kind}" if i else "") for i, kind in enumerate(modules)],
  )
  message = refusal(folder)
  assert f"{folder}/modules.json: the module {named} cannot be read" in message
  (folder / "modules.json").unlink()  # as the message says
  assert read(folder).encoder is None


@pytest.mark.parametrize(
  ("shape", "named"),
  [
    ({"pooling": "max_tokens"}, "pooling_mode_max_tokens"),
    (
      {"pooling_config": {"pooling_mode_cls_token": True}},
      "cls_token, pooling",
    ),
    (
      {"prompts": {"query": "q"}, "pooling_config": {"include_prompt": False}},
      "include_prompt",
    ),
    ({"dense": [dense(1, 32, 8, "torch.nn.SiLU")]}, "SiLU"),
    ({"dense": [dense(1, 32, 8, TANH), dense(2, 8, 4, TANH)]}, "3_Dense"),
    ({"dense": [dense(1, 32, 8, IDENTITY), dense(2, 9, 4, TANH)]}, "3_Dense"),
  ],
)
def test_what_a_module_computes_otherwise_is_refused(tmp_path, shape, named):
  message = refusal(sentence_folders.write(tmp_path / "st", **shape))
  assert "cannot be read" in message
  assert named in message


def test_another_architecture_is_refused_by_name(tmp_path):
  folder = sentence_folders.write(tmp_path / "st", root=True)
  config = formats.config(model_type="mpnet")
  (folder / "config.json").write_text(json.dumps(config))
  assert f"{folder} is a mpnet, not a BERT" in refusal(folder)


def test_pickled_dense_weights_are_read(tmp_path):
  layer = dense(1, 32, 8, TANH)
  folder = sentence_folders.write(tmp_path / "st", dense=[layer])
  kernel, bias, _ = layer
  (folder / "2_Dense" / "model.safetensors").unlink()
  torch_files.write(
    folder / "2_Dense" / "pytorch_model.bin",
    {"linear.weight": kernel.T, "linear.bias": bias},
  )
  np.testing.assert_array_equal(read(folder).encoder.dense.kernel, kernel)


@pytest.mark.parametrize("length", [[8], "8", 2.5, -1])
def test_a_length_that_is_no_number_is_named(tmp_path, length):
  folder = sentence_folders.write(tmp_path / "source")
  [limits] = (tmp_path / "source").rglob("sentence_bert_config.json")
  limits.write_text(json.dumps({"max_seq_length": length}))
  assert f"{limits}: max_seq_length is" in refusal(folder)


@pytest.mark.parametrize("prompts", [["query"], "query", {"query": 5}])
def test_prompts_that_are_no_texts_are_named(tmp_path, prompts):
  folder = sentence_folders.write(tmp_path / "source")
  config = tmp_path / "source" / "config_sentence_transformers.json"
  config.write_text(json.dumps({"prompts": prompts}))
  assert f"{config}: `prompts` must be texts" in refusal(folder)
