"""The settings of an evaluation, checked.

`launch.evaluate` makes its flags of them. Nothing here imports TensorFlow, so
that wrong flags are refused at once.
"""

import dataclasses
from collections.abc import Sequence

from realm_tf import errors
from realm_tf.answering.retrievers import retriever_names

NONE = retriever_names.NONE
RETRIEVERS = (*retriever_names.RETRIEVERS, NONE)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
  """What is asked of whom; what is empty or None was not given.

  Attributes:
    model_dir: The run that is asked: of finetune; with `retrieval_only`, of
      pretrain or pretrain_ict too, or an imported sentence encoder.
    predictions: Instead of `model_dir`: JSONL of answers to score, ours or
      ORQA's.
    dataset: What is asked: curated_trec, nq_open, webquestions, a JSONL or CSV
      file with `question` and perhaps `answer`, a text file with a question a
      line (a name may hold {split}), or encyclopedia:KINDS. Without answers,
      nothing is scored.
    split: Which of its questions.
    data_dir: Where TFDS keeps what it prepared.
    manual_dir: Folder with the dataset's source files.
    answer_type: What the answers of a file are where its lines do not say.
    corpus: Folder of the knowledge corpus; by default the run's. With
      `predictions`, the corpus that was retrieved from; empty to leave
      retrieval unjudged.
    retriever: What retrieves passages: dense (the run's own towers), bm25,
      hybrid (both), none (closed book); by default what the run was trained
      with. Several: separate them by commas.
    hybrid_weight: Of the run's own retriever in retriever=hybrid, from 0 to 1;
      BM25 has the rest. By default what finds most on dev questions, which is
      recorded in the run's folder.
    hybrid_dev: Dataset whose dev questions choose that weight anew. By default
      the run's dev questions, or those of `dataset`, choose it once.
    hybrid_method: How both are joined: convex (normalised scores, the default)
      or reciprocal_ranks.
    retrieval_only: Read nothing: recall@k alone.
    recall_beam: Passages a question that recall is measured on; by default
      100.
    reader_beam: Passages a question that are read; by default the run's. With
      `predictions`, how many were read, by default 5.
    num_passages: How many of the passages found for a question stand with
      their texts and metadata in predictions.jsonl; by default 5.
    limit: Ask so many questions, the first; 0 for all.
    output: Folder for answers, summary, outcomes and report; by default below
      `model_dir`, with `predictions` none.
    seed: Of F1's intervals and of the examples shown.
    tpu: A TPU's name or address, or 'local'; empty for GPUs if there are any,
      else the CPU.
  """

  model_dir: str = ""
  predictions: str = ""
  dataset: str
  split: str = dataclasses.field(
    default="test", metadata={"choices": ("train", "dev", "test")}
  )
  data_dir: str | None = None
  manual_dir: str | None = None
  answer_type: str | None = dataclasses.field(
    default=None, metadata={"choices": ("string", "regex")}
  )
  corpus: str = ""
  retriever: Sequence[str] = ()
  hybrid_weight: float | None = dataclasses.field(
    default=None, metadata={"least": 0.0, "most": 1.0}
  )
  hybrid_dev: str = ""
  hybrid_method: str | None = dataclasses.field(
    default=None, metadata={"choices": retriever_names.METHODS}
  )
  retrieval_only: bool = False
  recall_beam: int | None = dataclasses.field(
    default=None, metadata={"least": 1}
  )
  reader_beam: int | None = dataclasses.field(
    default=None, metadata={"least": 1}
  )
  num_passages: int | None = dataclasses.field(
    default=None, metadata={"least": 1}
  )
  limit: int = dataclasses.field(default=0, metadata={"least": 0})
  output: str = ""
  seed: int = dataclasses.field(default=0, metadata={"least": 0})
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
  if retriever_names.HYBRID not in options.retrievers:
    for name in ("hybrid_weight", "hybrid_dev", "hybrid_method"):
      if getattr(options, name) not in (None, ""):
        raise errors.UserError(
          f"`{name}` goes with retriever=hybrid, which is not asked: leave it "
          "out, or ask that retriever, too."
        )
  if options.predictions:
    for name in (
      *("retriever", "retrieval_only", "recall_beam", "num_passages"),
      *("limit", "tpu"),
    ):
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
  if options.hybrid_dev and options.hybrid_weight is not None:
    raise errors.UserError(
      "`hybrid_dev` chooses a weight, and `hybrid_weight` gives one: leave one "
      "of them out."
    )
  if options.retrieval_only and NONE in options.retrievers:
    raise errors.UserError(
      "retriever=none retrieves nothing: leave it or retrieval_only=True out."
    )
  if options.retrieval_only and options.reader_beam:
    raise errors.UserError(
      "`reader_beam` counts passages that are read, and `retrieval_only` reads "
      "none: leave one of them out."
    )
  if options.retrievers == (NONE,) and options.tpu:
    raise errors.UserError(
      "`tpu` computes what is retrieved and read, and retriever=none does "
      "neither: leave one of them out."
    )
  for name in ("recall_beam", "reader_beam", "num_passages"):
    if options.retrievers == (NONE,) and getattr(options, name):
      raise errors.UserError(
        f"`{name}` counts passages, and retriever=none finds none: leave one "
        "of them out."
      )
