import gzip
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time
import warnings

import pytest
import requests
import tensorflow_datasets as tfds
from tensorflow_datasets.core.download import download_manager
from tensorflow_datasets.core.download import downloader
from tensorflow_datasets.core.utils import gcs_utils

import tfds_builders
from tfds_builders import offline
from tfds_builders import open_qa
from tfds_builders import source_files

# Guu et al. 2020, table 1, and ORQA's resplit files.
SIZES = {
  "nq_open": {"train": 79168, "dev": 8757, "test": 3610},
  "webquestions": {"train": 3417, "dev": 361, "test": 2032},
  "curated_trec": {"train": 1353, "dev": 133, "test": 694},
}
RESPLIT = {
  "nq_open": "NaturalQuestions.resplit.{}.partial.jsonl.gz",
  "webquestions": "WebQuestions.resplit.{}.jsonl.gz",
  "curated_trec": "CuratedTrec.resplit.{}.jsonl.gz",
}
# The published training file is not whole in ../shared/data: its README.md.
PARTIAL_NQ_SIZES = {"train": 52939, "dev": 5861, "test": 3610}


@pytest.fixture(autouse=True)
def network(monkeypatch):
  """Refuses connections, and tells which were tried."""
  tried = []

  def refuse(*args, **kwargs):
    tried.append(args)
    raise OSError("there is no network")

  for name in ("connect", "connect_ex"):
    monkeypatch.setattr(socket.socket, name, refuse)
  monkeypatch.setattr(socket, "getaddrinfo", refuse)
  # Looks at buckets go through TensorFlow, not through sockets of Python's.
  monkeypatch.setattr(gcs_utils, "exists", refuse)
  with tfds.testing.enable_gcs_access():
    yield tried


def _builder(name, data_dir, manual_dir):
  builder = tfds.builder(name, data_dir=data_dir)
  builder.download_and_prepare(
    download_config=tfds.download.DownloadConfig(manual_dir=manual_dir)
  )
  return builder


def _questions(builder, split):
  dataset = builder.as_dataset(split=split).ragged_batch(10_000)
  return [
    {
      "id": question_id.decode(),
      "question": question.decode(),
      "answer": [answer.decode() for answer in answers],
      "answer_type": answer_type.decode(),
    }
    for batch in dataset
    for question_id, question, answers, answer_type in zip(
      batch["id"].numpy(),
      batch["question"].numpy(),
      batch["answers"].to_list(),
      batch["answer_type"].numpy(),
      strict=True,
    )
  ]


def _resplit(shared_data, name, split):
  file = RESPLIT[name].format(split)
  path = shared_data / "resplit" / file
  if not path.exists():
    path = shared_data / "resplit" / file.replace(".partial", "")
  with gzip.open(path, "rt", encoding="utf-8") as f:
    return [json.loads(line) for line in f]


@pytest.mark.parametrize("name", ["webquestions", "curated_trec"])
def test_real_files_give_the_published_splits(
  name, shared_data, tmp_path, network
):
  with warnings.catch_warnings():
    warnings.simplefilter("error", open_qa.SourceWarning)
    builder = _builder(name, tmp_path, shared_data / name)
    splits = {split: _questions(builder, split) for split in SIZES[name]}
  assert network == []
  assert {split: len(qs) for split, qs in splits.items()} == SIZES[name]
  metadata = builder.info.metadata
  assert builder.complete and metadata["complete"]
  assert metadata["invalid_patterns"] == {}
  assert all(source["as_published"] for source in metadata["sources"])
  for split, questions in splits.items():
    expected = _resplit(shared_data, name, split)
    assert [
      {"question": q["question"], "answer": q["answer"]} for q in questions
    ] == expected
  everything = [q for qs in splits.values() for q in qs]
  assert len({q["id"] for q in everything}) == len(everything)
  kind = "regex" if name == "curated_trec" else "string"
  assert {q["answer_type"] for q in everything} == {kind}


def test_partial_nq_is_flagged(shared_data, tmp_path, network):
  # The folder above, as with `tfds build --add_name_to_manual_dir`.
  with pytest.warns(open_qa.SourceWarning, match="INCOMPLETE") as caught:
    _builder("nq_open", tmp_path, shared_data)
  # What other tests of the process left may be told of meanwhile, too.
  [message] = [str(w.message) for w in caught if "INCOMPLETE" in str(w.message)]
  for split, size in PARTIAL_NQ_SIZES.items():
    assert f"{split} {size} of {SIZES['nq_open'][split]}" in message
  assert network == []
  again = tfds.builder("nq_open", data_dir=tmp_path)
  assert not again.complete
  assert again.info.metadata["complete"] is False
  assert again.info.metadata["published_sizes"] == SIZES["nq_open"]
  with pytest.warns(open_qa.SourceWarning, match="INCOMPLETE"):
    splits = {split: _questions(again, split) for split in PARTIAL_NQ_SIZES}
  assert {s: len(qs) for s, qs in splits.items()} == PARTIAL_NQ_SIZES
  for split, questions in splits.items():
    expected = _resplit(shared_data, "nq_open", split)
    assert [
      {"question": q["question"], "answer": q["answer"]} for q in questions
    ] == expected
  ids = [q["id"] for qs in splits.values() for q in qs]
  assert len(set(ids)) == len(ids)
  assert splits["train"][1]["id"] == "NQ-open.train-2"
  assert splits["test"][1]["id"] == "NQ-open.dev-1"


