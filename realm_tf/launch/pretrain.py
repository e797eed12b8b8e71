r"""Pre-trains REALM: retriever and reader together, the index rebuilt beside.

python -m realm_tf.launch.pretrain --config=mini --corpus=CORPUS \
  --init_checkpoint=BERT,ICT_DIR --model_dir=MODEL_DIR

BERT, the run or the public weights that ICT started from, gives the reader;
ICT_DIR the retriever. A part that no source has starts from random weights.
"""

from absl import flags

from realm_tf.launch import command
from realm_tf.launch import question_flags
from realm_tf.launch import run_flags
from realm_tf.plans import refresh_modes

run_flags.define("pretrain")
_REFRESH = flags.DEFINE_enum(
  "refresh",
  "local",
  ["local", "external", "off", "inline"],
  "'local' starts a refresher on this machine, 'external' relies on "
  "refresh_index --watch running elsewhere, 'off' freezes the first index, "
  "'inline' has each step embed some passages, with --retrieval=device.",
)
_RETRIEVAL = flags.DEFINE_enum(
  "retrieval",
  "host",
  ["host", "device"],
  "Where queries are embedded and the index is searched: 'host', in the "
  "input pipeline, or 'device', inside of the training step, by the replicas "
  "that hold the index.",
)
_QUESTIONS = flags.DEFINE_string(
  "questions",
  "",
  "A dataset whose dev questions' zero-shot recall each evaluation measures: "
  f"{question_flags.DATASETS}.",
)


def main() -> None:
  """Trains, and names the next command."""
  config = run_flags.config("pretrain")
  question_flags.check_paths("dev", questions=_QUESTIONS.value)
  refresh_modes.check_retrieval(_REFRESH.value, _RETRIEVAL.value)
  if run_flags.is_dry_run(
    config, retrieval=_RETRIEVAL.value, refresh=_REFRESH.value
  ):
    return
  from realm_tf.training.recipes import pretraining

  pretraining.run(
    config,
    refresh_mode=_REFRESH.value,
    retrieval=_RETRIEVAL.value,
    questions=_QUESTIONS.value,
    **question_flags.where(),
    **run_flags.where(),
  )


if __name__ == "__main__":
  command.run(main)
