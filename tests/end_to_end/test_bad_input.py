"""Bad input gets one line, exit status 2, and nothing half-written."""

import itertools
import json
import shutil
import subprocess

import pytest

from realm_tf.configs import loading
from realm_tf.data.corpus import corpora
from realm_tf.data.corpus import corpus_manifest
from realm_tf.runs import run_config
from realm_tf.runs import run_state
from tests.end_to_end import refusals
from tests.end_to_end import tiny_runs

_GOOD = json.dumps({"title": "Oslo", "text": "Oslo is a city in Norway."})


def write_run(model_dir, corpus):
  """Writes what a run of the tiny preset leaves when it is killed early."""
  opened = corpora.Corpus.open(str(corpus))
  run = run_config.RunConfig(
    task="pretrain",
    config=loading.load("pretrain", "tiny", tiny_runs.MODEL),
    corpus=str(corpus),
    corpus_fingerprint=opened.fingerprint,
    vocab_sha256=opened.tokenizer.sha256,
    pretrain_corpus=str(corpus),
  )
  run_config.write_or_match(str(model_dir), run)
  return model_dir


def build_cases(root, corpus):
  """Yields (name, words of the message, command, flags)."""
  files = {
    "empty": b"",
    "not_json": f"{_GOOD}\n{{not JSON\n".encode(),
    "without_text": f'{_GOOD}\n{_GOOD}\n{{"title": "Rome"}}\n'.encode(),
    "latin_1": _GOOD.encode() + b'\n{"title": "Z\xfcrich", "text": "a"}\n',
  }
  lines = {"not_json": 2, "without_text": 3, "latin_1": 2}
  vocab = corpus / "vocab.txt"
  for name, content in files.items():
    path = root / f"{name}.jsonl"
    path.write_bytes(content)
    words = [path.name, f"line {lines[name]}"] if name in lines else ["--input"]
    output = f"--output={root}/new_{name}"
    flags = [f"--input={path}", f"--vocab={vocab}", output]
    yield name, words, "build_corpus", flags
  good = root / "good.jsonl"
  good.write_text(_GOOD + "\n")
  no_mask = root / "no_mask.txt"
  no_mask.write_text(vocab.read_text().replace("[MASK]\n", ""))
  flags = [f"--input={good}", f"--vocab={no_mask}", f"--output={root}/new"]
  yield "vocab_without_mask", ["[MASK]"], "build_corpus", flags
  flags = [f"--input={root}/none.jsonl", f"--output={root}/new"]
  yield "missing_input", ["none.jsonl"], "build_corpus", flags
  flags = [f"--input={good}", f"--output={root}/new"]
  for name, words, flag in (
    ("unknown_to_beam", ["'runer'", "Did you mean: runner"], "--runer=Direct"),
    (
      "wrong_for_beam",
      ["--direct_num_workers", "'two'"],
      "--direct_num_workers=two",
    ),
    ("unknown_runner", ["--runner=Foo"], "-runner=Foo"),
  ):
    yield name, words, "build_corpus", [*flags, flag]


