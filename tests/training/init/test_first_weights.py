import dataclasses

import numpy as np
import pytest

from realm_tf import errors
from realm_tf.checkpoints import assignment
from realm_tf.checkpoints import names
from realm_tf.checkpoints import weight_source
from realm_tf.checkpoints.formats import imported
from realm_tf.models import encoders
from realm_tf.models import masked_lm
from realm_tf.runs import run_config
from realm_tf.text import wordpiece
from realm_tf.training.init import first_weights
from tests import synthetic
from tests.training import small_runs

SIZES = (
  "num_layers",
  "hidden_size",
  "num_heads",
  "intermediate_size",
  "max_positions",
)


def error_of(kind, sources, **changes):
  with pytest.raises(errors.UserError) as error:
    small_runs.initialize(kind, sources, **changes)
  assert "\n" not in str(error.value)
  return str(error.value)


def test_each_part_comes_from_the_run_that_has_it(tmp_path):
  mlm = small_runs.save_run(tmp_path / "mlm", "pretrain_mlm", step=11)
  ict = small_runs.save_run(tmp_path / "ict", "pretrain_ict", step=22)
  task, report = small_runs.initialize(
    "pretrain", [tmp_path / "mlm", tmp_path / "ict"]
  )
  for role, origin in (("reader", mlm), ("retriever", ict)):
    assert small_runs.equal(
      small_runs.weights_of(task.parts[role]),
      small_runs.weights_of(origin.parts[role]),
    )
  assert sorted(report.taken) == [
    f"reader from {tmp_path / 'mlm'}, step 11",
    f"retriever from {tmp_path / 'ict'}, step 22",
  ]
  assert report.missing == []


def test_a_part_that_no_run_has_keeps_its_weights_and_is_named(tmp_path):
  small_runs.save_run(tmp_path / "ict", "pretrain_ict")
  config, task, _ = small_runs.make("pretrain")
  before = small_runs.weights_of(task.parts["reader"])
  run = synthetic.make_run(
    "pretrain", config, init_checkpoint=str(tmp_path / "ict")
  )
  report = first_weights.initialize(task.parts, run)
  assert report.missing == ["reader"]
  assert small_runs.equal(small_runs.weights_of(task.parts["reader"]), before)


def test_without_a_source_nothing_is_taken():
  task, report = small_runs.initialize("pretrain_ict", [])
  assert report == first_weights.InitReport(taken=[], missing=["retriever"])
  assert set(task.parts) == {"retriever"}


def test_the_later_source_gives_a_part_that_two_have(tmp_path):
  small_runs.save_run(tmp_path / "one", "pretrain_ict")
  two = small_runs.save_run(tmp_path / "two", "pretrain_ict")
  task, report = small_runs.initialize(
    "pretrain", [tmp_path / "one", tmp_path / "two"]
  )
  assert small_runs.equal(
    small_runs.weights_of(task.parts["retriever"]),
    small_runs.weights_of(two.parts["retriever"]),
  )
  assert report.taken == [f"retriever from {tmp_path / 'two'}, step 40"]


@pytest.mark.parametrize("tied", [True, False])
def test_ict_starts_its_encoders_from_a_language_model(tmp_path, tied):
  # A language model has no retriever: what its config says of one is nothing.
  mlm = small_runs.save_run(tmp_path, "pretrain_mlm")
  task, report = small_runs.initialize(
    "pretrain_ict", [tmp_path], tied_embedders=tied
  )
  wanted = small_runs.weights_of(mlm.parts["reader"].encoder)
  retriever = task.parts["retriever"]
  for tower in (retriever.query_embedder, retriever.passage_embedder):
    got = small_runs.weights_of(tower.encoder)[
      : len(wanted)
    ]  # the pooler is last
    assert small_runs.equal(got, wanted)
  assert report.missing == []
  assert "language model" in report.taken[0]


