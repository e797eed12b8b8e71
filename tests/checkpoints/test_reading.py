import dataclasses
import functools
import json
import os

import numpy as np
import pytest
import tensorflow as tf
from official.nlp.modeling import networks

from realm_tf import errors
from realm_tf.checkpoints import assignment
from realm_tf.checkpoints import comparison
from realm_tf.checkpoints import names
from realm_tf.checkpoints import reading
from realm_tf.checkpoints import saved
from realm_tf.checkpoints.formats import imported
from realm_tf.models import encoders as encoder_lib
from tests import synthetic
from tests.checkpoints import formats
from tests.training import small_runs

# Against transformers, whose float32 sums are in another order.
TOLERANCE = 1e-5
OUTPUTS = ("hidden_states", "pooled_output", "logits")
ACTIVATIONS = {"gelu": "gelu", "gelu_tanh": "gelu_new"}


def without_head(arrays):
  return {n: a for n, a in arrays.items() if not n.startswith("cls.")}


def renamed(old, new):
  return {n.replace(old, new): a for n, a in formats.weights().items()}


def old_names():
  return {
    n.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
      "LayerNorm.bias", "LayerNorm.beta"
    ): a
    for n, a in formats.weights().items()
  }


def sentence_transformer(folder):
  formats.hugging_face(folder / "0_Transformer")
  kind = "sentence_transformers.models.Transformer"
  modules = [{"type": kind, "path": "0_Transformer"}]
  (folder / "modules.json").write_text(json.dumps(modules))
  return folder


def two_files(folder):
  formats.hugging_face(folder)
  (folder / "model.safetensors").unlink()
  arrays = list(formats.weights().items())
  parts = {"a.safetensors": arrays[:20], "b.safetensors": arrays[20:]}
  for name, part in parts.items():
    formats.write_safetensors(folder / name, dict(part))
  weight_map = {n: name for name, part in parts.items() for n, _ in part}
  (folder / "model.safetensors.index.json").write_text(
    json.dumps({"weight_map": weight_map})
  )
  return folder


