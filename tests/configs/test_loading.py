import dataclasses
import json
import os

import pytest

from realm_tf import errors
from realm_tf.configs import loading
from realm_tf.configs import schema
from tests import synthetic

# So that no edge below moves with a preset's own figures.
LENGTHS = {
  "query_length": 24,
  "passage_length": 56,
  "max_positions": 80,
  "max_masks": 4,
}


def error_of(*args):
  with pytest.raises(errors.UserError) as error:
    loading.load(*args)
  message = str(error.value)
  assert "\n" not in message
  return message


def write(tmp_path, fields):
  path = tmp_path / "mine.json"
  path.write_text(json.dumps(fields))
  return str(path)


@pytest.mark.parametrize("task", loading.TASKS)
@pytest.mark.parametrize("preset", loading.PRESETS)
def test_each_preset_loads_for_each_task(preset, task):
  config = loading.load(task, preset, {})
  assert type(config) is loading.TASKS[task]
  for field in dataclasses.fields(config):
    assert type(getattr(config, field.name)) is field.type, field.name


@pytest.mark.parametrize("preset", loading.PRESETS)
def test_the_tasks_of_a_preset_fit_together(preset):
  configs = {task: loading.load(task, preset, {}) for task in loading.TASKS}
  for name in (
    "num_layers",
    "hidden_size",
    "num_heads",
    "intermediate_size",
    "max_positions",
    "activation",
    "pooling",
    "projection_size",
    "projection_activation",
    "normalization",
    "passage_segments",
    "passage_separator",
    "query_prompt",
    "passage_prompt",
  ):
    # The tagger has nothing to retrieve.
    values = {getattr(c, name) for c in configs.values() if hasattr(c, name)}
    assert len(values) == 1, name
  # In fine-tuning the towers part: passages stay as they were indexed.
  del configs["train_tagger"]
  tied = {
    task: config.tied_embedders
    for task, config in configs.items()
    if task != "pretrain_mlm"
  }
  assert not tied.pop("finetune")
  assert all(tied.values())


def test_cosines_are_scaled_unless_the_scale_is_given(tmp_path):
  given = {"normalization": "l2"}
  for task in ("pretrain", "pretrain_ict", "finetune"):
    assert loading.load(task, "tiny", {}).score_scale == 0.2
    assert loading.load(task, "tiny", given).score_scale == 20
    scaled = loading.load(task, "tiny", given | {"score_scale": 3.0})
    assert scaled.score_scale == 3
    assert loading.load(task, "minilm", given).score_scale == 20
  fields = dataclasses.asdict(synthetic.ict_config()) | given
  stated = loading.load("pretrain_ict", write(tmp_path, fields), {})
  assert stated.score_scale == 1
  del fields["score_scale"]
  open_to = loading.load("pretrain_ict", write(tmp_path, fields), {})
  assert open_to.score_scale == 20


def test_the_presets_of_public_sentence_encoders_are_those_of_minilm():
  config = loading.load("pretrain", "minilm", {})
  assert (config.pooling, config.normalization) == ("mean", "l2")
  assert config.embedding_size == config.hidden_size == 384
  assert loading.load("pretrain", "mini", {}).embedding_size == 128


def test_base_is_the_papers():
  config = loading.load("pretrain", "base", {})
  assert (config.num_layers, config.hidden_size, config.num_heads) == (
    12,
    768,
    12,
  )
  assert (config.train_steps, config.batch_size) == (200_000, 512)
  assert (config.learning_rate, config.weight_decay) == (3e-5, 0.01)
  assert config.resolved_warmup_steps == 10_000
  assert (config.query_length, config.passage_length) == (96, 288)
  assert (config.num_candidates, config.max_masks) == (8, 10)
  assert config.masking == "salient_span"
  assert config.marginalization == "span"
  assert config.score_scale == 1.0
  assert (config.pooling, config.normalization) == ("cls", "layer_norm")
  assert (config.projection_size, config.projection_activation) == (128, "none")
  assert config.tied_embedders
  assert config.export_every_steps == 500


@pytest.mark.parametrize("preset", loading.PRESETS)
@pytest.mark.parametrize(
  ("name", "value"),
  [
    ("masking", "random_span"),
    ("masking", "bert_tokens"),
    ("export_every_steps", 15_000),
  ],
)
def test_each_row_of_table_2_is_one_override(preset, name, value):
  config = loading.load("pretrain", preset, {name: value})
  assert getattr(config, name) == value