def test_a_run_without_the_part_is_refused(tmp_path):
  small_runs.save_run(tmp_path, "pretrain_ict")
  message = error_of("pretrain_mlm", [tmp_path])
  assert f"init_checkpoint={tmp_path} holds retriever" in message
  assert "pretrain_mlm" in message


@pytest.mark.parametrize(
  "change",
  [
    {"hidden_size": 32},
    {"num_layers": 2},
    {"tied_embedders": False},
    {"passage_segments": False},
  ],
)
def test_another_shape_is_refused_by_its_field(tmp_path, change):
  small_runs.save_run(tmp_path, "pretrain_ict")
  name, value = next(iter(change.items()))
  message = error_of("pretrain", [tmp_path], **change)
  assert f"config.{name}={value}" in message
  assert f"init_checkpoint={tmp_path}" in message


def test_a_reader_has_no_passage_segments(tmp_path):
  # A retriever is there, but a language model takes the reader alone.
  small_runs.save_run(tmp_path, "pretrain", passage_segments=False)
  _, report = small_runs.initialize("pretrain_mlm", [tmp_path])
  assert report.taken == [f"reader from {tmp_path}, step 40"]


def test_another_vocabulary_is_refused(tmp_path):
  small_runs.save_run(tmp_path, "pretrain_ict")
  path = str(tmp_path)
  found = run_config.read(path)
  (tmp_path / "config.json").unlink()
  run_config.write_or_match(path, dataclasses.replace(found, vocab_sha256="z"))
  message = error_of("pretrain", [tmp_path])
  assert "another vocabulary" in message
  assert "vocab.txt" in message


def test_a_folder_without_run_or_checkpoint_is_named(tmp_path):
  assert "is no run" in error_of("pretrain", [tmp_path / "nowhere"])
  config = synthetic.ict_config()
  run = synthetic.make_run("pretrain_ict", config)
  run_config.write_or_match(str(tmp_path), run)
  assert "holds no checkpoint" in error_of("pretrain", [tmp_path])


def public(folder, change=None, **changes):
  """A Hugging Face folder of the synthetic vocabulary and size.

  Args:
    folder: A new folder.
    change: Changes the arrays, by our own reading's names.
    **changes: Of its config.
  """
  rng = np.random.default_rng(5)
  config = synthetic.mlm_config(**changes)
  wanted = names.shapes(config, len(synthetic.VOCABULARY))
  arrays = {
    name: rng.normal(size=shape).astype(np.float32)
    for name, shape in wanted.items()
  }
  sizes = {f: getattr(config, f) for f in SIZES}
  found = weight_source.make(
    str(folder),
    "test",
    sizes=sizes,
    activations=(config.activation,),
    arrays=change(arrays) if change else arrays,
    vocabulary=synthetic.VOCABULARY,
    lower_case=True,
  )
  imported.write(found, str(folder))
  return arrays


def without(*roles):
  return lambda arrays: {
    n: a for n, a in arrays.items() if names.role(n) not in roles
  }


def assigned(part):
  """The values of a model's BERT, by name."""
  return {
    name: variable.numpy()
    for variable in part.weights
    if (name := names.from_keras(variable.name))
  }


def start(kind, sources, **changes):
  """`small_runs.initialize` with the vocabulary's own hash."""
  sha256 = synthetic.make_tokenizer().sha256
  return small_runs.initialize(kind, sources, vocab_sha256=sha256, **changes)


def test_public_weights_give_reader_and_retriever(tmp_path):
  arrays = public(tmp_path / "bert")
  task, report = start("pretrain", [tmp_path / "bert"])
  for role in ("reader", "retriever"):
    got = assigned(task.parts[role])
    taken = (
      assignment.READER_ROLES if role == "reader" else assignment.ENCODER_ROLES
    )
    for name, value in got.items():
      equal = np.array_equal(value, arrays[name])
      assert equal == (names.role(name) in taken), name
  assert report.missing == ["retriever's projection"]
  assert [line.split(" from ")[0] for line in report.taken] == [
    "retriever",
    "reader",
  ]
  assert "embeddings, layers, MLM head" in report.taken[1]
  assert report.notes == []


