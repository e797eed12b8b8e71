"""Wrong paths and names are refused before TensorFlow is imported."""

import pytest

from realm_tf import absent
from realm_tf import errors
from realm_tf.checkpoints import reading
from realm_tf.data.corpus import corpus_manifest
from realm_tf.data.corpus import sentence_folder
from realm_tf.data.ingest import sources
from realm_tf.data.questions import qa_datasets
from realm_tf.data.tagging import tagging_sources
from realm_tf.launch import console
from realm_tf.launch import question_flags
from realm_tf.runs import run_config
from realm_tf.text import model_tagger
from realm_tf.text import wordpiece
from tests.launch import given_flags
from tests.launch import light_commands

_BUCKET = "gs://bucket/any"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
  """What lets a command come as far as the import of TensorFlow."""
  made = tmp_path_factory.mktemp("paths")
  given_flags.write_inputs(made, "bare/manifest.json")
  return made


def wrong(root):
  """Yields (command, its wrong flag, the value, what the message says)."""
  none, bare, full = f"{root}/none", f"{root}/bare", f"{root}/full"
  below = f"{root}/vocab.txt/below"
  no_folder = f"{root}/vocab.txt is no folder: name another."
  of_split = f"{root}/questions.{{split}}.jsonl"
  trainings = ("pretrain", "pretrain_ict", "pretrain_mlm", "train_tagger")

  def refused(flag, value, message, *commands):
    for command in commands:
      named = {*given_flags.good(root)[command], flag}
      yield command, flag, value, console.in_flags(str(message), named)

  def missing(flag, *commands, value=none):
    yield from refused(flag, value, absent.path(flag, value), *commands)

  having = [
    c for c, flags in given_flags.good(root).items() if "corpus" in flags
  ]
  no_corpus = absent.corpus(none, is_folder=False)
  yield from refused("corpus", none, no_corpus, *having)
  no_corpus = absent.corpus(full, is_folder=True)
  yield from refused("corpus", full, no_corpus, "finetune")
  not_annotated = absent.sentences(bare)
  yield from refused("corpus", bare, not_annotated, "pretrain_mlm", "t5")
  yield from missing("pretrain_corpus", "pretrain")

  baselines = ("drqa", "graph_retriever", "path_retriever")
  locking = (
    *("finetune", "refresh_index", "edit_corpus"),
    *(*baselines, *trainings),
  )
  yield from refused("model_dir", below, no_folder, *locking)
  reading_runs = (
    *("ask", "evaluate", "edit_corpus", "export", "knn_lm", "refresh_index"),
  )
  yield from refused("model_dir", none, absent.run(none), *reading_runs)
  for flag, command in (
    ("init", "finetune"),
    ("init_retriever", "finetune"),
    ("init_reader", "finetune"),
    ("source", "import_checkpoint"),
    ("passage_tower", "import_checkpoint"),
    ("bert", "graph_retriever"),
    ("bert", "path_retriever"),
    *(("init_checkpoint", command) for command in trainings),
  ):
    message = f"--{flag}: {absent.weights(none)}"
    yield from refused(flag, none, message, command)
  message = f"--init_checkpoint: {absent.weights(none)}"
  several = f"{root}/run,{none}"
  yield from refused("init_checkpoint", several, message, "pretrain")

  writing = (
    *("build_corpus", "edit_corpus", "evaluate", "export", "demo"),
    *("knn_lm", "reproduce"),
  )
  yield from refused("output", below, no_folder, *writing, "import_checkpoint")
  message = absent.new_folder(full)
  yield from refused("output", full, message, "import_checkpoint")
  yield from refused("output", full, absent.demo(full), "demo")
  message = absent.reproduction(full)
  yield from refused("output", full, message, "reproduce")
  message = "rows=best is no row of table 2: choose of realm, "
  yield from refused("rows", "best", message, "reproduce")
  message = "seeds=-1 is no seed"
  yield from refused("seeds", "-1", message, "reproduce")
  message = "--bert goes with --scale=paper"
  yield from refused("bert", f"{root}/weights", message, "reproduce")
  message = "--wikipedia is missing, which --scale=paper starts from"
  yield from refused("scale", "paper", message, "reproduce")
  file = f"{none}.json"
  message = f"--config={file} cannot be read."
  yield from refused("config", file, message, *trainings, "finetune")
  message = absent.vocabulary(none)
  yield from refused("vocab", none, message, "build_corpus", "train_tagger")
  for source in (none, "rule"):
    message = absent.tagger(source)
    yield from refused("tagger", source, message, "annotate_spans")

  message = "--tagger=spacy:no_such_pipeline"
  source = "spacy:no_such_pipeline"
  yield from refused("tagger", source, message, "annotate_spans")

  yield from refused("tpu_python", none, absent.tpu_python(none), "compile_tpu")

  names = question_flags.BUILDERS
  message = absent.dataset("trivia", names)
  asking = ("finetune", "evaluate", *baselines)
  yield from refused("dataset", "trivia", message, *asking)
  yield from missing("dataset", "finetune", value=f"{none}.jsonl")
  yield from missing("questions", "pretrain", value=f"{none}.jsonl")
  message = absent.path("dev_dataset", f"{root}/questions.dev.jsonl")
  yield from refused("dev_dataset", of_split, message, "finetune")
  message = absent.path("dataset", f"{root}/questions.dev.jsonl")
  yield from refused("dev_dataset", "", message, "finetune")
  yield from missing("manual_dir", "finetune", "evaluate")
  message = "has no kind 'zoo'"
  yield from refused("dataset", "encyclopedia:zoo", message, "evaluate")
  yield from refused("input", "encyclopedia:zoo", message, "build_corpus")

  yield from missing("input", "build_corpus")
  yield from missing("data", "train_tagger")
  yield from missing("valid", "train_tagger")
  yield from missing("add", "edit_corpus")
  yield from missing("replace", "edit_corpus")
  yield from missing("model_base_path", "serve")
  yield from missing("model_config_file", "serve")
  message = absent.path("remove", none)
  yield from refused("remove", f"@{none}", message, "edit_corpus")
  message = "Give --model_dir, a run to ask, or --predictions"
  yield from refused("predictions", none, message, "evaluate")

  message = "Give --model_dir, a run to ask, or --server"
  yield from refused("server", "localhost:1", message, "ask")
  message = "--searcher=fast: value should be one of <|exact|partitioned|scann>"
  yield from refused("searcher", "fast", message, "export")
  message = "--weights=int4: value should be one of <float32|bfloat16|int8>"
  yield from refused("weights", "int4", message, "export")
  message = "--precision=half: value should be one of <float32|bfloat16>"
  yield from refused("precision", "half", message, "export")

  message = (
    "--refresh=often: value should be one of <local|external|off|inline>"
  )
  yield from refused("refresh", "often", message, "pretrain")
  message = "--split=valid: value should be one of <train|dev|test>"
  yield from refused("split", "valid", message, "evaluate")
  message = "--gazetteer=names: value should be one of <titles>"
  yield from refused("gazetteer", "names", message, "annotate_spans")
  message = "--retriever=tfidf must be of dense, bm25, hybrid, none"
  yield from refused("retriever", "dense,tfidf", message, "evaluate")


