r"""Scores answers to questions: exact match, F1, recall@k, with intervals.

python -m realm_tf.launch.evaluate --predictions=predictions.jsonl \
  --dataset=NaturalQuestions.resplit.test.jsonl --output=runs/evaluation
"""

from absl import flags

from realm_tf.launch import command

_PREDICTIONS = flags.DEFINE_string(
  "predictions",
  None,
  "JSONL of answers to score, ours or ORQA's.",
  required=True,
)
_DATASET = flags.DEFINE_string(
  "dataset",
  None,
  "JSONL of questions with the fields `question` and `answer`.",
  required=True,
)
_ANSWER_TYPE = flags.DEFINE_enum(
  "answer_type",
  "string",
  ["string", "regex"],
  "What the answers of --dataset are where its lines do not say; `regex` for "
  "CuratedTREC.",
)
_CORPUS = flags.DEFINE_string(
  "corpus",
  "",
  "Folder of the corpus that was retrieved from, for recall@k and error "
  "classes; empty to leave retrieval unjudged.",
)
_PASSAGES_READ = flags.DEFINE_integer(
  "passages_read",
  5,
  "How many of the passages found the reader has read, for the reader oracle "
  "and error classes.",
  lower_bound=1,
)
_OUTPUT = flags.DEFINE_string(
  "output", "", "Folder for summary, outcomes and report; empty for none."
)
_SEED = flags.DEFINE_integer("seed", 0, "Of the intervals.", lower_bound=0)


def main() -> None:
  """Scores the file that the flags name."""
  from realm_tf.evaluation import evaluate

  evaluate.score_file(
    evaluate.FileOptions(
      predictions=_PREDICTIONS.value,
      dataset=_DATASET.value,
      answer_type=_ANSWER_TYPE.value,
      corpus=_CORPUS.value,
      passages_read=_PASSAGES_READ.value,
      output=_OUTPUT.value,
      seed=_SEED.value,
    )
  )


if __name__ == "__main__":
  command.run(main)