@pytest.mark.parametrize("tied", [True, False])
def test_ict_takes_both_towers_and_names_the_unused_head(tmp_path, tied):
  arrays = public(tmp_path / "bert")
  task, report = start("pretrain_ict", [tmp_path / "bert"], tied_embedders=tied)
  retriever = task.parts["retriever"]
  for tower in (retriever.query_embedder, retriever.passage_embedder):
    for name, value in assigned(tower.encoder).items():
      np.testing.assert_array_equal(value, arrays[name])
  assert report.notes == [f"{tmp_path / 'bert'}: unused: MLM head"]


def test_a_head_or_pooler_that_is_missing_is_named(tmp_path):
  public(tmp_path / "bert", without(names.MLM_HEAD, names.POOLER))
  _, report = start("pretrain", [tmp_path / "bert"])
  assert sorted(report.missing) == [
    "reader's MLM head",
    "retriever's pooler",
    "retriever's projection",
  ]


def test_nothing_of_a_start_from_scratch_is_left(tmp_path):
  public(tmp_path / "bert")
  task, _ = start("pretrain_mlm", [tmp_path / "bert"])
  fresh = masked_lm.MaskedLanguageModel(
    synthetic.mlm_config(), len(synthetic.VOCABULARY), name="reader"
  )
  for name, value in assigned(fresh).items():
    same = np.array_equal(value, assigned(task.parts["reader"])[name])
    assert not same or names.role(name) == names.POOLER, name


def test_a_retriever_that_a_run_trained_goes_before_public_weights(tmp_path):
  sha256 = synthetic.make_tokenizer().sha256
  arrays = public(tmp_path / "bert")
  ict = small_runs.save_run(
    tmp_path / "ict", "pretrain_ict", vocab_sha256=sha256
  )
  for order in (("bert", "ict"), ("ict", "bert")):
    task, report = start("pretrain", [tmp_path / name for name in order])
    assert small_runs.equal(
      small_runs.weights_of(task.parts["retriever"]),
      small_runs.weights_of(ict.parts["retriever"]),
    )
    words = assigned(task.parts["reader"])[names.WORDS]
    np.testing.assert_array_equal(words, arrays[names.WORDS])
    assert report.missing == []


def test_positions_beyond_the_run_are_left_out_and_said(tmp_path):
  arrays = public(tmp_path / "bert", max_positions=64)
  task, report = start("pretrain_mlm", [tmp_path / "bert"])
  np.testing.assert_array_equal(
    assigned(task.parts["reader"])[names.POSITIONS],
    arrays[names.POSITIONS][:48],
  )
  assert any("first 48" in note for note in report.notes)


def public_error(kind, folder, **changes):
  with pytest.raises(errors.UserError) as error:
    start(kind, [folder], **changes)
  message = str(error.value)
  assert "\n" not in message
  assert f"init_checkpoint={folder}" in message
  return message


@pytest.mark.parametrize(
  ("change", "name", "there", "here"),
  [
    ({"hidden_size": 32}, names.WORDS, "[46, 32]", "[46, 16]"),
    ({"max_positions": 47}, names.POSITIONS, "[47, 16]", "[48, 16]"),
    (
      {"num_heads": 4},
      "transformer/layer_0/self_attention/query/kernel",
      "[16, 4, 4]",
      "[16, 2, 8]",
    ),
    (
      {"intermediate_size": 24},
      "transformer/layer_0/intermediate/kernel",
      "[16, 24]",
      "[16, 32]",
    ),
    (
      {"num_layers": 2},
      "transformer/layer_1/self_attention/query/kernel",
      "[16, 2, 8]",
      "absent",
    ),
  ],
)
def test_another_size_names_variable_shapes_and_field(
  tmp_path, change, name, there, here
):
  size = {"query_length": 12, "passage_length": 20} | change
  public(tmp_path / "bert", **size)
  message = public_error("pretrain_mlm", tmp_path / "bert")
  assert f"{name} is {there} there and {here} in this run" in message
  field, value = next(iter(change.items()))
  assert message.endswith(f"Set config.{field}={value}.")


