import errno
import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import errors
from realm_tf.index.build import batching
from realm_tf.index.build import index_builder
from realm_tf.index.job import follow
from realm_tf.index.job import refresh_job
from realm_tf.index.search import search_recall
from realm_tf.index.versions import index_store
from realm_tf.index.versions import index_version
from realm_tf.runs import exports
from realm_tf.runs import run_state
from tests import forked_commands
from tests.index import fake_run
from tests.launch import suggested


def open_version(model_dir, corpus, step=100):
  store = index_store.IndexStore(model_dir)
  return store.open(step, corpus.fingerprint, corpus.num_passages, verify=True)


def expected_embeddings(corpus, step):
  return np.concatenate(
    [
      fake_run.embed(
        batching.shard_inputs(corpus, shard, fake_run.PASSAGE_LENGTH), step
      )
      for shard in range(len(corpus.shard_paths))
    ]
  )


def test_a_version_holds_each_passage_in_order(model_dir, corpus):
  assert fake_run.refresh(model_dir) == 0

  version = open_version(model_dir, corpus)
  embeddings = version.load_embeddings()
  want = expected_embeddings(corpus, 100)
  np.testing.assert_allclose(
    np.concatenate(embeddings), want, rtol=2e-3, atol=2e-3
  )
  assert [len(part) for part in embeddings] == [20, 20, 20]
  assert {part.dtype for part in embeddings} == {np.dtype("float16")}
  manifest = version.manifest
  assert (manifest.step, manifest.rows, manifest.dim) == (100, 60, fake_run.DIM)
  assert manifest.recall == 1.0
  assert manifest.searcher.exact


def test_the_searcher_of_a_version_finds_its_passages(model_dir, corpus):
  fake_run.refresh(model_dir)
  version = open_version(model_dir, corpus)
  queries = expected_embeddings(corpus, 100)[:9]

  _, rows, valid = version.load_searcher().search(tf.constant(queries), 5)

  _, want = search_recall.exact_search(version.load_embeddings(), queries, 5)
  np.testing.assert_array_equal(rows, want)
  assert np.all(valid)


def test_a_tree_is_measured_with_queries(tmp_path, corpus):
  model_dir = fake_run.write_run(
    tmp_path / "tree", corpus, exact_search_below=1, index_dtype="float32"
  )
  fake_run.write_export(model_dir, 100)
  fake_run.refresh(model_dir, overrides={"leaves_to_search": 8})

  version = open_version(model_dir, corpus)
  assert version.manifest.searcher.num_leaves == 8
  assert version.manifest.recall == 1.0
  assert version.load_embeddings()[0].dtype == np.float32


def test_only_what_design_names_is_left_in_the_folder(model_dir):
  fake_run.refresh(model_dir)
  names = {p.name for p in pathlib.Path(model_dir, "index", "100").iterdir()}
  assert names == {
    *(index_version.shard_name(i, 3) for i in range(3)),
    "searcher",
    "manifest.json",
  }


def test_the_newest_export_is_taken_and_a_version_is_built_once(model_dir):
  fake_run.write_export(model_dir, 200)
  lines = []
  assert fake_run.refresh(model_dir, lines.append) == 0
  assert index_store.IndexStore(model_dir).versions() == [200]
  assert sum("published" in line for line in lines) == 1

  lines.clear()
  assert fake_run.refresh(model_dir, lines.append) == 0
  assert len(lines) == 1
  assert "is there" in lines[0]

  assert fake_run.refresh(model_dir, step=100) == 0
  assert index_store.IndexStore(model_dir).versions() == [100, 200]


def test_what_comes_next_can_be_pasted(model_dir, corpus, capsys):
  assert refresh_job.run(follow.RefreshOptions(model_dir=model_dir), []) == 0
  flags = suggested.check(capsys.readouterr().out, "finetune")
  assert {f"--corpus={corpus.path}", f"--init={model_dir}"} <= {*flags}


def test_a_trainers_cluster_is_none_of_the_jobs(model_dir, corpus, monkeypatch):
  # Estimator would ask the second worker, which is not there, to work.
  cluster = {"worker": ["localhost:1", "localhost:2"]}
  task = {"type": "worker", "index": 1}
  monkeypatch.setenv(
    "TF_CONFIG", json.dumps({"cluster": cluster, "task": task})
  )
  assert refresh_job.run(follow.RefreshOptions(model_dir=model_dir), []) == 0
  assert "TF_CONFIG" not in os.environ
  open_version(model_dir, corpus)


def test_each_worker_has_a_tpu_of_its_own(model_dir):
  with pytest.raises(errors.UserError, match="num_workers=2, but tpu=a,b,c"):
    fake_run.refresh(
      model_dir, tpus=["a", "b", "c"], overrides={"num_index_workers": 2}
    )


