r"""Imports public BERT weights into a folder that --init_checkpoint takes.

python -m realm_tf.launch.import_checkpoint --source=minilm \
  --output=runs/minilm

The training commands' --init_checkpoint reads the same formats itself; this
command shows what a source holds, compares it with its own program where that
can be run, and leaves its vocabulary for build_corpus.
"""

from absl import flags

from realm_tf.launch import command
from realm_tf.launch import path_checks

_SOURCE = flags.DEFINE_string(
  "source",
  None,
  "A Hugging Face folder, a BERT checkpoint of Google's (TensorFlow 1) or of "
  "Model Garden's (TensorFlow 2), its folder or its prefix, or a SavedModel of "
  "TF Hub's.",
  required=True,
)
_OUTPUT = flags.DEFINE_string(
  "output", None, "Folder to write to; a new one.", required=True
)
_PEER_PYTHON = flags.DEFINE_string(
  "peer_python",
  "",
  "A Python that has torch and transformers, to compare a Hugging Face folder "
  "with.",
)


def main() -> None:
  """Imports the weights that the flags name."""
  path_checks.weights("source", _SOURCE.value)
  path_checks.output(_OUTPUT.value, new=True)
  from realm_tf.checkpoints import importing

  importing.run(_SOURCE.value, _OUTPUT.value, _PEER_PYTHON.value)


if __name__ == "__main__":
  command.run(main)
