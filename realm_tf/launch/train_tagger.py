r"""Trains a tagger of named entities, for salient span masking.

python -m realm_tf.launch.train_tagger --config=minilm --data=CONLL_FOLDER \
  --init_checkpoint=BERT --model_dir=MODEL_DIR
"""

from absl import flags

from realm_tf.launch import command
from realm_tf.launch import path_checks
from realm_tf.launch import run_flags

run_flags.define("train_tagger")
_DATA = flags.DEFINE_list(
  "data",
  None,
  "Folders or CoNLL files, separated by commas; a file's name says which split "
  "it is: train, valid (or dev), test.",
  required=True,
)
_VALID = flags.DEFINE_list(
  "valid",
  [],
  "Folders or files whose valid split decides which weights are best; empty "
  "for --data.",
)
_VOCAB = flags.DEFINE_string(
  "vocab",
  "",
  "A BERT vocabulary, where there is no --init_checkpoint that has one. One "
  "with capitals is cased.",
)
_REPAIR_LABELS = flags.DEFINE_bool(
  "repair_labels",
  False,
  "Take labels that do not follow their file's scheme as what they should be.",
)


def main() -> None:
  """Trains, reports and exports."""
  config = run_flags.config("train_tagger")
  path_checks.there("data", _DATA.value)
  path_checks.there("valid", _VALID.value)
  path_checks.vocabulary(_VOCAB.value)
  if run_flags.is_dry_run(config):
    return
  from realm_tf.training.recipes import tagger_training

  tagger_training.run(
    config,
    tagger_training.DataOptions(
      data=_DATA.value,
      valid=_VALID.value,
      repair_labels=_REPAIR_LABELS.value,
      vocab=_VOCAB.value,
    ),
    **run_flags.where(),
  )


if __name__ == "__main__":
  command.run(main)
