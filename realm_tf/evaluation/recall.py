"""recall@k of a retriever on questions: is an answer among the k best?"""

from collections.abc import Callable
from collections.abc import Sequence

import numpy as np

from realm_tf.answering.retrievers import retriever
from realm_tf.data.questions import qa_datasets
from realm_tf.evaluation import answer_matching
from realm_tf.evaluation import reader_view

# From questions and k to their passages; see `retriever.Retriever.retrieve`.
Retrieve = Callable[[Sequence[str], int], retriever.Retrieved]
# From rows <int>[n] to n titles and n bodies, as `Corpus.read_texts`.
ReadTexts = Callable[[np.ndarray], tuple[list[str], list[str]]]


class Judge:
  """Judges which passages answer a question.

  A passage does if the part of its body that the reader sees holds one of the
  answers and, where it is known, the subject; see `answer_matching.AnswerSet`.
  """

  def __init__(
    self,
    questions: Sequence[qa_datasets.Example],
    read_texts: ReadTexts,
    view: reader_view.ReaderView | None = None,
  ):
    """Prepares the answers.

    Args:
      questions: The questions.
      read_texts: Reads passages of the corpus.
      view: Cuts bodies as the reader does; None for whole bodies.
    """
    self.questions = questions
    self._read_texts = read_texts
    self._view = view
    self._wanted = [_wanted(question) for question in questions]

  def answers(self, question: int, text: answer_matching.Text) -> bool:
    """Whether a whole body answers a question, which is given by number."""
    return all(wanted.found_in(text) for wanted in self._wanted[question])

  def hits(self, rows: np.ndarray) -> np.ndarray:
    """Returns which retrieved passages answer their question.

    Args:
      rows: <int>[questions, k]. Rows of the corpus; -1 for none.

    Returns:
      <bool>[questions, k].
    """
    rows = np.asarray(rows)
    hits = np.zeros(rows.size, bool)
    unique, inverse = np.unique(rows, return_inverse=True)
    none = int(np.searchsorted(unique, 0))  # Rows before it are no passages.
    titles, bodies = self._read_texts(unique[none:])
    # Each body is cut into words once, for all questions that retrieved it.
    order = np.argsort(inverse, axis=None, kind="stable")
    starts = np.searchsorted(inverse.ravel()[order], np.arange(len(unique) + 1))
    places, asking = order.tolist(), (order // rows.shape[1]).tolist()
    for number, body in enumerate(bodies, start=none):
      text = answer_matching.Text(body)
      for i in range(starts[number], starts[number + 1]):
        hits[places[i]] = self.answers(asking[i], text)
    hits = hits.reshape(rows.shape)
    if self._view is not None and hits.any():
      passages = inverse.reshape(rows.shape)[hits] - none
      hits[hits] = self._are_seen(
        self._view,
        np.nonzero(hits)[0],
        [titles[passage] for passage in passages],
        [bodies[passage] for passage in passages],
      )
    return hits

  def _are_seen(
    self,
    view: reader_view.ReaderView,
    asking: np.ndarray,
    titles: Sequence[str],
    bodies: Sequence[str],
  ) -> list[bool]:
    """Returns which bodies still answer a question after they are cut.

    Args:
      view: Cuts them.
      asking: <int64>[n]. Number of the question that each answers.
      titles: Of n passages.
      bodies: Of the same.
    """
    rooms = view.room_of_questions([q.question for q in self.questions])
    seen = view.cut(titles, bodies, rooms[asking])
    return [
      part == body or self.answers(question, answer_matching.Text(part))
      for question, part, body in zip(
        asking.tolist(), seen, bodies, strict=True
      )
    ]

  def recall(self, retrieve: Retrieve, ks: Sequence[int]) -> dict[str, float]:
    """Returns recall@k for each k.

    Args:
      retrieve: The retriever.
      ks: How many passages may be looked at.

    Returns:
      "recall@k" to the share of the questions that one of the k best answers.
    """
    retrieved = retrieve([q.question for q in self.questions], max(ks))
    hits = self.hits(retrieved.rows)
    return {f"recall@{k}": float(hits[:, :k].any(axis=1).mean()) for k in ks}


def _wanted(
  question: qa_datasets.Example,
) -> tuple[answer_matching.AnswerSet, ...]:
  references = answer_matching.AnswerSet.of(question)
  if not question.subject:
    return (references,)
  return references, answer_matching.AnswerSet([question.subject])
