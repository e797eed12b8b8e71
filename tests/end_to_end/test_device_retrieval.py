"""`pretrain --retrieval=device`, whole runs in this process."""

import numpy as np
import pytest

from realm_tf import errors
from realm_tf.configs import loading
from realm_tf.demo import report
from realm_tf.index.job import corpus_index
from realm_tf.index.versions import index_store
from realm_tf.runs import run_config
from realm_tf.training.recipes import device_hook
from realm_tf.training.recipes import inline_hook
from realm_tf.training.recipes import pretraining
from tests.end_to_end import tiny_runs

_STEPS = 6
_KILLED_BEFORE = 5  # counted from 0; the last checkpoint is of 3 steps


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
  folder = tmp_path_factory.mktemp("device") / "corpus"
  return tiny_runs.build_corpus(folder, tiny_runs.articles(40))


def pretrain(corpus, name, retrieval, refresh_mode="off", **changes):
  config = loading.load(
    "pretrain",
    "tiny",
    tiny_runs.MODEL
    | {
      "train_steps": _STEPS,
      "checkpoint_every_steps": 3,
      "index_dtype": "float32",
      "device_vectors": "float32",
      # Random towers give nearly equal vectors: no ties by chance.
      "seed": 3,
    }
    | changes,
  )
  return pretraining.run(
    config,
    refresh_mode=refresh_mode,
    retrieval=retrieval,
    corpus=str(corpus),
    pretrain_corpus="",
    init_checkpoint="",
    model_dir=str(corpus.parent / name),
    tpu="",
  )


def killed(corpus, name, *args, monkeypatch, hook, **changes):
  """Trains until the run is killed; returns its losses."""
  before_step = hook.before_step

  def die(self, step, feed):
    if step == _KILLED_BEFORE:
      raise KeyboardInterrupt
    before_step(self, step, feed)

  with monkeypatch.context() as patch:
    patch.setattr(hook, "before_step", die)
    with pytest.raises(KeyboardInterrupt):
      pretrain(corpus, name, *args, **changes)
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
  done = pretrain(corpus, "device", "device")
  out = capsys.readouterr().out
  assert "  index      " in out and " MB a replica: vectors " in out
  assert done.result.step == _STEPS
  # As the demo shows its run.
  assert report.examples(done, 2).count("masked: ") == 2
  losses = tiny_runs.scalars(corpus.parent / "device", "train")["loss"]
  assert sorted(losses) == list(range(1, _STEPS + 1))
  assert losses[4] == pytest.approx(died[4], rel=1e-5)

  pretrain(corpus, "host", "host")
  wanted = tiny_runs.scalars(corpus.parent / "host", "train")["loss"]
  np.testing.assert_allclose(
    [losses[step] for step in sorted(losses)],
    [wanted[step] for step in sorted(wanted)],
    rtol=1e-4,
  )


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
  again = pretrain(corpus, "inline", "device", "inline", **changes)
  whole = pretrain(corpus, "whole", "device", "inline", **changes)
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


def test_a_round_gives_the_refreshers_version(corpus):
  done = pretrain(
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
    _STEPS,
    done.corpus,
  )
  store = index_store.IndexStore(str(corpus.parent / "frozen"))
  version = store.open(
    _STEPS, done.corpus.fingerprint, done.corpus.num_passages
  )
  np.testing.assert_allclose(
    done.task.index.vectors()[0],
    np.concatenate(version.load_embeddings()),
    atol=1e-4,
  )


def test_inline_refresh_on_the_host_is_refused(corpus):
  with pytest.raises(errors.UserError, match="refresh=inline is of retrieval"):
    pretrain(corpus, "none", "host", "inline")


def test_other_places_are_refused(corpus):
  with pytest.raises(errors.UserError, match="retrieval=cloud must be one of"):
    pretrain(corpus, "none", "cloud")
