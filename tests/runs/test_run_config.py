import dataclasses
import json

import pytest

from realm_tf import errors
from realm_tf.configs import loading
from realm_tf.runs import run_config
from tests import synthetic


def error_of(function, *args):
  with pytest.raises(errors.UserError) as error:
    function(*args)
  message = str(error.value)
  assert "\n" not in message
  return message


@pytest.mark.parametrize(
  ("task", "config"),
  [
    ("pretrain", synthetic.realm_config()),
    ("pretrain_ict", synthetic.ict_config()),
    ("pretrain_mlm", synthetic.mlm_config()),
  ],
)
def test_what_is_written_is_read(tmp_path, task, config):
  run = synthetic.make_run(task, config, init_checkpoint="runs/a,runs/b")
  model_dir = str(tmp_path / "runs" / "new")
  assert not run_config.write_or_match(model_dir, run)
  assert run_config.read(model_dir) == run
  assert [p.name for p in (tmp_path / "runs" / "new").iterdir()] == [
    "config.json"
  ]


def test_the_same_run_is_resumed(tmp_path):
  run = synthetic.make_run("pretrain", synthetic.realm_config())
  run_config.write_or_match(str(tmp_path), run)
  assert run_config.write_or_match(str(tmp_path), run)


def test_how_often_may_change_on_resuming(tmp_path):
  config = synthetic.realm_config()
  run_config.write_or_match(
    str(tmp_path), synthetic.make_run("pretrain", config)
  )
  changed = dataclasses.replace(
    config, summary_every_steps=3, index_age_limit_steps=9_000
  )
  run = synthetic.make_run("pretrain", changed, corpus="moved/z")
  assert run_config.write_or_match(str(tmp_path), run)
  assert run_config.read(str(tmp_path)) == run


@pytest.mark.parametrize(
  "change",
  [
    {"corpus_fingerprint": "e" * 8},
    {"vocab_sha256": "b" * 8},
    {"init_checkpoint": "runs/other"},
  ],
)
def test_another_run_is_refused_by_its_field(tmp_path, change):
  config = synthetic.realm_config()
  run_config.write_or_match(
    str(tmp_path), synthetic.make_run("pretrain", config)
  )
  before = (tmp_path / "config.json").read_bytes()
  other = synthetic.make_run("pretrain", config, **change)
  message = error_of(run_config.write_or_match, str(tmp_path), other)
  assert next(iter(change)) in message
  assert f"model_dir={tmp_path}" in message
  assert (tmp_path / "config.json").read_bytes() == before


@pytest.mark.parametrize(
  "change",
  [
    {"hidden_size": 32},
    {"seed": 1},
    {"learning_rate": 2e-3},
    {"batch_size": 4},
    {"marginalization": "token"},
    {"num_candidates": 5},
  ],
)
def test_other_settings_are_refused_by_their_field(tmp_path, change):
  config = synthetic.realm_config()
  run_config.write_or_match(
    str(tmp_path), synthetic.make_run("pretrain", config)
  )
  other = synthetic.make_run("pretrain", dataclasses.replace(config, **change))
  message = error_of(run_config.write_or_match, str(tmp_path), other)
  name, value = next(iter(change.items()))
  assert f"its config.{name} is {getattr(config, name)!r}" in message
  assert f"not {value!r}" in message


def test_another_task_is_refused(tmp_path):
  run_config.write_or_match(
    str(tmp_path),
    synthetic.make_run("pretrain_ict", synthetic.ict_config()),
  )
  other = synthetic.make_run("pretrain", synthetic.realm_config())
  message = error_of(run_config.write_or_match, str(tmp_path), other)
  assert "its task is 'pretrain_ict', not 'pretrain'" in message


def test_another_pretraining_corpus_is_refused(tmp_path):
  # X decides which sentences are masked: it is what is learned from.
  config = synthetic.realm_config()
  run_config.write_or_match(
    str(tmp_path), synthetic.make_run("pretrain", config)
  )
  other = synthetic.make_run("pretrain", config, pretrain_corpus="corpora/x")
  message = error_of(run_config.write_or_match, str(tmp_path), other)
  assert "pretrain_corpus" in message