def test_the_workers_of_a_job_get_their_tpus(model_dir, tmp_path):
  script = f'echo "$*" > {tmp_path}/$$.flags'
  options = follow.RefreshOptions(model_dir=model_dir, tpus=["a", "b"])
  refresh_job.run(options, ["sh", "-c", script, "worker"])
  flags = {path.read_text() for path in tmp_path.glob("*.flags")}
  assert flags == {f"--num_workers=1 --tpu={name}\n" for name in "ab"}


def test_finished_shards_are_kept_and_leftovers_removed(model_dir, corpus):
  fake_run.refresh(model_dir)
  folder = pathlib.Path(model_dir, "index", "100")
  kept = folder / index_version.shard_name(0, 3)
  before = kept.stat()
  # What a process leaves that is killed while it publishes.
  (folder / "manifest.json").unlink()
  (folder / index_version.shard_name(1, 3)).unlink()
  (folder / "embeddings-00001-of-00003.npy.123.tmp").write_bytes(b"half")

  lines = []
  fake_run.refresh(model_dir, lines.append)

  after = kept.stat()
  assert (before.st_ino, before.st_mtime_ns) == (
    after.st_ino,
    after.st_mtime_ns,
  )
  assert [line.split(",")[0] for line in lines[:-1]] == [
    "index 100: shard 2 of 3"
  ]
  open_version(model_dir, corpus)
  assert not list(folder.glob("*.tmp"))


def test_two_jobs_at_once_publish_once(model_dir, corpus):
  jobs = [
    forked_commands.Started("refresh_index", [f"--model_dir={model_dir}"])
    for _ in range(2)
  ]
  lines = [line for job in jobs for line in job.lines()]

  assert [job.wait() for job in jobs] == [0, 0]
  assert sum(" published: " in line for line in lines) == 1
  finished = [line.split(",")[0] for line in lines if ": shard " in line]
  assert sorted(finished) == [f"index 100: shard {i} of 3" for i in (1, 2, 3)]
  open_version(model_dir, corpus)


def test_values_that_are_not_finite_name_shard_and_step(model_dir):
  fake_run.write_export(model_dir, 300, finite=False)
  with pytest.raises(errors.UserError, match="step 300 .* shard 0"):
    fake_run.refresh(model_dir)
  assert index_store.IndexStore(model_dir).versions() == []


def test_another_corpus_is_refused(model_dir, tmp_path):
  other = fake_run.write_corpus(tmp_path / "other", seed=1)
  with pytest.raises(errors.UserError, match="corpus=.*other .*fingerprint"):
    fake_run.refresh(model_dir, corpus=other.path)


def test_a_version_of_another_corpus_is_refused(model_dir, corpus):
  fake_run.refresh(model_dir)
  path = pathlib.Path(model_dir, "index", "100", "manifest.json")
  manifest = json.loads(path.read_text())
  path.write_text(json.dumps({**manifest, "corpus_fingerprint": "other"}))
  with pytest.raises(errors.UserError, match="index of another corpus"):
    fake_run.refresh(model_dir)


def test_a_folder_begun_with_another_corpus_is_refused(model_dir, corpus):
  folder = pathlib.Path(model_dir, "index", "100")
  fake_run.refresh(model_dir, overrides={"index_dtype": "float32"})
  (folder / "manifest.json").unlink()
  (folder / ".order.json").write_text("{}")
  with pytest.raises(errors.UserError, match="was begun as"):
    fake_run.refresh(model_dir)


def test_too_little_room_is_said_beforehand(model_dir, monkeypatch):
  usage = shutil.disk_usage(model_dir)
  monkeypatch.setattr(
    shutil, "disk_usage", lambda path: usage._replace(free=1000)
  )
  with pytest.raises(errors.UserError, match="index/100 has 1000 bytes free"):
    fake_run.refresh(model_dir)
  assert not list(pathlib.Path(model_dir, "index").rglob("*.npy"))


def _disk_full(*args, **kwargs):
  raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _tensorflow_disk_full(module, path, *args, **kwargs):
  os.makedirs(path)
  pathlib.Path(path, "half").write_text("half")
  raise tf.errors.ResourceExhaustedError(
    None, None, f"{path}; No space left on device"
  )


@pytest.mark.parametrize(
  "owner, name, failure",
  [(os, "fsync", _disk_full), (tf.saved_model, "save", _tensorflow_disk_full)],
  ids=["embeddings", "searcher"],
)
def test_a_disk_that_fills_up_publishes_nothing(
  model_dir, corpus, monkeypatch, owner, name, failure
):
  with monkeypatch.context() as patch:
    patch.setattr(owner, name, failure)
    with pytest.raises(errors.UserError, match=r"index/100 is full; .* bytes"):
      fake_run.refresh(model_dir)
  index = pathlib.Path(model_dir, "index", "100")
  assert index_store.IndexStore(model_dir).versions() == []
  assert not (index / "searcher").exists()
  assert not list(index.glob("*.tmp"))

  assert fake_run.refresh(model_dir) == 0  # With room again.
  open_version(model_dir, corpus)