@pytest.mark.parametrize("preset", loading.PRESETS)
def test_a_presets_index_may_grow_as_many_exports_old_at_any_interval(preset):
  usual = loading.load("pretrain", preset, {})
  for interval in (15_000, 10):
    config = loading.load("pretrain", preset, {"export_every_steps": interval})
    for name in ("index_age_warning_steps", "index_age_limit_steps"):
      exports = getattr(usual, name) / usual.export_every_steps
      assert getattr(config, name) == exports * interval, name


def test_an_age_limit_that_is_given_stays(tmp_path):
  given = {"export_every_steps": 200, "index_age_limit_steps": 201}
  config = loading.load("pretrain", "tiny", given)
  assert config.index_age_limit_steps == 201
  assert config.index_age_warning_steps == 400
  message = error_of("pretrain", "tiny", given | {"index_age_limit_steps": 199})
  assert "config.index_age_limit_steps=199" in message
  # Limits that a file leaves out follow, those of a run's config.json stay.
  fields = dataclasses.asdict(synthetic.realm_config(**given))
  source = write(tmp_path, fields)
  assert loading.load("pretrain", source, {}).index_age_limit_steps == 201
  stale = {"export_every_steps": 15_000}
  assert "index_age_limit_steps=201" in error_of("pretrain", source, stale)
  del fields["index_age_limit_steps"]
  source = write(tmp_path, fields)
  config = loading.load("pretrain", source, stale)
  assert config.index_age_limit_steps == 60_000


def test_a_file_gives_what_was_written(tmp_path):
  config = synthetic.realm_config(seed=7, learning_rate=2e-4)
  source = write(tmp_path, dataclasses.asdict(config))
  assert loading.load("pretrain", source, {}) == config
  assert loading.load("pretrain", source, {"seed": 8}).seed == 8


def test_the_config_json_of_a_run_is_a_file_too(tmp_path):
  config = synthetic.ict_config()
  run = synthetic.make_run("pretrain_ict", config)
  assert loading.load("pretrain_ict", write(tmp_path, run.to_json()), {}) == (
    config
  )


def test_whole_numbers_will_do_for_floats(tmp_path):
  fields = dataclasses.asdict(synthetic.realm_config()) | {"score_scale": 1}
  assert loading.load("pretrain", write(tmp_path, fields), {}).score_scale == 1


@pytest.mark.parametrize(
  ("name", "value", "kind"),
  [
    ("num_layers", "2", "int"),
    ("num_layers", 2.0, "int"),
    ("num_layers", True, "int"),
    ("num_layers", None, "int"),
    ("tied_embedders", 1, "bool"),
    ("learning_rate", "1e-3", "float"),
    ("masking", 3, "str"),
  ],
)
def test_a_field_of_the_wrong_type_is_named(tmp_path, name, value, kind):
  fields = dataclasses.asdict(synthetic.realm_config()) | {name: value}
  message = error_of("pretrain", write(tmp_path, fields), {})
  assert f"{name} must be of type {kind}, got {value!r}" in message
  assert "mine.json" in message


def test_unknown_and_missing_fields_are_named(tmp_path):
  fields = dataclasses.asdict(synthetic.realm_config())
  message = error_of("pretrain", write(tmp_path, fields | {"layers": 1}), {})
  assert "unknown field 'layers'" in message
  # The fields of another task are unknown.
  message = error_of("pretrain_ict", write(tmp_path, fields), {})
  assert "unknown field 'index_dtype'" in message
  del fields["batch_size"]
  message = error_of("pretrain", write(tmp_path, fields), {})
  assert "lacks the field 'batch_size'" in message
  config = loading.load("pretrain", write(tmp_path, fields), {"batch_size": 3})
  assert config.batch_size == 3


def test_a_source_that_is_no_preset_and_no_file_is_named(tmp_path):
  message = error_of("pretrain", "huge", {})
  assert "config=huge" in message
  assert "tiny, mini, minilm, base" in message
  assert "nowhere.json" in error_of("pretrain", "nowhere.json", {})
  path = tmp_path / "bad.json"
  path.write_text("{")
  assert "bad.json is not JSON" in error_of("pretrain", str(path), {})
  pipe = tmp_path / "pipe.json"
  os.mkfifo(pipe)
  assert "pipe.json cannot be read" in error_of("pretrain", str(pipe), {})
  path.write_text("[1]")
  assert "no JSON object" in error_of("pretrain", str(path), {})
  path.write_bytes(b"\xff\xfe{}")
  assert "bad.json" in error_of("pretrain", str(path), {})