def test_another_annotation_is_refused(tmp_path):
  config = synthetic.realm_config()

  def annotated(fingerprint):
    return synthetic.make_run(
      "pretrain", config, sentences_fingerprint=fingerprint
    )

  run_config.write_or_match(str(tmp_path), annotated("rules"))
  message = error_of(
    run_config.write_or_match, str(tmp_path), annotated("bert")
  )
  assert "its sentences_fingerprint is 'rules', not 'bert'" in message


def test_a_run_that_knows_no_annotation_is_resumed(tmp_path):
  run = synthetic.make_run("pretrain", synthetic.realm_config())
  fields = run.to_json()
  del fields["sentences_fingerprint"]
  (tmp_path / "config.json").write_text(json.dumps(fields))
  now = dataclasses.replace(run, sentences_fingerprint="rules")
  assert run_config.write_or_match(str(tmp_path), now)
  assert run_config.read(str(tmp_path)) == now


def test_a_folder_without_a_run_is_named(tmp_path):
  message = error_of(run_config.read, str(tmp_path / "nowhere"))
  assert "nowhere is no run" in message


@pytest.mark.parametrize("task", [{}, {"task": "import_checkpoint"}])
def test_a_config_of_another_program_is_no_run(tmp_path, task):
  (tmp_path / "config.json").write_text(json.dumps({"hidden_size": 8} | task))
  message = error_of(run_config.read, str(tmp_path))
  assert f"{tmp_path} is no run" in message


def damaged(fields, **changes):
  return json.dumps(fields | changes)


@pytest.mark.parametrize(
  "damage",
  [
    lambda f: "{",
    lambda f: "[]",
    lambda f: "{}",
    lambda f: damaged(f, task="walk"),
    lambda f: damaged(f, config={}),
    lambda f: damaged(f, extra=1),
    lambda f: damaged(f, corpus=3),
    lambda f: damaged(f, index_step="7"),
    lambda f: damaged(f, beside=["corpus"]),
    lambda f: "[" * 100_000,
    lambda f: damaged({k: v for k, v in f.items() if k != "corpus"}),
  ],
)
def test_a_damaged_file_is_named(tmp_path, damage):
  run = synthetic.make_run("pretrain", synthetic.realm_config())
  run_config.write_or_match(str(tmp_path), run)
  path = tmp_path / "config.json"
  path.write_text(damage(json.loads(path.read_text())))
  assert str(path) in error_of(run_config.read, str(tmp_path))


# What `config.json` of runs says that were there before its field.
@pytest.fixture
def old_run(tmp_path):
  run = synthetic.make_run(
    "pretrain", synthetic.realm_config(passage_segments=False)
  )
  fields = run.to_json()
  del fields["config"]["passage_segments"]
  (tmp_path / "config.json").write_text(json.dumps(fields))
  return run


def load_tiny(model_dir, **overrides):
  return loading.load("pretrain", "tiny", overrides, str(model_dir))


def test_a_run_before_passage_segments_had_none(tmp_path, old_run):
  assert run_config.read(str(tmp_path)) == old_run
  source = str(tmp_path / "config.json")
  assert loading.load("pretrain", source, {}) == old_run.config
  # Who takes its settings for a new run takes this one, too.
  assert not loading.load("pretrain", source, {}, "new").passage_segments
  assert loading.load(
    "pretrain", source, {"passage_segments": True}
  ).passage_segments


def test_a_resumed_run_keeps_its_passage_segments(tmp_path):
  assert load_tiny(tmp_path / "new").passage_segments
  run = synthetic.make_run("pretrain", load_tiny(tmp_path))
  fields = run.to_json()
  del fields["config"]["passage_segments"]
  (tmp_path / "config.json").write_text(json.dumps(fields))
  for _ in range(2):  # the first time writes the field
    resumed = dataclasses.replace(run, config=load_tiny(tmp_path))
    assert not resumed.config.passage_segments
    assert run_config.write_or_match(str(tmp_path), resumed)
    assert not run_config.read(str(tmp_path)).config.passage_segments
  # A file of one's own that leaves it open does not change it either.
  fields["config"]["seed"] = 0
  own = tmp_path / "own.json"
  own.write_text(json.dumps(fields["config"]))
  assert not loading.load(
    "pretrain", str(own), {}, str(tmp_path)
  ).passage_segments
  assert loading.load("pretrain", str(own), {}).passage_segments


