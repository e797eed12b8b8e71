r"""Asks a run questions, or scores answers: exact match, F1, recall@k.

python -m realm_tf.launch.evaluate --dataset=nq_open --split=test \
  --model_dir=MODEL_DIR --retriever=dense,bm25,none

python -m realm_tf.launch.evaluate --dataset=nq_open --split=test \
  --predictions=predictions.jsonl --output=runs/evaluation
"""

from absl import flags

from realm_tf import environment
from realm_tf.evaluation import evaluation_options
from realm_tf.launch import command
from realm_tf.launch import path_checks
from realm_tf.launch import question_flags
from realm_tf.launch import verify_flag

_MODEL_DIR = flags.DEFINE_string(
  "model_dir",
  "",
  "The run that is asked: of finetune; with --retrieval_only, of pretrain or "
  "pretrain_ict too.",
)
_PREDICTIONS = flags.DEFINE_string(
  "predictions",
  "",
  "Instead of --model_dir: JSONL of answers to score, ours or ORQA's.",
)
_DATASET = flags.DEFINE_string(
  "dataset", None, f"What is asked: {question_flags.DATASETS}.", required=True
)
_SPLIT = flags.DEFINE_enum(
  "split", "test", ["train", "dev", "test"], "Which of its questions."
)
_ANSWER_TYPE = flags.DEFINE_enum(
  "answer_type",
  None,
  ["string", "regex"],
  "What the answers of a JSONL file are where its lines do not say.",
)
_CORPUS = flags.DEFINE_string(
  "corpus",
  "",
  "Folder of the knowledge corpus; by default the run's. With --predictions, "
  "the corpus that was retrieved from; empty to leave retrieval unjudged.",
)
_RETRIEVER = flags.DEFINE_list(
  "retriever",
  None,
  "What finds passages: dense (the run's own, the default), bm25, none (closed "
  "book). Several: separate them by commas.",
)
_RETRIEVAL_ONLY = flags.DEFINE_bool(
  "retrieval_only", False, "Read nothing: recall@k alone."
)
_RECALL_BEAM = flags.DEFINE_integer(
  "recall_beam",
  None,
  "Passages a question that recall is measured on; by default 100.",
  lower_bound=1,
)
_READER_BEAM = flags.DEFINE_integer(
  "reader_beam",
  None,
  "Passages a question that are read; by default the run's. With "
  "--predictions, how many were read, by default 5.",
  lower_bound=1,
)
_LIMIT = flags.DEFINE_integer(
  "limit", 0, "Ask so many questions, the first; 0 for all.", lower_bound=0
)
_OUTPUT = flags.DEFINE_string(
  "output",
  "",
  "Folder for answers, summary, outcomes and report; by default below "
  "--model_dir, with --predictions none.",
)
_SEED = flags.DEFINE_integer(
  "seed", 0, "Of F1's intervals and of the examples shown.", lower_bound=0
)
_TPU = flags.DEFINE_string(
  "tpu",
  "",
  "A TPU's name or address, or 'local'; empty for GPUs if there are any, else "
  "the CPU.",
)
verify_flag.define()


def main() -> None:
  """Evaluates the run or the predictions that the flags name."""
  verify_flag.apply()
  options = evaluation_options.Options(
    model_dir=_MODEL_DIR.value,
    predictions=_PREDICTIONS.value,
    dataset=_DATASET.value,
    split=_SPLIT.value,
    answer_type=_ANSWER_TYPE.value,
    corpus=_CORPUS.value,
    retriever=tuple(_RETRIEVER.value or ()),
    retrieval_only=_RETRIEVAL_ONLY.value,
    recall_beam=_RECALL_BEAM.value,
    reader_beam=_READER_BEAM.value,
    limit=_LIMIT.value,
    output=_OUTPUT.value,
    seed=_SEED.value,
    tpu=_TPU.value,
    **question_flags.where(),
  )
  evaluation_options.check(options)
  path_checks.run(options.model_dir)
  path_checks.there("predictions", [options.predictions])
  question_flags.check_paths(options.split, dataset=options.dataset)
  path_checks.corpus(options.corpus)
  path_checks.output(options.output)
  environment.use_products_of(options.model_dir)
  from realm_tf.evaluation import evaluation_run

  evaluation_run.run(options)


if __name__ == "__main__":
  command.run(main)
