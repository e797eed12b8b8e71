"""What an evaluation is to do: the command's flags, checked.

Nothing here imports TensorFlow, so that wrong flags are refused at once.
"""

import dataclasses
from collections.abc import Sequence

from realm_tf import errors
from realm_tf.answering.retrievers import retriever_names

NONE = retriever_names.NONE
RETRIEVERS = (*retriever_names.RETRIEVERS, NONE)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
  """What the flags say; what is empty or None was not given.

  Attributes:
    model_dir: The run that is asked; or
    predictions: JSONL of answers to score, ours or ORQA's.
    dataset: The questions, as `qa_splits.load` takes them.
    split: Which of them.
    data_dir: Where TFDS keeps what it prepared.
    manual_dir: Folder with a TFDS builder's sources.
    answer_type: Of a JSONL file that does not say; see `qa_datasets.load`.
    corpus: Folder of the corpus; by default the run's. Without it, what a
      file says of retrieval stays unjudged.
    retriever: Of `RETRIEVERS`, an evaluation for each; by default "dense".
    retrieval_only: Whether nothing is read: zero-shot recall.
    recall_beam: Passages a question that recall is measured on.
    reader_beam: Passages a question that are, or were, read.
    limit: How many of the questions are asked, from the first; 0 for all.
    output: Folder of what is written.
    seed: Of the intervals.
    tpu: See `devices.make_strategy`.
  """

  model_dir: str = ""
  predictions: str = ""
  dataset: str
  split: str = "test"
  data_dir: str | None = None
  manual_dir: str | None = None
  answer_type: str | None = None
  corpus: str = ""
  retriever: Sequence[str] = ()
  retrieval_only: bool = False
  recall_beam: int | None = None
  reader_beam: int | None = None
  limit: int = 0
  output: str = ""
  seed: int = 0
  tpu: str = ""

  @property
  def retrievers(self) -> tuple[str, ...]:
    """The retrievers to ask, each once."""
    return tuple(dict.fromkeys(self.retriever)) or (retriever_names.DENSE,)


def check(options: Options) -> None:
  """Raises if the options contradict each other.

  Raises:
    errors.UserError: If they do not.
  """
  if bool(options.model_dir) == bool(options.predictions):
    raise errors.UserError(
      "Give `model_dir`, a run to ask, or `predictions`, a file of answers to "
      "score: one of the two."
    )
  if options.predictions:
    for name in ("retriever", "retrieval_only", "recall_beam", "limit", "tpu"):
      if getattr(options, name):
        raise errors.UserError(
          f"`{name}` goes with `model_dir`: the answers of `predictions` have "
          "been given already."
        )
    if options.reader_beam and not options.corpus:
      raise errors.UserError(
        "`reader_beam` goes with `corpus`, where the passages that were read "
        "are looked up: give both, or none."
      )
    return
  for name in options.retrievers:
    if name not in RETRIEVERS:
      raise errors.UserError(
        f"retriever={name} must be of {', '.join(RETRIEVERS)}; several are "
        "separated by commas."
      )
  if options.retrieval_only and NONE in options.retrievers:
    raise errors.UserError(
      "retriever=none retrieves nothing: leave it or retrieval_only=True out."
    )
  if options.retrieval_only and options.reader_beam:
    raise errors.UserError(
      "`reader_beam` counts passages that are read, and retrieval_only reads "
      "none: leave one of them out."
    )
  if options.retrievers == (NONE,) and options.tpu:
    raise errors.UserError(
      "`tpu` computes what is retrieved and read, and retriever=none does "
      "neither: leave one of them out."
    )
  for name in ("recall_beam", "reader_beam"):
    if options.retrievers == (NONE,) and getattr(options, name):
      raise errors.UserError(
        f"`{name}` counts passages, and retriever=none finds none: leave one "
        "of them out."
      )
