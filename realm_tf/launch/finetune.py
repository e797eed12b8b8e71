r"""Fine-tunes retriever and reader on open-domain questions, as ORQA does.

python -m realm_tf.launch.finetune --config=mini --dataset=nq_open \
  --corpus=CORPUS --init=PRETRAIN_DIR --model_dir=MODEL_DIR

The index of --init is not changed; where it has none, as a run of
pretrain_ict, the corpus is embedded first. Trained are the query side of the
retriever and the reader; with --config.train_passage_tower the passage side,
too, and the run has an index of its own, which follows as --refresh says.
"""

from absl import flags

from realm_tf.launch import command
from realm_tf.launch import path_checks
from realm_tf.launch import question_flags
from realm_tf.launch import run_flags
from realm_tf.plans import refresh_modes

run_flags.define("finetune")
_DATASET = flags.DEFINE_string(
  "dataset",
  None,
  f"What is trained on: {question_flags.DATASETS}.",
  required=True,
)
_DEV_DATASET = flags.DEFINE_string(
  "dev_dataset",
  "",
  "What is held out, if it is not --dataset's own dev split. Without it, a "
  "single file is split by ORQA's hash of the question.",
)
_INIT = flags.DEFINE_string(
  "init",
  "",
  "The run of pretrain or pretrain_ict to start from, or a public sentence "
  "encoder: what import_checkpoint made of it, or its own folder.",
)
_INIT_RETRIEVER = flags.DEFINE_string(
  "init_retriever",
  "",
  "Another run for the retriever and its index, or a sentence encoder.",
)
_INIT_READER = flags.DEFINE_string(
  "init_reader",
  "",
  "Another run for the reader's encoder, or public BERT weights; with a run of "
  "pretrain_ict as --init_retriever, ORQA's baseline.",
)
_REBUILD_INDEX = flags.DEFINE_bool(
  "rebuild_index", False, "Embed --corpus, even if there is an index."
)
_REFRESH = flags.DEFINE_enum(
  "refresh",
  "off",
  ["local", "external", "off"],
  "With --config.train_passage_tower: 'local' starts a refresher on this "
  "machine, 'external' relies on refresh_index --watch running elsewhere, "
  "'off' keeps the first index until the last step, and builds that one's.",
)


def main() -> None:
  """Fine-tunes, and names the next command."""
  config = run_flags.config("finetune")
  question_flags.check_paths("train", dataset=_DATASET.value)
  if _DEV_DATASET.value:
    question_flags.check_paths("dev", dev_dataset=_DEV_DATASET.value)
  else:
    question_flags.check_paths("dev", dataset=_DATASET.value)
  if not run_flags.is_resumed():
    path_checks.weights("init", _INIT.value)
    path_checks.weights("init_retriever", _INIT_RETRIEVER.value)
    path_checks.weights("init_reader", _INIT_READER.value)
  refresh_modes.check_finetuning(_REFRESH.value, config)
  if run_flags.is_dry_run(config, refresh=_REFRESH.value):
    return
  from realm_tf.training.recipes import finetuning

  finetuning.run(
    config,
    dataset=_DATASET.value,
    dev_dataset=_DEV_DATASET.value,
    init=_INIT.value,
    init_retriever=_INIT_RETRIEVER.value,
    init_reader=_INIT_READER.value,
    rebuild_index=_REBUILD_INDEX.value,
    refresh_mode=_REFRESH.value,
    **question_flags.where(),
    **run_flags.where(),
  )


if __name__ == "__main__":
  command.run(main)