@pytest.mark.parametrize(
  ("task", "name", "value"),
  [
    ("pretrain", "num_layers", 0),
    ("pretrain", "batch_size", -4),
    ("pretrain", "train_steps", 0),
    ("pretrain", "max_masks", 0),
    ("pretrain", "eval_batches", 0),
    ("pretrain", "hidden_size", 129),
    ("pretrain", "max_masks", 23),
    ("pretrain", "max_positions", 79),
    ("pretrain", "heldout_fraction", 1.0),
    ("pretrain", "heldout_fraction", -0.1),
    ("pretrain", "dropout", 1.0),
    ("pretrain", "learning_rate", 0.0),
    ("pretrain", "learning_rate", float("nan")),
    ("pretrain", "masking", "salient"),
    ("pretrain", "precision", "float16"),
    ("pretrain", "marginalization", "both"),
    ("pretrain", "index_dtype", "int8"),
    ("pretrain", "num_candidates", 1),
    ("pretrain", "index_age_limit_steps", 99),
    ("pretrain", "num_leaves", -1),
    ("pretrain", "leaves_to_search", -1),
    ("pretrain", "reordering_candidates", -1),
    ("pretrain", "warmup_steps", -2),
    ("pretrain", "weight_decay", -0.1),
    ("pretrain", "clip_norm", 0.0),
    ("pretrain", "score_scale", 0.0),
    ("pretrain", "passage_length", 2),
    ("pretrain", "seed", -1),
    ("pretrain", "seed", 2**31),
    ("pretrain", "query_oversampling", 0),
    ("pretrain_ict", "keep_sentence_probability", 1.5),
    ("pretrain_ict", "drop_title_probability", -0.5),
    ("pretrain_ict", "mask_query_probability", 2.0),
    ("pretrain_ict", "score_scale", -1.0),
    ("pretrain_ict", "pooling", "max"),
    ("pretrain_ict", "normalization", "l1"),
    ("pretrain_ict", "projection_size", -1),
    ("pretrain_ict", "projection_activation", "sigmoid"),
    ("pretrain_ict", "passage_length", 81),
    ("pretrain_mlm", "rename_probability", 1.1),
    ("pretrain_mlm", "span_mask_probability", -0.1),
    ("pretrain_mlm", "token_mask_probability", 3.0),
    ("pretrain_mlm", "null_probability", 1.2),
    ("pretrain_mlm", "max_targets", 0),
    ("pretrain_mlm", "max_targets", 1000),
    ("train_tagger", "max_length", 74),
    ("train_tagger", "overlap", -1),
    ("train_tagger", "overlap", 31),
    ("train_tagger", "num_buckets", 0),
    ("train_tagger", "num_buckets", 8),
    ("train_tagger", "patience", -1),
  ],
)
def test_an_impossible_value_is_refused_by_its_field(task, name, value):
  fixed = LENGTHS | ({"export_every_steps": 100} if task == "pretrain" else {})
  if task == "train_tagger":
    fixed = {"max_length": 64}
  message = error_of(task, "tiny", fixed | {name: value})
  # Where two fields do not fit, either may be named first.
  alternatives = {"max_length": "max_positions"}
  assert (
    f"--config.{name}" in message
    or name == "passage_length"
    or alternatives.get(name, name) in message
  ), message
  if name == "passage_length":
    assert "passage_length" in message or "max_positions" in message, message


def test_answers_are_whole_words_or_substrings():
  assert loading.load("finetune", "tiny", {}).answer_match == "words"
  message = error_of("finetune", "tiny", {"answer_match": "letters"})
  assert "config.answer_match=letters" in message
  assert "substring" in message


