r"""Exports a run as one SavedModel, from raw question to answer with evidence.

python -m realm_tf.launch.export --model_dir=runs/qa --output=exports/qa

Writes OUTPUT/VERSION in TensorFlow Serving's layout; docs/serving.md has the
signatures. A run of finetune answers questions, one of pretrain fills masks.
"""

from absl import flags

from realm_tf.launch import command
from realm_tf.launch import dry_run
from realm_tf.launch import path_checks
from realm_tf.launch import verify_flag

_MODEL_DIR = flags.DEFINE_string(
  "model_dir", None, "A run of finetune or pretrain.", required=True
)
_OUTPUT = flags.DEFINE_string(
  "output",
  None,
  "Folder of the served model's versions; each export adds one.",
  required=True,
)
_SEARCHER = flags.DEFINE_enum(
  "searcher",
  "",
  ["", "exact", "partitioned", "scann"],
  "What searches the index: `exact` and `partitioned` run in a stock "
  "TensorFlow Serving, `scann` in one that has ScaNN's ops. By default exact "
  "for small corpora, else partitioned.",
)
_PASSAGES = flags.DEFINE_enum(
  "passages",
  "text",
  ["text", "ids"],
  "Whether answers come with title, text and metadata of passages, or ids "
  "alone.",
)
_NUM_ANSWERS = flags.DEFINE_integer(
  "num_answers",
  5,
  "Answers a question, best first; tokens a mask.",
  lower_bound=1,
  upper_bound=100,
)
_WEIGHTS = flags.DEFINE_enum(
  "weights",
  "float32",
  ["float32", "bfloat16", "int8"],
  "How weights of the encoders are stored, on disk and in memory: `bfloat16` "
  "takes half of `float32`, `int8` a quarter. Both are made float32 again when "
  "a request is computed.",
)
_PRECISION = flags.DEFINE_enum(
  "precision",
  "float32",
  ["float32", "bfloat16"],
  "What the encoders compute in, whatever the run was trained in: `bfloat16` "
  "is for servers on GPUs.",
)
_VERSION = flags.DEFINE_integer(
  "version",
  0,
  "Number of the version; 0 for the one after the newest in --output.",
  lower_bound=0,
)
_CORPUS = flags.DEFINE_string(
  "corpus",
  "",
  "Folder of the knowledge corpus: by default the run's; or what edit_corpus "
  "made of it for this run.",
)
_RETRIEVER = flags.DEFINE_enum(
  "retriever",
  None,
  ["dense", "bm25", "hybrid"],
  "What finds passages: the run's own towers, BM25, or both. By default what "
  "the run was trained with.",
)
_HYBRID_WEIGHT = flags.DEFINE_float(
  "hybrid_weight",
  None,
  "With --retriever=hybrid, the weight of the run's own retriever; BM25 has "
  "the rest. By default what `evaluate` has chosen on dev questions, else 0.5.",
  lower_bound=0.0,
  upper_bound=1.0,
)
verify_flag.define()


def main() -> None:
  """Exports the run that the flags name."""
  verify_flag.apply()
  path_checks.run(_MODEL_DIR.value)
  path_checks.corpus(_CORPUS.value)
  path_checks.output(_OUTPUT.value)
  if dry_run.shown(writes=[_OUTPUT.value]):
    return
  from realm_tf.serving.export import export_run

  export_run.run(
    export_run.ExportOptions(
      model_dir=_MODEL_DIR.value,
      output=_OUTPUT.value,
      searcher=_SEARCHER.value,
      passages=_PASSAGES.value,
      num_answers=_NUM_ANSWERS.value,
      weights=_WEIGHTS.value,
      precision=_PRECISION.value,
      version=_VERSION.value,
      corpus=_CORPUS.value,
      retriever=_RETRIEVER.value or "",
      hybrid_weight=_HYBRID_WEIGHT.value,
    )
  )


if __name__ == "__main__":
  command.run(main)
