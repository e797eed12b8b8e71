r"""Imports public BERT weights into a folder that --init_checkpoint takes.

python -m realm_tf.launch.import_checkpoint --source=minilm \
  --output=runs/minilm

The training commands' --init_checkpoint reads the same formats itself; this
command shows what a source holds, compares it with its own program where that
can be run, and leaves its vocabulary for build_corpus. A sentence encoder
becomes a run, which refresh_index, evaluate --retrieval_only and finetune take
without any training. A whole fine-tuned REALM becomes a run of finetune, whose
index has the vectors that came with it.
"""

import dataclasses

from absl import flags

from realm_tf import environment
from realm_tf.configs import schema
from realm_tf.launch import command
from realm_tf.launch import dry_run
from realm_tf.launch import path_checks
from realm_tf.launch import run_flags

_SOURCE = flags.DEFINE_string(
  "source",
  None,
  "A folder of sentence-transformers or of Hugging Face, a BERT checkpoint of "
  "Google's (TensorFlow 1) or of Model Garden's (TensorFlow 2), its folder or "
  "its prefix, a module of TF Hub's, or a folder of Google's REALM or ORQA.",
  required=True,
)
_OUTPUT = flags.DEFINE_string(
  "output", None, "Folder to write to; a new one.", required=True
)
_PEER_PYTHON = flags.DEFINE_string(
  "peer_python",
  "",
  "A Python that has torch and transformers, or sentence-transformers, to "
  "compare a folder of these with.",
)
_CORPUS = flags.DEFINE_string(
  "corpus",
  "",
  "Folder of the corpus for whose passages --config.projection_size reduces a "
  "sentence encoder's dimensions, and which it then searches by default; of a "
  "whole fine-tuned REALM, or an embedder with vectors, of its passages.",
)
_PASSAGE_TOWER = flags.DEFINE_string(
  "passage_tower",
  "",
  "Folder of the embedder that a whole fine-tuned REALM was fine-tuned from, "
  "which embeds passages.",
)
# What a sentence encoder's run may choose; the source says the rest.
_FIELDS = (
  "pooling",
  "normalization",
  "projection_size",
  "query_prompt",
  "passage_prompt",
  "score_scale",
  "query_length",
  "passage_length",
  "precision",
  "export_precision",
  "seed",
  *(field.name for field in dataclasses.fields(schema.IndexConfig)),
)
run_flags.define_fields(schema.ImportedConfig, _FIELDS)


def main() -> None:
  """Imports the weights that the flags name."""
  path_checks.weights("source", _SOURCE.value)
  path_checks.output(_OUTPUT.value, new=True)
  path_checks.corpus(_CORPUS.value)
  path_checks.weights("passage_tower", _PASSAGE_TOWER.value)
  if dry_run.shown(writes=[_OUTPUT.value]):
    return
  overrides = run_flags.given_fields(_FIELDS)
  if "projection_size" not in overrides:  # No corpus is embedded.
    environment.give_memory_back()
  from realm_tf.training.recipes import importing

  importing.run(
    _SOURCE.value,
    _OUTPUT.value,
    _PEER_PYTHON.value,
    _CORPUS.value,
    overrides,
    _PASSAGE_TOWER.value,
  )


if __name__ == "__main__":
  command.run(main)