def test_couplings_hold_at_their_edges():
  fixed = LENGTHS | {"export_every_steps": 100}
  loading.load("pretrain", "tiny", fixed | {"max_masks": 22})
  loading.load("pretrain", "tiny", fixed | {"max_positions": 80})
  loading.load("pretrain", "tiny", fixed | {"index_age_limit_steps": 100})
  loading.load("pretrain", "tiny", fixed | {"num_candidates": 2})
  loading.load("pretrain", "tiny", fixed | {"warmup_steps": 0, "seed": 0})
  loading.load("pretrain", "tiny", fixed | {"seed": 2**31 - 1})
  # ICT embeds query and passage apart.
  loading.load("pretrain_ict", "tiny", LENGTHS | {"passage_length": 80})


@pytest.mark.parametrize(
  ("train_steps", "warmup_steps", "resolved"),
  [
    (500, -1, 100),
    (1_000, -1, 100),
    (5_000, -1, 500),
    (200_000, -1, 10_000),
    (500, 0, 0),
    (500, 20, 20),
  ],
)
def test_warm_up_follows_the_papers_rule(train_steps, warmup_steps, resolved):
  config = synthetic.realm_config(
    train_steps=train_steps, warmup_steps=warmup_steps
  )
  assert config.resolved_warmup_steps == resolved


@pytest.mark.parametrize("task", loading.TASKS)
@pytest.mark.parametrize("preset", loading.PRESETS)
def test_a_presets_warm_up_is_cut_where_it_does_not_fit(preset, task):
  usual = loading.load(task, preset, {})
  for steps in (1, 20):
    short = loading.load(task, preset, {"train_steps": steps})
    assert short.resolved_warmup_steps == steps // 2
  # Where it fits it stays, whatever share of the steps it is.
  steps = usual.resolved_warmup_steps + 1
  if usual.warmup_steps >= 0:
    config = loading.load(task, preset, {"train_steps": steps})
    assert config.warmup_steps == usual.warmup_steps


def test_a_warm_up_that_is_given_must_fit(tmp_path):
  given = {"train_steps": 20, "warmup_steps": 20}
  assert "config.warmup_steps=20" in error_of("pretrain", "tiny", given)
  source = write(tmp_path, dataclasses.asdict(synthetic.ict_config()))
  message = error_of("pretrain_ict", source, {"train_steps": 2})
  assert "config.warmup_steps=2 must be below train_steps, 2" in message


def test_a_config_cannot_be_changed_in_passing():
  config = synthetic.mlm_config()
  with pytest.raises(dataclasses.FrozenInstanceError):
    config.seed = 1
  assert isinstance(config, schema.TaskConfig)


def test_a_value_that_is_wrong_in_a_file_names_it(tmp_path):
  path = tmp_path / "mine.json"
  fields = vars(loading.load("pretrain", "tiny", {})) | {"query_length": 0}
  path.write_text(json.dumps(fields))
  with pytest.raises(errors.UserError) as error:
    loading.load("pretrain", str(path), {})
  assert str(error.value).startswith(f"config={path}: config.query_length=0 ")
  # The mistake of a flag is not the file's.
  with pytest.raises(errors.UserError) as error:
    loading.load("pretrain", str(path), {"query_length": -1})
  assert str(error.value).startswith("config.query_length=-1 ")


@pytest.mark.parametrize(
  ("field", "value"),
  [
    ("device_recall_target", 0.0),
    ("device_recall_target", 1.5),
    ("device_top_k", "best"),
    ("device_vectors", "int8"),
    ("device_queries", "host"),
  ],
)
def test_settings_of_device_retrieval_are_checked(field, value):
  assert f"config.{field}=" in error_of("pretrain", "tiny", {field: value})


def test_a_span_as_long_as_what_is_read_is_refused():
  message = error_of("finetune", "tiny", {"max_span_length": 3000})
  assert "config.max_span_length=3000 must be below reader_length" in message


def test_a_frozen_encoder_needs_a_head_to_train():
  wanted = {"train_retriever_encoder": False}
  message = error_of("pretrain", "minilm", wanted)
  assert "config.train_retriever_encoder=False" in message
  assert "projection_size" in message
  for head in ({"projection_size": 128}, {"normalization": "layer_norm"}):
    assert loading.load("pretrain", "minilm", wanted | head)


def test_oversampling_needs_masks_that_stand_in_a_row():
  wanted = {"query_oversampling": 2}
  assert loading.load("pretrain", "tiny", wanted)
  message = error_of("pretrain", "tiny", wanted | {"masking": "random_tokens"})
  assert "config.query_oversampling=2" in message
  assert "random_tokens" in message
