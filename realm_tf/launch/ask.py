r"""Asks a run, or a server, questions.

python -m realm_tf.launch.ask --model_dir=runs/demo/qa "who wrote hamlet?"
python -m realm_tf.launch.ask --server=localhost:8500 --model=realm

Prints the answer, its probability, the passage it stands in and further
answers. Without a question it prompts for one after the other; Ctrl-D ends.
A run of pretrain fills each [MASK] of a sentence, with and without passages.
"""

from collections.abc import Callable
from typing import Any

from absl import flags

from realm_tf import errors
from realm_tf.launch import command
from realm_tf.launch import dry_run
from realm_tf.launch import path_checks
from realm_tf.launch import verify_flag

_MODEL_DIR = flags.DEFINE_string(
  "model_dir", "", "The run that is asked, of finetune or pretrain; or"
)
_SERVER = flags.DEFINE_string(
  "server", "", "HOST:PORT of a server's gRPC, which is asked instead."
)
_MODEL = flags.DEFINE_string("model", "realm", "The model's name on --server.")
_RETRIEVER = flags.DEFINE_enum(
  "retriever",
  None,
  ["dense", "bm25", "hybrid", "none"],
  "What finds passages: the run's own towers, BM25, both, or nothing. By "
  "default what the run was trained with.",
)
_HYBRID_WEIGHT = flags.DEFINE_float(
  "hybrid_weight",
  None,
  "With --retriever=hybrid, the weight of the run's own retriever; BM25 has "
  "the rest. By default what `evaluate` has chosen on dev questions, else 0.5.",
  lower_bound=0.0,
  upper_bound=1.0,
)
_NUM_ANSWERS = flags.DEFINE_integer(
  "num_answers",
  5,
  "Answers a question; tokens a mask.",
  lower_bound=1,
  upper_bound=100,
)
_CORPUS = flags.DEFINE_string(
  "corpus", "", "Folder of the knowledge corpus: by default the run's."
)
_JSON = flags.DEFINE_bool("json", False, "Print a JSON object a question.")
verify_flag.define()


def main(questions: list[str]) -> None:
  """Asks the questions of the arguments, or those that are typed.

  Args:
    questions: The arguments that are no flags.
  """
  if bool(_MODEL_DIR.value) == bool(_SERVER.value):
    raise errors.UserError(
      "Give --model_dir, a run to ask, or --server, a server's HOST:PORT: one "
      "of the two."
    )
  if _SERVER.value:
    for flag in (_RETRIEVER, _HYBRID_WEIGHT, _CORPUS, _NUM_ANSWERS):
      if flag.present:
        raise errors.UserError(
          f"--{flag.name} goes with --model_dir: what --server serves was "
          "exported with its own. Leave it out."
        )
  verify_flag.apply()
  path_checks.run(_MODEL_DIR.value)
  path_checks.corpus(_CORPUS.value)
  if dry_run.shown():
    return
  from realm_tf.launch import conversation

  conversation.run(_load(), questions, as_json=_JSON.value)


def _load() -> Callable[[str], Any]:
  """Connects to a server, or loads a run."""
  if _SERVER.value:
    from realm_tf.serving.client import asker

    return asker.connect(_SERVER.value, _MODEL.value)
  from realm_tf.answering import asking

  return asking.load(
    _MODEL_DIR.value,
    retriever=_RETRIEVER.value or "",
    count=_NUM_ANSWERS.value,
    corpus=_CORPUS.value,
    hybrid_weight=_HYBRID_WEIGHT.value,
  )


if __name__ == "__main__":
  command.run(main, takes_arguments=True)