_TRAINER = """
import sys
from realm_tf.runs import run_state
with run_state.RunState(sys.argv[1]).hold():
  print("training", flush=True)
  sys.stdin.readline()
"""


def start_trainer(model_dir):
  trainer = subprocess.Popen(
    [sys.executable, "-c", _TRAINER, model_dir],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    text=True,
  )
  assert trainer.stdout.readline() == "training\n"
  return trainer


def test_watching_ends_when_the_trainer_is_killed(model_dir):
  trainer = start_trainer(model_dir)
  lines, published = [], threading.Event()

  def report(line):
    lines.append(line)
    if "published" in line:
      trainer.kill()
      trainer.wait()
      published.set()

  assert fake_run.refresh(model_dir, report, watch=True) == 1
  assert published.is_set()
  assert "failed or was killed" in lines[-1]


def test_watching_follows_a_run_to_its_last_export(model_dir):
  trainer = start_trainer(model_dir)
  store = index_store.IndexStore(model_dir)

  def report(line):
    if "index 100 published" in line:
      fake_run.write_export(model_dir, 150)
      fake_run.write_export(model_dir, 200)
      trainer.communicate("end\n")

  assert fake_run.refresh(model_dir, report, watch=True) == 0
  # 150 was overtaken before anybody took it.
  assert store.versions() == [100, 200]
  assert not run_state.RunState(model_dir).refresher_is_alive()


def test_a_version_nobody_waits_for_is_not_finished(model_dir):
  trainer = start_trainer(model_dir)

  def report(line):
    if "shard 1 of 3" in line:
      trainer.kill()
      trainer.wait()

  assert fake_run.refresh(model_dir, report, watch=True) == 1
  assert index_store.IndexStore(model_dir).versions() == []


def test_a_version_of_an_export_that_was_replaced_is_built_anew(
  model_dir, corpus
):
  """A resumed run exports step 100 again, with other weights."""
  fake_run.refresh(model_dir)
  store = index_store.IndexStore(model_dir)
  old = open_version(model_dir, corpus).manifest.files
  fake_run.write_export(model_dir, 100, weights_of=7, export_id="again")
  assert not store.is_usable(100)
  assert fake_run.refresh(model_dir) == 0
  assert store.is_usable(100)
  new = open_version(model_dir, corpus)
  assert new.manifest.files.keys() == old.keys()
  np.testing.assert_allclose(
    np.concatenate(new.load_embeddings()),
    expected_embeddings(corpus, 7),
    rtol=2e-3,
  )


def test_an_export_that_is_replaced_meanwhile_leaves_no_mixture(
  model_dir, corpus
):
  """The old embedder's job finds its folder begun anew, and gives it up."""
  reported = []
  other = threading.Thread(target=fake_run.refresh, args=[model_dir])
  order = pathlib.Path(model_dir, "index", "100", ".order.json")

  def replace(line):
    reported.append(line)
    if len(reported) == 1:  # One shard is done.
      fake_run.write_export(model_dir, 100, weights_of=7, export_id="again")
      other.start()
      while exports.id_of(str(order)) != "again":
        other.join(0.05)
        assert other.is_alive()

  fake_run.refresh(model_dir, replace)
  other.join()
  assert len(reported) == 1
  version = open_version(model_dir, corpus)
  assert version.manifest.export_id == "again"
  np.testing.assert_allclose(
    np.concatenate(version.load_embeddings()),
    expected_embeddings(corpus, 7),
    rtol=2e-3,
  )


def test_out_of_memory_is_not_a_full_disk(model_dir, monkeypatch):
  def out_of_memory(*args, **kwargs):
    raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating")

  monkeypatch.setattr(
    index_builder.index_version, "write_embeddings", out_of_memory
  )
  with pytest.raises(tf.errors.ResourceExhaustedError, match="OOM"):
    fake_run.refresh(model_dir)


def test_watching_may_start_before_the_run_and_before_it_is_resumed(
  tmp_path, corpus
):
  path = tmp_path / "run"
  state = run_state.RunState(str(path))
  with pytest.raises(ZeroDivisionError), state.hold():
    raise ZeroDivisionError  # It failed once, before it wrote its config.
  ended = threading.Event()

  def train():
    with state.hold():
      fake_run.write_run(path, corpus)
      fake_run.write_export(str(path), 100)
      ended.wait(60)

  def report(line):
    if "published" in line:
      ended.set()

  trainer = threading.Timer(1, train)
  trainer.start()
  assert fake_run.refresh(str(path), report, watch=True) == 0
  trainer.join()
  assert index_store.IndexStore(str(path)).versions() == [100]


def test_settings_of_a_tree_are_refused_where_there_is_none(model_dir):
  with pytest.raises(errors.UserError, match="num_leaves=3 is of a tree"):
    fake_run.refresh(model_dir, overrides={"num_leaves": 3})
  assert fake_run.refresh(model_dir, overrides={"num_leaves": 0}) == 0