def test_what_is_right_goes_on(root):
  commands = given_flags.good(root)
  cases = [
    (command, given_flags.argv(flags)) for command, flags in commands.items()
  ]
  # What is of no disk here is left to TensorFlow.
  for command, flag in (
    ("annotate_spans", "corpus"),
    ("annotate_spans", "tagger"),
    ("build_corpus", "input"),
    ("build_corpus", "output"),
    ("build_corpus", "vocab"),
    ("evaluate", "model_dir"),
    ("finetune", "init"),
    ("pretrain", "init_checkpoint"),
    ("pretrain_mlm", "corpus"),
    ("train_tagger", "data"),
  ):
    cases.append(
      (command, given_flags.argv(commands[command] | {flag: _BUCKET}))
    )
  # A run that is watched may begin later.
  watched = {"model_dir": f"{root}/later", "watch": "true"}
  cases.append(("refresh_index", given_flags.argv(watched)))
  # What a run started from may be gone when it is resumed.
  gone = f"{root}/gone"
  resumed = {"model_dir": f"{root}/run"}
  flags = commands["pretrain"] | resumed | {"init_checkpoint": gone}
  cases.append(("pretrain", given_flags.argv(flags)))
  flags = commands["finetune"] | resumed | {"init": gone, "init_reader": gone}
  cases.append(("finetune", given_flags.argv(flags)))
  for case, outcome in zip(cases, light_commands.outcomes(cases), strict=True):
    assert outcome["status"] == light_commands.REACHED, (case, outcome)