def training_cases(root, corpus, other, bare):
  """Yields (name, words of the message, command, flags)."""
  run = write_run(root / "run", corpus)
  of_no_passages = root / "no_passages"
  of_no_passages.mkdir()
  manifest = json.loads((corpus / corpus_manifest.FILE_NAME).read_text())
  manifest |= {"passages": 0, "shards": []}
  (of_no_passages / corpus_manifest.FILE_NAME).write_text(json.dumps(manifest))

  numbers = itertools.count()

  def flags(*others, knowledge=corpus, config="tiny", model_dir=None):
    # One case must not find what another has left.
    model_dir = model_dir or f"new_{next(numbers)}"
    return [
      f"--config={config}",
      f"--corpus={knowledge}",
      f"--model_dir={root / model_dir}",
      *(f"--config.{name}={value}" for name, value in tiny_runs.MODEL.items()),
      *others,
    ]

  cases = {
    "missing_corpus": (["nowhere"], flags(knowledge=root / "nowhere")),
    "empty_corpus": (["no_passages"], flags(knowledge=of_no_passages)),
    "not_annotated": (["annotate_spans"], flags(knowledge=bare)),
    "too_many_candidates": (
      ["--config.num_candidates=100000"],
      flags("--config.num_candidates=100000"),
    ),
    "unknown_preset": (["--config=huge"], flags(config="huge")),
    "unknown_field": (["config.no_field"], flags("--config.no_field=1")),
    "wrong_type": (["config.batch_size"], flags("--config.batch_size=many")),
    "init_is_no_run": (["nothing"], flags(f"--init_checkpoint={root}/nothing")),
    "init_without_checkpoint": (
      [f"{run} holds no checkpoint"],
      flags(f"--init_checkpoint={run}"),
    ),
    "no_model_dir": (["--model_dir", "empty"], flags("--model_dir=")),
    "model_dir_is_a_file": (
      [
        "--model_dir",
        f"{of_no_passages / corpus_manifest.FILE_NAME} is no folder",
      ],
      flags(
        f"--model_dir={of_no_passages / corpus_manifest.FILE_NAME}/below",
        knowledge=root / "nowhere",
      ),
    ),
    "model_dir_is_no_disk": (
      ["--model_dir=gs://bucket/run", "on a disk"],
      flags("--model_dir=gs://bucket/run"),
    ),
    "seed_too_large": (
      ["--config.seed=2147483648"],
      flags("--seed=2147483648"),
    ),
    "unknown_refresh": (["--refresh=often"], flags("--refresh=often")),
    "other_config": (
      ["learning_rate"],
      flags("--config.learning_rate=0.5", model_dir="run"),
    ),
    "index_of_another_corpus": (
      ["fingerprint", str(run)],
      flags(knowledge=other, model_dir="run"),
    ),
  }
  for name, (words, case_flags) in cases.items():
    yield name, words, "pretrain", case_flags
  yield (
    "refresh_with_another_corpus",
    ["fingerprint"],
    "refresh_index",
    [f"--model_dir={run}", f"--corpus={other}"],
  )
  yield (
    "refresh_of_no_run",
    ["is no run"],
    "refresh_index",
    [f"--model_dir={root}/nothing"],
  )
  for command in ("refresh_index", "edit_corpus"):
    yield (
      f"{command}_of_no_disk",
      ["--model_dir=gs://bucket/run", "on a disk"],
      command,
      ["--model_dir=gs://bucket/run"],
    )
  demo = ["--output=" + str(of_no_passages / corpus_manifest.FILE_NAME)]
  yield "demo_into_a_file", ["--output", "is no folder"], "demo", demo
  demo = [f"--output={root}/demo", "--seed=-1"]
  yield "demo_without_a_seed", ["seed"], "demo", demo
  another = root / "another_file"
  shutil.copytree(bare, another)
  manifest = json.loads((bare / corpus_manifest.FILE_NAME).read_text())
  manifest["shards"][0]["sha256"] = "0" * 64
  (another / corpus_manifest.FILE_NAME).write_text(json.dumps(manifest))
  edit = [f"--corpus={another}", "--remove=Nowhere", f"--output={root}/edited"]
  first = manifest["shards"][0]["file"]
  yield "file_of_another_sum", [first, "sums differ"], "edit_corpus", edit
  edit = [*edit, "--noverify_corpus"]
  yield "sum_not_verified", ["--remove", "'Nowhere'"], "edit_corpus", edit
  yield (
    "annotate_missing_corpus",
    ["nowhere"],
    "annotate_spans",
    [f"--corpus={root}/nowhere"],
  )
  yield (
    "ict_of_a_realm_run",
    ["task"],
    "pretrain_ict",
    flags(model_dir="run"),
  )


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
  """All cases by name: (words of the message, command, flags)."""
  root = tmp_path_factory.mktemp("bad_input")
  corpus = tiny_runs.build_corpus(root / "corpus", tiny_runs.articles(40))
  vocab = corpus / "vocab.txt"
  other = tiny_runs.build_corpus(
    root / "other", tiny_runs.articles(40, seed=1), vocab=vocab
  )
  bare = tiny_runs.build_corpus(
    root / "bare", tiny_runs.articles(9), vocab=vocab, annotated=False
  )
  made = [
    *build_cases(root, corpus),
    *training_cases(root, corpus, other, bare),
  ]
  return root, {name: rest for name, *rest in made}


@pytest.fixture(scope="module")
def outcomes(cases):
  """What each case's command did, by name."""
  root, by_name = cases
  commands = [case[1:] for case in by_name.values()]
  return dict(zip(by_name, refusals.outcomes(root, commands), strict=True))


@pytest.mark.parametrize(
  "name",
  [
    "empty",
    "not_json",
    "without_text",
    "latin_1",
    "vocab_without_mask",
    "missing_input",
    "unknown_to_beam",
    "wrong_for_beam",
    "unknown_runner",
    "missing_corpus",
    "empty_corpus",
    "not_annotated",
    "too_many_candidates",
    "unknown_preset",
    "unknown_field",
    "wrong_type",
    "init_is_no_run",
    "init_without_checkpoint",
    "no_model_dir",
    "model_dir_is_a_file",
    "model_dir_is_no_disk",
    "seed_too_large",
    "unknown_refresh",
    "other_config",
    "index_of_another_corpus",
    "refresh_with_another_corpus",
    "refresh_of_no_run",
    "refresh_index_of_no_disk",
    "edit_corpus_of_no_disk",
    "demo_into_a_file",
    "demo_without_a_seed",
    "file_of_another_sum",
    "sum_not_verified",
    "annotate_missing_corpus",
    "ict_of_a_realm_run",
  ],
)
def test_one_line_status_two_and_nothing_written(cases, outcomes, name):
  words, _, _ = cases[1][name]
  outcome = outcomes[name]
  refusals.check(outcome, words)


@pytest.mark.parametrize("name", ["not_json", "missing_corpus"])
def test_a_process_of_its_own_says_the_same(cases, outcomes, name):
  _, command, flags = cases[1][name]
  done = subprocess.run(
    tiny_runs.argv(command, *flags),
    env=tiny_runs.environment(),
    capture_output=True,
    text=True,
    timeout=120,
  )
  assert done.returncode == 2
  assert done.stderr == outcomes[name]["stderr"]


def test_a_run_that_is_being_trained_is_left_alone(cases):
  root, by_name = cases
  _, _, flags = by_name["other_config"]
  model_dir = root / "run"
  flags = [f for f in flags if not f.startswith("--config.learning_rate")]
  with run_state.RunState(str(model_dir)).hold():
    done = subprocess.run(
      tiny_runs.argv("pretrain", *flags),
      env=tiny_runs.environment(),
      capture_output=True,
      text=True,
      timeout=120,
    )
  assert done.returncode == 2
  assert "is being trained by another process" in done.stderr
  assert done.stderr.count("\n") == 1
