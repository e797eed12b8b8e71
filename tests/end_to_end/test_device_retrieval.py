"""`pretrain --retrieval=device`, whole runs in this process."""

import numpy as np
import pytest

from realm_tf import errors
from realm_tf.configs import loading
from realm_tf.training.recipes import device_hook
from realm_tf.training.recipes import pretraining
from tests.end_to_end import tiny_runs

_STEPS = 6
_KILLED_BEFORE = 5  # counted from 0; the last checkpoint is of 3 steps


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
  folder = tmp_path_factory.mktemp("device") / "corpus"
  return tiny_runs.build_corpus(folder, tiny_runs.articles(40))


def pretrain(corpus, name, retrieval):
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
    },
  )
  return pretraining.run(
    config,
    refresh_mode="off",
    retrieval=retrieval,
    corpus=str(corpus),
    pretrain_corpus="",
    init_checkpoint="",
    model_dir=str(corpus.parent / name),
    tpu="",
  )


def test_a_run_that_was_killed_has_the_losses_of_the_host(
  corpus, capsys, monkeypatch
):
  before_step = device_hook.DeviceHook.before_step

  def die(self, step, feed):
    if step == _KILLED_BEFORE:
      raise KeyboardInterrupt
    before_step(self, step, feed)

  monkeypatch.setattr(device_hook.DeviceHook, "before_step", die)
  with pytest.raises(KeyboardInterrupt):
    pretrain(corpus, "device", "device")
  died = tiny_runs.scalars(corpus.parent / "device", "train")["loss"]
  monkeypatch.undo()
  done = pretrain(corpus, "device", "device")
  out = capsys.readouterr().out
  assert "  index      " in out and " MB a replica: vectors " in out
  assert done.result.step == _STEPS
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


def test_other_places_are_refused(corpus):
  with pytest.raises(errors.UserError, match="retrieval=cloud must be one of"):
    pretrain(corpus, "none", "cloud")
