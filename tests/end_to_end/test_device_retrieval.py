"""`pretrain --retrieval=device`, whole runs in this process."""

import signal
import threading

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import errors
from realm_tf.answering.retrievers import dense
from realm_tf.demo import report
from realm_tf.export import embedder_export
from realm_tf.index.job import corpus_index
from realm_tf.index.search import exact
from realm_tf.index.versions import index_store
from realm_tf.runs import exports
from realm_tf.runs import run_config
from realm_tf.training.recipes import device_hook
from realm_tf.training.recipes import inline_hook
from realm_tf.training.tasks import device_task
from tests import programs
from tests.end_to_end import device_runs
from tests.end_to_end import tiny_runs

# Replicas wait for each other: on a busy machine this takes minutes.
_LONGEST_SECS = 600


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
  folder = tmp_path_factory.mktemp("device") / "corpus"
  return tiny_runs.build_corpus(folder, tiny_runs.articles(40))


def killed(corpus, name, *args, monkeypatch, hook, **changes):
  """Trains until the run is killed; returns its losses."""
  before_step = hook.before_step

  def die(self, step, feed):
    if step == device_runs.KILLED_BEFORE:
      raise KeyboardInterrupt
    before_step(self, step, feed)

  with monkeypatch.context() as patch:
    patch.setattr(hook, "before_step", die)
    with pytest.raises(KeyboardInterrupt):
      device_runs.pretrain(corpus, name, *args, **changes)
  return tiny_runs.scalars(corpus.parent / name, "train")["loss"]


def test_a_run_that_was_killed_has_the_losses_of_the_host(
  corpus, capsys, monkeypatch
):
  died = killed(
    corpus,
    "device",
    "device",
    monkeypatch=monkeypatch,
    hook=device_hook.DeviceHook,
  )
  done = device_runs.pretrain(corpus, "device", "device")
  out = capsys.readouterr().out
  assert "  index      " in out and " MB a replica: vectors " in out
  assert done.result.step == device_runs.STEPS
  # As the demo shows its run.
  assert report.examples(done, 2).count("masked: ") == 2
  losses = tiny_runs.scalars(corpus.parent / "device", "train")["loss"]
  assert sorted(losses) == list(range(1, device_runs.STEPS + 1))
  assert losses[4] == pytest.approx(died[4], rel=1e-5)

  device_runs.pretrain(corpus, "host", "host")
  wanted = tiny_runs.scalars(corpus.parent / "host", "train")["loss"]
  np.testing.assert_allclose(
    [losses[step] for step in sorted(losses)],
    [wanted[step] for step in sorted(wanted)],
    rtol=1e-4,
  )


@pytest.mark.usefixtures("eagerly")
def test_inline_refresh_goes_on_exactly_after_a_kill(corpus, monkeypatch):
  changes = {"export_every_steps": 4, "learning_rate": 1e-2}
  died = killed(
    corpus,
    "inline",
    "device",
    "inline",
    monkeypatch=monkeypatch,
    hook=inline_hook.InlineHook,
    **changes,
  )
  again = device_runs.pretrain(corpus, "inline", "device", "inline", **changes)
  whole = device_runs.pretrain(corpus, "whole", "device", "inline", **changes)
  losses, wanted = (
    tiny_runs.scalars(corpus.parent / name, "train")["loss"]
    for name in ("inline", "whole")
  )
  assert losses == pytest.approx(wanted, rel=1e-4)
  assert {s: losses[s] for s in (4, 5)} == pytest.approx(
    {s: died[s] for s in (4, 5)}, rel=1e-4
  )
  vectors = [done.task.index.vectors()[0] for done in (again, whole)]
  np.testing.assert_allclose(*vectors, rtol=1e-3, atol=1e-3)
  kept = sorted(
    p.name for p in (corpus.parent / "whole/inline_index").iterdir()
  )
  assert kept == ["vectors-3.npy", "vectors-6.npy"]


