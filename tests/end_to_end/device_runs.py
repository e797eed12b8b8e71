"""Small runs of `pretrain --retrieval=device`, in this process."""

from realm_tf.configs import loading
from realm_tf.training.recipes import pretraining
from tests.end_to_end import tiny_runs

STEPS = 6
KILLED_BEFORE = 5  # counted from 0; the last checkpoint is of 3 steps


def pretrain(corpus, name, retrieval, refresh_mode="off", **changes):
  """Trains a run beside its corpus, and returns it."""
  config = loading.load(
    "pretrain",
    "tiny",
    tiny_runs.MODEL
    | {
      "train_steps": STEPS,
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