def test_a_part_under_the_name_of_the_whole_is_refused(shared_data, tmp_path):
  source = shared_data / "nq_open"
  shutil.copy(source / "dev.jsonl.gz", tmp_path / "NQ-open.dev.jsonl.gz")
  whole = tmp_path / "NQ-open.train.jsonl.gz"
  shutil.copy(source / "train_partial.jsonl.gz", whole)
  with (
    pytest.warns(open_qa.SourceWarning, match="not byte for byte"),
    pytest.raises(
      source_files.SourceError,
      match="train has 52939 questions instead of 79168",
    ),
  ):
    _builder("nq_open", tmp_path / "data", tmp_path)


def test_real_patterns_are_python_patterns(shared_data):
  text = (shared_data / "curated_trec" / "large2470-test.tsv").read_text("utf8")
  rows = [line.split("\t") for line in text.split("\n") if line]
  patterns = [(row[0], (row[3],)) for row in rows]
  assert open_qa.invalid_patterns(patterns) == {}
  assert all(re.compile(pattern) for _, (pattern,) in patterns)


def test_a_cut_file_is_refused_with_both_sizes(shared_data, tmp_path):
  manual = tmp_path / "manual"
  shutil.copytree(shared_data / "curated_trec", manual)
  train = manual / "large2470-train.tsv"
  lines = train.read_text("utf-8").split("\n")
  train.chmod(0o644)
  train.write_text("\n".join(lines[:1000]) + "\n", "utf-8")
  with (
    pytest.warns(open_qa.SourceWarning, match="not byte for byte"),
    pytest.raises(source_files.SourceError) as caught,
  ):
    _builder("curated_trec", tmp_path / "data", manual)
  message = str(caught.value)
  assert re.search(r"train has \d+ questions instead of 1353", message)
  assert re.search(r"dev has \d+ questions instead of 133", message)
  assert "test has" not in message
  assert not tfds.builder("curated_trec", data_dir=tmp_path).is_prepared()


@pytest.mark.parametrize("name", sorted(SIZES))
def test_without_files_and_network_the_error_tells_which(
  name, tmp_path, network, monkeypatch
):
  # The error ends `few_retries`, and may come before all threads have begun.
  monkeypatch.setattr(downloader, "MAX_RETRIES", offline.RETRIES)
  tried = set()
  get = requests.Session.get

  def recorded(session, url, **kwargs):
    tried.add(url)
    return get(session, url, **kwargs)

  monkeypatch.setattr(requests.Session, "get", recorded)
  with pytest.raises(source_files.SourceError) as caught:
    _builder(name, tmp_path, None)
  message = str(caught.value)
  builder = tfds_builders.BUILDERS[name]
  # Each file is tried a few times, the others' threads end a little later.
  attempts = len(builder.url_infos) * (1 + offline.RETRIES)
  deadline = time.monotonic() + 30
  while len(network) < attempts and time.monotonic() < deadline:
    time.sleep(0.01)
  assert len(network) == attempts
  assert tried == set(builder.url_infos)
  for url, info in builder.url_infos.items():
    assert info.filename in message
    assert url in message
  assert "manual_dir" in message


def test_a_changed_download_is_named(tmp_path, monkeypatch):
  builder = tfds_builders.BUILDERS["curated_trec"]
  url = next(iter(builder.url_infos))

  def download(self, urls):
    raise download_manager.NonMatchingChecksumError(
      f"Artifact {url}, downloaded to here, has wrong checksum:\n* Expected: 1"
    )

  monkeypatch.setattr(tfds.download.DownloadManager, "download", download)
  with pytest.raises(source_files.SourceError, match="manual_dir") as caught:
    _builder("curated_trec", tmp_path, None)
  assert f"Artifact {url}" in str(caught.value)
  assert "\n" not in str(caught.value)


def test_some_files_of_manual_dir_are_not_enough(tmp_path, network):
  manual = tmp_path / "manual"
  manual.mkdir()
  (manual / "test.json").write_text("[]")
  with pytest.raises(source_files.SourceError, match="lacks") as caught:
    _builder("webquestions", tmp_path, manual)
  for name in ("trainmodel.json", "val.json", "devtest.json"):
    assert name in str(caught.value)
  assert "(from" in str(caught.value) and " test.json" not in str(caught.value)
  assert network == []


def test_checksums_name_every_source():
  for name, builder in tfds_builders.BUILDERS.items():
    sources = [s for files in builder.SOURCES.values() for s in files]
    assert {s.url: s.name for s in sources} == {
      url: info.filename for url, info in builder.url_infos.items()
    }
    for source in sources:
      assert source.name in builder.MANUAL_DOWNLOAD_INSTRUCTIONS
      assert re.search("/[0-9a-f]{12,40}/", source.url)
    assert builder.name == name
    assert SIZES[name] == builder.PUBLISHED_SIZES