def test_another_activation_is_refused(tmp_path):
  public(tmp_path / "bert", activation="gelu")
  message = public_error("pretrain_mlm", tmp_path / "bert")
  assert "set config.activation=gelu." in message
  start("pretrain_mlm", [tmp_path / "bert"], activation="gelu")


def test_the_corpus_must_have_the_vocabulary_and_casing(tmp_path):
  public(tmp_path / "bert")
  config = synthetic.mlm_config()
  run = synthetic.make_run(
    "pretrain_mlm", config, init_checkpoint=str(tmp_path / "bert")
  )
  other = wordpiece.Tokenizer([*synthetic.VOCABULARY, "more"])
  cased = wordpiece.Tokenizer(synthetic.VOCABULARY, lower_case=False)
  for tokenizer, words in (
    (other, "another vocabulary"),
    (cased, "lower-case text"),
  ):
    with pytest.raises(errors.UserError) as error:
      first_weights.check_sources(run, tokenizer)
    assert words in str(error.value)
    assert "build_corpus(vocab=" in str(error.value)


def test_an_encoder_of_another_size_is_refused_by_its_variable(tmp_path):
  public(tmp_path / "bert")
  found = imported.read(str(tmp_path / "bert"))
  encoder = encoders.build_encoder(
    synthetic.mlm_config(hidden_size=32), 46, "encoder"
  )
  with pytest.raises(errors.UserError, match=r"\[46, 16\].*\[46, 32\]"):
    assignment.initialize_encoder(encoder, found)


@pytest.mark.parametrize("kind", ["pretrain_mlm", "pretrain_ict"])
def test_a_tagger_takes_the_encoder_of_any_run(tmp_path, kind, small_corpus):
  origin = small_runs.save_run(
    tmp_path / "run",
    kind,
    corpus=small_corpus,
    vocab_sha256=synthetic.make_tokenizer().sha256,
  )
  task, report = start("train_tagger", [tmp_path / "run"])
  (role,) = small_runs.ROLES[kind]
  part = origin.parts[role]
  encoder = part.encoder if role == "reader" else part.query_embedder.encoder
  wanted = assigned(encoder)
  for name, value in assigned(task.parts["tagger"]).items():
    if names.role(name) in assignment.TAGGER_ROLES:
      np.testing.assert_array_equal(value, wanted[name])
  assert f"{role} of a run" in report.taken[0]
  assert report.missing == ["tagger's classifier"]
  assert report.notes == []


def test_a_tagger_goes_on_whole(tmp_path):
  sha256 = synthetic.make_tokenizer().sha256
  origin = small_runs.save_run(
    tmp_path / "run", "train_tagger", vocab_sha256=sha256
  )
  task, report = start("train_tagger", [tmp_path / "run"])
  assert small_runs.equal(
    small_runs.weights_of(task.parts["tagger"]),
    small_runs.weights_of(origin.parts["tagger"]),
  )
  assert report.missing == []
  message = error_of("pretrain", [tmp_path / "run"])
  assert "holds tagger, nothing that pretrain starts from" in message


def test_a_tagger_takes_the_encoder_of_public_weights(tmp_path):
  arrays = public(tmp_path / "bert")
  task, report = start("train_tagger", [tmp_path / "bert"])
  for name, value in assigned(task.parts["tagger"]).items():
    if names.role(name) in assignment.TAGGER_ROLES:
      np.testing.assert_array_equal(value, arrays[name])
  assert report.missing == ["tagger's classifier"]
  assert report.notes == [f"{tmp_path / 'bert'}: unused: pooler, MLM head"]