@pytest.mark.parametrize("replicas", [2])
def test_replicas_go_on_exactly_after_sigkill(corpus, replicas):
  module = "tests.end_to_end.inline_on_replicas"
  names = [f"{name}-{replicas}" for name in ("killed", "calm")]
  arguments = (str(replicas), str(corpus))
  died = programs.run(
    module, *arguments, "killed", names[0], timeout_secs=_LONGEST_SECS
  )
  assert died["status"] == -signal.SIGKILL, died["stderr"][-3000:]
  steps = tiny_runs.scalars(corpus.parent / names[0], "train")["loss"]
  assert device_runs.STEPS not in steps
  result = programs.result_of(
    module, *arguments, "to the end", *names, timeout_secs=_LONGEST_SECS
  )
  assert result["replicas"] == [replicas] * 2
  again, calm = (
    tiny_runs.scalars(corpus.parent / name, "train")["loss"] for name in names
  )
  assert sorted(calm) == list(range(1, device_runs.STEPS + 1))
  # Sums of floats have no fixed order.
  assert again == pytest.approx(calm, rel=1e-5)
  np.testing.assert_allclose(*result["vectors"], rtol=1e-3, atol=1e-3)


@pytest.mark.usefixtures("eagerly")
def test_a_round_gives_the_refreshers_version(corpus):
  done = device_runs.pretrain(
    corpus,
    "frozen",
    "device",
    "inline",
    export_every_steps=5,
    learning_rate=1e-20,
  )
  corpus_index.build(
    str(corpus.parent / "frozen"),
    done.task.retriever,
    run_config.read(str(corpus.parent / "frozen")).config,
    device_runs.STEPS,
    done.corpus,
  )
  store = index_store.IndexStore(str(corpus.parent / "frozen"))
  version = store.open(
    device_runs.STEPS, done.corpus.fingerprint, done.corpus.num_passages
  )
  np.testing.assert_allclose(
    done.task.index.vectors()[0],
    version.load_matrix(),
    atol=1e-4,
  )


@pytest.mark.usefixtures("eagerly")
def test_versions_of_a_refresher_are_read_beside_the_training(
  corpus, monkeypatch
):
  store = index_store.IndexStore(str(corpus.parent / "local"))
  taken = {}
  news = device_hook.DeviceHook.news
  before_step = device_hook.DeviceHook.before_step
  set_index = device_task.DeviceRealmTask.set_index

  def news_at_step_4(self, step, feed):
    found = None
    while step == 4 and found is None:
      threading.Event().wait(0.1)
      found = news(self, step, feed)
    return found

  def read_whole(self, step, feed):
    # A machine may be slow: training waits for the thread, and takes then.
    assert self.is_replacing(feed) == (step == 4)
    for thread in threading.enumerate():
      if thread.name == "read index 3":
        thread.join()
    before_step(self, step, feed)
    assert not self.is_replacing(feed)

  def record(self, index):
    set_index(self, index)
    assert threading.current_thread() is threading.main_thread()
    taken[index.version] = np.concatenate(self.index.vectors())

  monkeypatch.setattr(device_hook.DeviceHook, "news", news_at_step_4)
  monkeypatch.setattr(device_hook.DeviceHook, "before_step", read_whole)
  monkeypatch.setattr(device_task.DeviceRealmTask, "set_index", record)
  done = device_runs.pretrain(
    corpus,
    "local",
    "device",
    "local",
    export_every_steps=3,
    learning_rate=1e-2,
  )
  assert done.hook.versions_used == [0, 3, device_runs.STEPS]
  ages = tiny_runs.scalars(corpus.parent / "local", "train")["index_age_steps"]
  assert ages == {1: 1, 2: 2, 3: 3, 4: 4, 5: 2, 6: 3}
  for version, vectors in taken.items():
    opened = store.open(
      version, done.corpus.fingerprint, done.corpus.num_passages
    )
    np.testing.assert_array_equal(
      vectors, np.concatenate(opened.load_embeddings())
    )
  assert not np.allclose(taken[0], taken[3], atol=1e-3)
  # The query embedder is the version's, too.
  host = dense.DenseRetriever(
    embedder_export.QueryEmbedder(
      exports.path(str(corpus.parent / "local"), device_runs.STEPS)
    ),
    exact.ExactSearcher(tf.constant(taken[device_runs.STEPS])).search,
    done.corpus.tokenizer,
    tiny_runs.MODEL["query_length"],
  )
  texts = ["Ada Abel was born in Vienna", "the bridge of Hugo"]
  np.testing.assert_array_equal(
    done.task.retrieve_texts(texts, 3).rows, host.retrieve(texts, 3).rows
  )


def test_inline_refresh_on_the_host_is_refused(corpus):
  with pytest.raises(errors.UserError, match="refresh=inline is of retrieval"):
    device_runs.pretrain(corpus, "none", "host", "inline")


def test_other_places_are_refused(corpus):
  with pytest.raises(errors.UserError, match="retrieval=cloud must be one of"):
    device_runs.pretrain(corpus, "none", "cloud")