def test_builders_of_tfds_are_not_shadowed():
  for name in ("natural_questions_open", "web_questions"):
    builder = tfds.builder_cls(name)
    assert builder.name == name
    assert builder.__module__.startswith("tensorflow_datasets.")
  for name, builder in tfds_builders.BUILDERS.items():
    assert tfds.builder_cls(name) is builder
    assert name in tfds.list_builders(with_community_datasets=False)


def _write_curated_trec(folder, pattern):
  row = "{}\tfactoid\t{}\t{}\n"
  (folder / "large2470-train.tsv").write_text(
    row.format(1, "How many arches has the example bridge?", pattern)
    + row.format(2, "Where is the example museum?", "Example\\s+Town")
  )
  (folder / "large2470-test.tsv").write_text(row.format(3, "Who?", "Ada"))


@pytest.fixture
def of_three_questions(monkeypatch):
  """Has what `_write_curated_trec` writes taken for the published files."""
  monkeypatch.setattr(
    tfds_builders.BUILDERS["curated_trec"],
    "PUBLISHED_SIZES",
    {"train": 1, "dev": 1, "test": 1},
  )


@pytest.mark.usefixtures("of_three_questions")
def test_the_test_split_downloads_its_own_file_alone(tmp_path, monkeypatch):
  _write_curated_trec(tmp_path, "12")
  builder = tfds_builders.BUILDERS["curated_trec"](data_dir=str(tmp_path))
  asked = []

  def download(self, urls):
    asked.append(urls)
    return {"test": [tmp_path / "large2470-test.tsv"]}

  monkeypatch.setattr(tfds.download.DownloadManager, "download", download)
  assert [q.id for q in builder.read_test()] == ["3"]
  assert asked == [{"test": [builder.SOURCES["test"][0].url]}]
  assert not builder.is_prepared()


@pytest.mark.usefixtures("of_three_questions")
@pytest.mark.filterwarnings("ignore:.*not byte for byte")
def test_lines_may_end_as_on_windows(tmp_path):
  _write_curated_trec(tmp_path, "twelve|12")
  for path in tmp_path.glob("*.tsv"):
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
  builder = _builder("curated_trec", tmp_path / "data", tmp_path)
  answers = [q["answer"] for q in _questions(builder, "dev")]
  assert answers == [["twelve|12"]]


@pytest.mark.usefixtures("of_three_questions")
@pytest.mark.filterwarnings("ignore:.*not byte for byte")
def test_invalid_patterns_are_counted(tmp_path):
  _write_curated_trec(tmp_path, "(twelve|12")
  with pytest.warns(open_qa.SourceWarning, match="1 answer patterns"):
    builder = _builder("curated_trec", tmp_path / "data", tmp_path)
  assert list(builder.info.metadata["invalid_patterns"]) == ["1"]
  assert [q["id"] for q in _questions(builder, "dev")] == ["1"]


@pytest.mark.parametrize(
  "line", ["1\tfactoid\tWho?\n", "1\tfactoid\tWho?\t \n"]
)
def test_a_question_without_answer_is_refused(tmp_path, line):
  _write_curated_trec(tmp_path, "12")
  with (tmp_path / "large2470-train.tsv").open("a") as f:
    f.write(line)
  with (
    pytest.warns(open_qa.SourceWarning),
    pytest.raises(source_files.SourceError, match=r"train\.tsv, line 3"),
  ):
    _builder("curated_trec", tmp_path / "data", tmp_path)


def test_damaged_gzip_is_named(tmp_path):
  for name in ("NQ-open.train.jsonl.gz", "NQ-open.dev.jsonl.gz"):
    (tmp_path / name).write_bytes(gzip.compress(b"{}\n" * 100)[:-9])
  with pytest.raises(source_files.SourceError, match=r"train\.jsonl\.gz"):
    _builder("nq_open", tmp_path / "data", tmp_path)


def test_tfds_build(tmp_path):
  pytest.importorskip(
    "mlcroissant", reason="the command tfds needs the extra `tfds`"
  )
  root = pathlib.Path(tfds_builders.__file__).parents[1]
  manual = tmp_path / "manual"
  manual.mkdir()
  _write_curated_trec(manual, "12")
  run = subprocess.run(
    [
      sys.executable,
      "-m",
      "tensorflow_datasets.scripts.cli.main",
      "build",
      str(root / "tfds_builders" / "curated_trec"),
      f"--manual_dir={manual}",
      f"--data_dir={tmp_path}",
    ],
    cwd=tmp_path,
    env=os.environ | {"PYTHONPATH": os.pathsep.join([str(root), *sys.path])},
    capture_output=True,
    text=True,
    timeout=600,
    check=False,
  )
  # The made-up files are read, and found to be too small.
  assert run.returncode
  assert "train has 1 questions instead of 1353" in run.stderr