def with_tokenizer_json(folder):
  formats.hugging_face(folder)
  for name in ("vocab.txt", "tokenizer_config.json"):
    (folder / name).unlink()
  vocab = {piece: i for i, piece in enumerate(formats.VOCABULARY)}
  tokenizer = {
    "normalizer": {"type": "BertNormalizer", "lowercase": True},
    "model": {"type": "WordPiece", "vocab": vocab},
  }
  (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
  return folder


def imported_again(folder):
  found = reading.read(str(formats.TINY_BERT))
  imported.write(found, str(folder))
  return folder


hugging_face = formats.hugging_face
model_garden = formats.model_garden
WRITERS = {
  "as_transformers_wrote_it": lambda folder: formats.TINY_BERT,
  "tanh": functools.partial(hugging_face, hidden_act="gelu_new"),
  "pytorch_tanh": functools.partial(
    hugging_face, hidden_act="gelu_pytorch_tanh"
  ),
  "bert_model": lambda folder: hugging_face(
    folder,
    without_head(
      {n.removeprefix("bert."): a for n, a in formats.weights().items()}
    ),
  ),
  "gamma_and_beta": lambda folder: hugging_face(folder, old_names()),
  "another_prefix": lambda folder: hugging_face(
    folder, renamed("bert.", "0.auto_model.")
  ),
  "sentence_transformer": sentence_transformer,
  "two_files": two_files,
  "tokenizer_json": with_tokenizer_json,
  "google": formats.google,
  "google_without_head": lambda folder: formats.google(
    folder, without_head(formats.weights())
  ),
  "model_garden_encoder": model_garden,
  "model_garden_model": functools.partial(model_garden, kind="model"),
  "model_garden_pretrainer": functools.partial(model_garden, kind="pretrainer"),
  "model_garden_params": functools.partial(model_garden, params=True),
  "hub": formats.hub,
  "hub_without_mlm": functools.partial(formats.hub, with_mlm=False),
  "imported": imported_again,
}
WITHOUT_HEAD = {
  "bert_model",
  "google_without_head",
  "model_garden_encoder",
  "model_garden_model",
  "model_garden_params",
  "hub_without_mlm",
}
TANH = {"tanh", "pytorch_tanh", "hub", "hub_without_mlm"} | {
  name for name in WRITERS if name.startswith("model_garden")
}


def allowed(name):
  if name.startswith("google"):
    return ("gelu_tanh", "gelu")
  return ("gelu_tanh",) if name in TANH else ("gelu",)


def batch():
  arrays = formats.golden()
  return {n: arrays[n] for n in ("token_ids", "segment_ids", "mask_positions")}


def outputs(found, activation):
  config = dataclasses.replace(found.config, activation=activation)
  return comparison.our_outputs(
    dataclasses.replace(found, config=config), batch()
  )


@pytest.mark.parametrize("name", WRITERS)
def test_each_format_gives_what_transformers_gives(tmp_path, name):
  found = reading.read(str(WRITERS[name](tmp_path / name)))
  assert found.vocabulary == tuple(formats.VOCABULARY)
  assert found.lower_case
  assert found.activations == allowed(name)
  expected = set(names.ROLES)
  if name in WITHOUT_HEAD:
    expected.remove(names.MLM_HEAD)
  assert found.roles == expected
  golden = formats.golden()
  attended = golden["token_ids"] != 0
  for activation in found.activations:
    made = outputs(found, activation)
    assert ("logits" in made) == (names.MLM_HEAD in expected)
    for output, value in made.items():
      wanted = golden[f"{ACTIVATIONS[activation]}/{output}"]
      if output == "hidden_states":  # padding is nobody's concern
        value, wanted = value[attended], wanted[attended]
      np.testing.assert_allclose(value, wanted, atol=TOLERANCE, rtol=0)


def test_the_two_gelus_can_be_told_apart_by_these_outputs():
  golden = formats.golden()
  for output in OUTPUTS:
    exact, tanh = (golden[f"{a}/{output}"] for a in ("gelu", "gelu_new"))
    assert np.abs(exact - tanh).max() > 10 * TOLERANCE


@pytest.mark.parametrize(("dtype", "atol"), [("F16", 2e-3), ("BF16", 2e-2)])
def test_half_precision_is_read_as_float32(tmp_path, dtype, atol):
  found = reading.read(str(hugging_face(tmp_path / "half", dtype=dtype)))
  whole = reading.read(str(formats.TINY_BERT))
  for name, value in found.variables.items():
    assert value.dtype == np.float32
    np.testing.assert_allclose(value, whole.variables[name], atol=atol)


def test_model_gardens_newer_encoder_gives_the_same_outputs(tmp_path):
  encoder = networks.BertEncoderV2(
    vocab_size=80,
    hidden_size=32,
    num_layers=2,
    num_attention_heads=4,
    inner_dim=48,
    max_sequence_length=40,
    type_vocab_size=2,
    initializer=tf.keras.initializers.RandomNormal(stddev=0.3),
  )
  encoder(encoder.inputs)
  folder = model_garden(tmp_path / "old")
  for file in folder.glob("*ckpt*"):
    file.unlink()
  (folder / "checkpoint").unlink()
  tf.train.Checkpoint(model=encoder, optimizer=tf.keras.optimizers.Adam()).save(
    str(folder / "ckpt")
  )
  found = reading.read(str(folder))
  assert found.unused == ()
  ours = encoder_lib.build_encoder(found.config, found.vocab_size, "encoder")
  ours(ours.inputs)
  assignment.initialize_encoder(ours, found)
  ids, segments, _ = batch().values()
  given = {
    "input_word_ids": tf.constant(ids),
    "input_mask": tf.cast(ids != 0, tf.int32),
    "input_type_ids": tf.constant(segments),
  }
  for output in ("sequence_output", "pooled_output"):
    np.testing.assert_allclose(
      ours(given)[output], encoder(given)[output], atol=1e-6
    )


def test_a_prefix_names_one_of_several_checkpoints(tmp_path):
  folder = formats.google(tmp_path / "tf1")
  for file in folder.glob("bert_model.ckpt.*"):
    (folder / file.name.replace("bert_model", "other")).write_bytes(
      file.read_bytes()
    )
  assert "holds 2 checkpoints" in error_of(folder)
  found = reading.read(str(folder / "other.ckpt"))
  assert found.config.num_layers == 2


def test_what_a_bert_has_no_use_for_is_named(tmp_path):
  assert reading.read(str(formats.TINY_BERT)).unused == (
    "cls.seq_relationship.bias",
    "cls.seq_relationship.weight",
  )
  assert reading.read(str(formats.google(tmp_path / "tf1"))).unused == (
    "cls/seq_relationship/output_bias",
    "cls/seq_relationship/output_weights",
  )


def test_a_head_with_a_table_of_its_own_is_left_out(tmp_path):
  arrays = formats.weights()
  words = arrays["bert.embeddings.word_embeddings.weight"]
  decoder = "cls.predictions.decoder.weight"
  tied = reading.read(
    str(hugging_face(tmp_path / "tied", arrays | {decoder: words}))
  )
  assert names.MLM_HEAD in tied.roles
  untied = reading.read(
    str(hugging_face(tmp_path / "untied", arrays | {decoder: words + 1}))
  )
  assert names.MLM_HEAD not in untied.roles
  assert decoder in untied.unused


def two_encoders(first, second):
  """The BERT and one of other values, by prefixes instead of "bert."."""
  arrays = without_head(formats.weights())
  return {n.replace("bert.", first, 1): a for n, a in arrays.items()} | {
    n.replace("bert.", second, 1): a + 1 for n, a in arrays.items()
  }


@pytest.mark.parametrize(
  ("first", "second"),
  [
    ("bert.", "roberta."),
    ("encoder.", "ctx_encoder."),
    ("question_encoder.bert_model.", "ctx_encoder.bert_model."),
    ("", "bert."),
  ],
)
@pytest.mark.parametrize("write", [formats.hugging_face, formats.google])
def test_two_encoders_in_one_file_are_refused_by_their_prefixes(
  tmp_path, write, first, second
):
  message = error_of(write(tmp_path / "two", two_encoders(first, second)))
  listed = [first, second]
  if write is formats.google:
    listed = [prefix.replace(".", "/") for prefix in listed]
  one, other = sorted(listed)
  assert f'holds 2 encoders, under "{one}" and "{other}"' in message
  assert "a folder of its own" in message


def test_two_encoders_of_model_garden_are_refused(tmp_path):
  config = synthetic.mlm_config()
  encoders = {
    name: encoder_lib.build_encoder(config, 80, name) for name in ("a", "b")
  }
  folder = model_garden(tmp_path / "two")
  for file in folder.glob("*ckpt*"):
    file.unlink()
  tf.train.Checkpoint(**encoders).save(str(folder / "ckpt"))
  message = error_of(folder)
  assert "holds more than one BERT" in message
  assert "a folder of its own" in message


@pytest.mark.parametrize("write", [formats.hugging_face, formats.google])
def test_an_encoder_beside_other_tensors_is_read(tmp_path, write):
  arrays = formats.weights()
  wanted = reading.read(str(formats.TINY_BERT)).variables
  # As a model of images and text, or one with a head of its own, has them.
  others = {
    "image.embeddings.position_embeddings.weight": np.ones([5, 32]),
    "image.pooler.dense.weight": np.ones([32, 32]),
    "projection.weight": np.ones([8, 32]),
    "classifier.bias": np.ones([2]),
  }
  for name, mixed in (("after", arrays | others), ("before", others | arrays)):
    found = reading.read(str(write(tmp_path / name, mixed)))
    assert set(found.variables) == set(wanted)
    for variable, value in wanted.items():
      np.testing.assert_array_equal(found.variables[variable], value)
    assert len(found.unused) == len(others) + 2  # and the next sentence's
  without = {n: a for n, a in mixed.items() if not n.startswith("bert.pooler")}
  found = reading.read(str(write(tmp_path / "without", without)))
  assert names.POOLER not in found.roles


def test_a_head_that_is_there_twice_is_refused(tmp_path):
  head = {
    n: a for n, a in formats.weights().items() if n.startswith("cls.pred")
  }
  twice = formats.weights() | {f"generator.{n}": a for n, a in head.items()}
  message = error_of(hugging_face(tmp_path / "twice", twice))
  assert 'holds 2 MLM heads, under "" and "generator."' in message


def test_rows_beyond_the_vocabulary_are_left_out_and_said(tmp_path):
  arrays = formats.weights()
  for name in (
    "bert.embeddings.word_embeddings.weight",
    "cls.predictions.bias",
  ):
    arrays[name] = np.concatenate([arrays[name], arrays[name][:8]])
  found = reading.read(
    str(hugging_face(tmp_path / "padded", arrays, vocab_size=88))
  )
  assert found.variables[names.WORDS].shape == (80, 32)
  assert found.variables[names.HEAD_BIAS].shape == (80,)
  assert any("8 rows" in note for note in found.notes)


def test_another_epsilon_is_said(tmp_path):
  folder = hugging_face(tmp_path / "hf", layer_norm_eps=1e-5)
  assert any("1e-05" in note for note in reading.read(str(folder)).notes)


@pytest.mark.parametrize("cased", [True, False])
def test_the_casing_is_that_of_the_source(tmp_path, cased):
  folder = hugging_face(tmp_path / "hf")
  (folder / "tokenizer_config.json").write_text(
    json.dumps({"do_lower_case": not cased})
  )
  assert reading.read(str(folder)).lower_case != cased
  folder = formats.google(tmp_path / "tf1")
  if cased:
    text = (folder / "vocab.txt").read_text()
    (folder / "vocab.txt").write_text(text.replace("\na\n", "\nA\n"))
  assert reading.read(str(folder)).lower_case != cased


@pytest.mark.parametrize(
  ("file", "settings", "lower_case", "words"),
  [
    ("tokenizer_config", {"strip_accents": False}, True, "keeps accents"),
    (
      "tokenizer_config",
      {"do_lower_case": False, "strip_accents": True},
      False,
      "strips accents",
    ),
    ("tokenizer_config", {"strip_accents": None}, True, ""),
    (
      "tokenizer_config",
      {"tokenize_chinese_chars": False},
      True,
      "Chinese characters",
    ),
    ("tokenizer", {"normalizer": None}, False, "Chinese characters"),
    (
      "tokenizer",
      {"normalizer": {"lowercase": True, "strip_accents": False}},
      True,
      "keeps accents",
    ),
    ("tokenizer", {}, True, ""),
  ],
)
def test_what_a_tokenizer_does_otherwise_is_said(
  tmp_path, file, settings, lower_case, words
):
  folder = hugging_face(tmp_path / "hf")
  (folder / "tokenizer_config.json").unlink()
  (folder / f"{file}.json").write_text(json.dumps(settings))
  found = reading.read(str(folder))
  assert found.lower_case == lower_case
  assert words in " ".join(found.notes)
  assert bool(words) == bool(found.notes)


def test_a_hub_module_says_its_casing(tmp_path):
  folder = formats.hub(tmp_path / "hub", with_mlm=False, lower_case=False)
  assert not reading.read(str(folder)).lower_case


@pytest.mark.parametrize("kind", small_runs.ROLES)
def test_a_run_of_ours_is_read_too(tmp_path, kind, small_corpus):
  task = small_runs.save_run(
    tmp_path / "run",
    kind,
    activation="gelu",
    corpus=small_corpus,
    vocab_sha256=synthetic.make_tokenizer().sha256,
  )
  assert reading.is_run(str(tmp_path / "run"))
  found = reading.read(str(tmp_path / "run"))
  assert found.activations == ("gelu",)
  if kind == "pretrain_ict":
    encoder = task.parts["retriever"].query_embedder.encoder
    assert found.roles == set(assignment.ENCODER_ROLES)
  elif kind == "train_tagger":
    encoder = task.parts["tagger"].encoder
    assert found.roles == set(assignment.TAGGER_ROLES)
  else:
    encoder = task.parts["reader"].encoder
    assert found.roles == set(assignment.READER_ROLES)
  np.testing.assert_array_equal(
    found.variables[names.WORDS], encoder.get_embedding_table()
  )


def error_of(path):
  with pytest.raises(errors.UserError) as error:
    reading.read(str(path))
  message = str(error.value)
  assert "\n" not in message
  assert str(path) in message
  return message


@pytest.mark.parametrize(
  ("write", "lost", "words"),
  [
    (formats.hugging_face, "vocab.txt", "no vocabulary"),
    (formats.hugging_face, "model.safetensors", "no weights"),
    (formats.google, "vocab.txt", "no vocabulary"),
    (formats.google, "bert_config.json", "bert_config.json"),
    (model_garden, "vocab.txt", "no vocabulary"),
    (model_garden, "bert_config.json", "params.yaml"),
    (formats.hub, "assets/vocab.txt", "no vocabulary"),
  ],
)
def test_a_missing_file_is_named(tmp_path, write, lost, words):
  folder = write(tmp_path / "source")
  (folder / lost).unlink()
  assert words in error_of(folder)


@pytest.mark.parametrize(
  ("changes", "words"),
  [
    ({"model_type": "roberta"}, "roberta"),
    ({"position_embedding_type": "relative_key"}, "relative_key"),
    ({"hidden_act": "relu"}, "relu"),
    ({"hidden_size": None}, "hidden_size"),
    ({"num_attention_heads": 5}, "num_heads"),
    ({"hidden_size": 64}, "word_embeddings/embeddings is [80, 32]"),
    ({"num_hidden_layers": 1}, "transformer/layer_1/"),
    ({"num_hidden_layers": 3}, "lacks the variable transformer/layer_2/"),
  ],
)
def test_a_config_of_something_else_is_refused(tmp_path, changes, words):
  folder = hugging_face(tmp_path / "hf", **changes)
  assert words in error_of(folder)


@pytest.mark.parametrize(
  ("write", "file", "content"),
  [
    (hugging_face, "modules.json", b"["),
    (hugging_face, "modules.json", b'["Transformer"]'),
    (hugging_face, "model.safetensors.index.json", b"{}"),
    (formats.hub, "saved_model.pb", None),
  ],
)
def test_a_damaged_file_is_named(tmp_path, write, file, content):
  path = write(tmp_path / "source") / file
  path.write_bytes(path.read_bytes()[:-10] if content is None else content)
  assert f"{path} is damaged" in error_of(tmp_path / "source")


def test_unknown_folders_are_refused(tmp_path):
  assert "is no run" in error_of(tmp_path)
  assert "is no run" in error_of(tmp_path / "nowhere")
  (tmp_path / "notes.txt").write_text("nothing")
  assert "is a file" in error_of(tmp_path / "notes.txt")
  tf.train.Checkpoint(a=tf.Variable(1.0)).save(str(tmp_path / "ckpt"))
  (tmp_path / "bert_config.json").write_text(json.dumps(formats.config()))
  (tmp_path / "vocab.txt").write_text("\n".join(formats.VOCABULARY))
  assert "holds no BERT" in error_of(tmp_path)


@pytest.mark.parametrize("limit", [0, 5, 200, 60_000])
def test_part_of_a_safetensors_file_is_refused(tmp_path, limit):
  folder = hugging_face(tmp_path / "hf")
  file = folder / "model.safetensors"
  file.write_bytes(file.read_bytes()[:limit])
  assert "no whole safetensors file" in error_of(folder)


def test_a_damaged_import_is_refused(tmp_path):
  folder = imported_again(tmp_path / "imported")
  (folder / "vocab.txt").write_text("[PAD]\n")
  assert "another vocabulary" in error_of(folder)
  (tmp_path / "again").mkdir()
  folder = imported_again(tmp_path / "again" / "imported")
  (folder / "weights.index").unlink()
  assert "import it again" in error_of(folder)


@pytest.mark.parametrize("kept", [0, 1, 1000, 20_000])
@pytest.mark.parametrize(
  "write", [formats.google, model_garden, imported_again, formats.hub]
)
def test_half_downloaded_weights_of_tensorflow_are_refused(
  tmp_path, write, kept
):
  folder = write(tmp_path / "source")
  [data] = folder.rglob("*.data-00000-of-00001")
  data.write_bytes(data.read_bytes()[:kept])
  message = error_of(folder)
  assert "damaged" in message or "cannot be read" in message


@pytest.mark.parametrize("write", [formats.google, imported_again])
def test_a_pipe_among_weights_is_not_waited_for(tmp_path, write):
  folder = write(tmp_path / "source")
  [index] = folder.rglob("*.index")
  index.unlink()
  os.mkfifo(index)
  assert f"{index} is a pipe" in error_of(folder)


def test_a_pipe_for_a_list_of_checkpoints_is_not_waited_for(tmp_path):
  folder = model_garden(tmp_path / "source")
  (folder / "checkpoint").unlink()
  os.mkfifo(folder / "checkpoint")
  assert f"{folder / 'checkpoint'} is a pipe" in error_of(folder)


@pytest.mark.parametrize("content", ["", "model_checkpoint_path: 3", "\0"])
def test_a_damaged_list_of_checkpoints_is_passed_over(tmp_path, content):
  folder = model_garden(tmp_path / "source")
  (folder / "checkpoint").write_text(content)
  assert reading.read(str(folder)).format.startswith("Model Garden")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_no_numbers_are_refused(tmp_path, value):
  arrays = formats.weights()
  name = "bert.encoder.layer.1.output.dense.bias"
  arrays[name] = arrays[name].copy()
  arrays[name][3] = value
  message = error_of(hugging_face(tmp_path / "hf", arrays))
  assert "transformer/layer_1/output/bias holds values" in message


def test_weights_that_are_no_floats_are_refused(tmp_path):
  message = error_of(hugging_face(tmp_path / "hf", dtype="I32"))
  assert "is of int32, not of floats" in message


def test_more_layers_than_weights_are_refused_at_once(tmp_path):
  message = error_of(
    hugging_face(tmp_path / "hf", num_hidden_layers=1_000_000_000)
  )
  assert "says that it has 1,000,000,000 layers" in message


def test_a_size_of_another_type_is_told_in_few_words(tmp_path):
  message = error_of(hugging_face(tmp_path / "hf", hidden_size="9" * 70_000))
  assert "its hidden_size is '999" in message
  assert len(message) < 1000


@pytest.mark.parametrize("damage", ["strings", "gap", "list"])
def test_a_damaged_tokenizer_is_refused(tmp_path, damage):
  folder = with_tokenizer_json(tmp_path / "source")
  file = folder / "tokenizer.json"
  tokenizer = json.loads(file.read_text())
  vocab = tokenizer["model"]["vocab"]
  tokenizer["model"]["vocab"] = {
    "strings": {piece: str(i) for piece, i in vocab.items()},
    "gap": {piece: i + (i > 9) for piece, i in vocab.items()},
    "list": list(vocab),
  }[damage]
  file.write_text(json.dumps(tokenizer))
  assert f"{file} is damaged" in error_of(folder)


@pytest.mark.parametrize("part", [3, None, ["a"], "../source/a.safetensors"])
def test_an_index_of_weights_names_files_of_its_folder(tmp_path, part):
  folder = two_files(tmp_path / "source")
  index = folder / "model.safetensors.index.json"
  weight_map = json.loads(index.read_text())["weight_map"]
  weight_map[next(iter(weight_map))] = part
  index.write_text(json.dumps({"weight_map": weight_map}))
  if isinstance(part, str):  # Of a path, the name alone counts.
    reading.read(str(folder))
  else:
    assert f"{index} is damaged" in error_of(folder)


def test_a_link_to_itself_among_checkpoints_is_damage(tmp_path):
  (tmp_path / "ckpt-1.data-00000-of-00001").write_bytes(b"")
  index = tmp_path / "ckpt-1.index"
  index.symlink_to(index)
  found = saved.problem(str(tmp_path / "ckpt-1"))
  assert "is damaged" in found
  assert "symbolic links" in found