def test_a_resumed_run_is_not_given_other_passage_segments(tmp_path, old_run):
  config = dataclasses.replace(old_run.config, passage_segments=True)
  wanted = dataclasses.replace(old_run, config=config)
  message = error_of(run_config.check, str(tmp_path), wanted)
  assert "its config.passage_segments is False, not True" in message
  assert load_tiny(tmp_path, passage_segments=True).passage_segments


def test_a_resumed_run_keeps_the_retriever_that_a_preset_no_longer_has(
  tmp_path,
):
  """As runs of `minilm` that were begun when it was not yet MiniLM's own."""
  old = dataclasses.replace(
    loading.load("pretrain", "minilm", {}),
    pooling="cls",
    normalization="layer_norm",
    projection_size=128,
    passage_separator=True,
    score_scale=0.2,
  )
  run = synthetic.make_run("pretrain", old)
  fields = run.to_json()
  for name in (
    "pooling",
    "normalization",
    "projection_activation",
    "passage_separator",
    "query_prompt",
    "passage_prompt",
  ):
    del fields["config"][name]
  (tmp_path / "config.json").write_text(json.dumps(fields))
  assert run_config.read(str(tmp_path)) == run
  resumed = loading.load("pretrain", "minilm", {}, str(tmp_path))
  assert resumed == old
  other = loading.load("pretrain", "minilm", {"pooling": "mean"}, str(tmp_path))
  wanted = dataclasses.replace(run, config=other)
  message = error_of(run_config.check, str(tmp_path), wanted)
  assert "its config.pooling is 'cls', not 'mean'" in message


def test_a_run_is_moved_with_what_lies_beside_it(tmp_path, monkeypatch):
  for name in ("here/corpus", "here/ict", "here/bert", "elsewhere/index"):
    (tmp_path / name).mkdir(parents=True)
  monkeypatch.chdir(tmp_path / "here")
  written = synthetic.make_run(
    "pretrain",
    synthetic.realm_config(),
    corpus="corpus",
    pretrain_corpus=str(tmp_path / "here" / "corpus"),
    init_checkpoint="bert,../here/ict",
    index_run="../elsewhere/index",
    dataset="nq_open",
  )
  run_config.write_or_match("realm", written)
  stored = json.loads((tmp_path / "here/realm/config.json").read_text())
  here = str(tmp_path / "here")
  assert stored["corpus"] == stored["pretrain_corpus"] == f"{here}/corpus"
  assert stored["init_checkpoint"] == f"{here}/bert,{here}/ict"
  assert stored["index_run"] == str(tmp_path / "elsewhere" / "index")
  assert stored["beside"] == {
    "corpus": {f"{here}/corpus": "../corpus"},
    "pretrain_corpus": {f"{here}/corpus": "../corpus"},
    "init_checkpoint": {f"{here}/bert": "../bert", f"{here}/ict": "../ict"},
  }
  assert stored["dataset"] == "nq_open"  # a name
  # The same command resumes it, however the paths are written.
  again = dataclasses.replace(written, corpus=str(tmp_path / "here/corpus"))
  assert run_config.write_or_match("realm", again)

  (tmp_path / "here").rename(tmp_path / "there")
  monkeypatch.chdir("/")
  found = run_config.read(str(tmp_path / "there" / "realm"))
  assert found.corpus == str(tmp_path / "there" / "corpus")
  assert found.init_checkpoint == ",".join(
    str(tmp_path / "there" / name) for name in ("bert", "ict")
  )
  assert found.index_run == str(tmp_path / "elsewhere" / "index")
  monkeypatch.chdir(tmp_path / "there" / "realm")
  assert run_config.read(".").corpus == "../corpus"
  # A run that is moved alone finds what has stayed.
  (tmp_path / "there").rename(tmp_path / "here")
  (tmp_path / "here" / "realm").rename(tmp_path / "realm")
  assert run_config.read(str(tmp_path / "realm")).corpus == f"{here}/corpus"


def test_a_run_of_another_corpus_is_told_by_its_path(tmp_path):
  for name in ("a", "b"):
    (tmp_path / name).mkdir()
  one, two = (
    synthetic.make_run(
      "pretrain",
      synthetic.realm_config(),
      pretrain_corpus=str(tmp_path / name),
    )
    for name in ("a", "b")
  )
  run_config.write_or_match(str(tmp_path / "run"), one)
  message = error_of(run_config.check, str(tmp_path / "run"), two)
  assert "its pretrain_corpus is" in message