def test_what_is_wrong_is_refused_in_one_line(root):
  cases = list(wrong(root))
  commands = [
    (command, given_flags.argv(given_flags.good(root)[command] | {flag: value}))
    for command, flag, value, _ in cases
  ]
  outcomes = light_commands.outcomes(commands)
  for case, outcome in zip(cases, outcomes, strict=True):
    assert outcome["status"] == 2, (case, outcome)
    assert outcome["stderr"].startswith("error: ")
    assert outcome["stderr"].count("\n") == 1
    assert case[-1] in outcome["stderr"]
    assert outcome["stdout"] == ""
  assert not (root / "new").exists()


def test_what_must_be_given_is_asked_for_at_once(root):
  required = [
    ("annotate_spans", "corpus"),
    ("build_corpus", "input"),
    ("build_corpus", "output"),
    ("edit_corpus", "corpus"),
    ("edit_corpus", "output"),
    ("pretrain", "model_dir"),
  ]
  commands = []
  for command, flag in required:
    flags = given_flags.good(root)[command]
    del flags[flag]
    commands.append((command, given_flags.argv(flags)))
  # Nearly the name of one that must be given.
  commands.append(("build_corpus", ["--inptu=x", f"--output={root}/new"]))
  *outcomes, misspelt = light_commands.outcomes(commands)
  for (_, flag), outcome in zip(required, outcomes, strict=True):
    assert outcome["status"] == 2
    assert f"Flag --{flag} must have a value" in outcome["stderr"]
  assert "'inptu'. Did you mean: input" in misspelt["stderr"]


def test_who_reads_the_files_says_the_same(root):
  """Of what is not of this machine's disks, and for those who import us."""
  none = f"{root}/none"
  said = {}
  for name, read in {
    "corpus": lambda: corpus_manifest.read(none),
    "run": lambda: run_config.read(none),
    "weights": lambda: reading.read(none),
    "sentences": lambda: sentence_folder.record_files(f"{root}/bare"),
    "vocabulary": lambda: wordpiece.read_vocabulary(none),
    "tagger": lambda: model_tagger.find_export(none),
    "input": lambda: sources.resolve([none]),
    "data": lambda: tagging_sources.load([none]),
    "dataset": lambda: qa_datasets.load("trivia", "dev"),
  }.items():
    with pytest.raises(errors.UserError) as error:
      read()
    said[name] = str(error.value)
  commands = {
    "corpus": ("finetune", "corpus", none),
    "run": ("evaluate", "model_dir", none),
    "weights": ("pretrain", "init_checkpoint", none),
    "sentences": ("pretrain", "pretrain_corpus", f"{root}/bare"),
    "vocabulary": ("build_corpus", "vocab", none),
    "tagger": ("annotate_spans", "tagger", none),
    "input": ("build_corpus", "input", none),
    "data": ("train_tagger", "data", none),
    "dataset": ("evaluate", "dataset", "trivia"),
  }
  outcomes = light_commands.outcomes(
    [
      (
        command,
        given_flags.argv(given_flags.good(root)[command] | {flag: value}),
      )
      for command, flag, value in commands.values()
    ]
  )
  for name, outcome in zip(commands, outcomes, strict=True):
    line = outcome["stderr"].removeprefix("error: ").rstrip("\n")
    _, flag, _ = commands[name]
    shown = console.in_flags(said[name], {flag})
    assert line.removeprefix("--init_checkpoint: ") == shown
