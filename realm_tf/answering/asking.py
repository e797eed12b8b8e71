"""Asks runs one text at a time; they reply as a server does."""

import dataclasses

from realm_tf import errors
from realm_tf.answering import closed_book
from realm_tf.answering import mask_filling
from realm_tf.answering import open_qa
from realm_tf.answering import replies
from realm_tf.answering import reply_tensors
from realm_tf.answering.retrievers import retriever_names
from realm_tf.runs import run_config


@dataclasses.dataclass(frozen=True)
class QuestionAsker:
  """Asks a fine-tuned run questions.

  Attributes:
    run: The run.
    retriever: `dense`, `bm25` or `hybrid`.
    count: Answers to give.
  """

  run: open_qa.OpenQA
  retriever: str
  count: int

  def __call__(self, text: str) -> replies.Answer:
    """Returns the best answers to a question."""
    return self.run(text, count=self.count, retriever=self.retriever)


@dataclasses.dataclass(frozen=True)
class ClosedBookAsker:
  """Asks the pre-trained reader, without passages.

  Attributes:
    book: The baseline.
  """

  book: closed_book.ClosedBook

  def __call__(self, text: str) -> replies.Answer:
    """Returns the answer to a question, which has no evidence."""
    [said] = self.book.answer([""], [text])
    return replies.Answer(
      text=said.answer,
      probability=said.probability or 0.0,
      evidence=None,
      retriever_score=0.0,
      reader_score=said.scores["reader"],
      question=text,
      abstain=False,
      further=(),
    )


@dataclasses.dataclass(frozen=True)
class MaskAsker:
  """Fills masks with a pre-trained run.

  Attributes:
    run: The run.
    count: Tokens a mask.
  """

  run: mask_filling.MaskFilling
  count: int

  def __call__(self, text: str) -> replies.Filled:
    """Returns the likeliest tokens for the masks of a text."""
    filled = self.run.fill([text], self.count)
    batch = filled.outputs() | self.run.memory.look_up(filled.row).outputs()
    return reply_tensors.filled(text, reply_tensors.of_text(batch, 0))


Asker = QuestionAsker | ClosedBookAsker | MaskAsker


def load(
  model_dir: str,
  *,
  retriever: str = "",
  count: int = 5,
  corpus: str = "",
  hybrid_weight: float | None = None,
) -> Asker:
  """Loads a run.

  Args:
    model_dir: A run of `finetune` or `pretrain`.
    retriever: "dense", "bm25", "hybrid" or "none"; "" for what the run was
      trained with, the first for `pretrain`.
    count: Answers a question, or tokens a mask.
    corpus: Folder of the knowledge corpus; by default the run's.
    hybrid_weight: As for `open_qa.OpenQA.from_run`; with "hybrid" alone.

  Raises:
    errors.UserError: If the run is of another kind, or what is asked for does
      not fit it.
  """
  run = run_config.read(model_dir)
  retriever = retriever or run.retriever
  if hybrid_weight is not None and retriever != retriever_names.HYBRID:
    raise errors.UserError(
      "`hybrid_weight` goes with retriever=hybrid: give both, or neither."
    )
  if run.task == "pretrain":
    if retriever != retriever_names.DENSE:
      raise errors.UserError(
        f"retriever={retriever} is for questions, and {model_dir} is a run "
        "of pretrain, which fills masks: leave it out."
      )
    return MaskAsker(mask_filling.load(model_dir, corpus), count)
  if retriever == retriever_names.NONE:
    return ClosedBookAsker(closed_book.ClosedBook.from_run(model_dir, corpus))
  return QuestionAsker(
    open_qa.OpenQA.from_run(
      model_dir, corpus=corpus, hybrid_weight=hybrid_weight
    ),
    retriever,
    count,
  )
