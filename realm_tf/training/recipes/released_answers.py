"""Compares the answers of an imported REALM with those of transformers."""

import dataclasses

import numpy as np
import tensorflow as tf

from realm_tf.answering import answer_graph
from realm_tf.answering import open_qa
from realm_tf.checkpoints import comparison
from realm_tf.checkpoints import realm_comparison
from realm_tf.data.examples import packing

MOST_PASSAGES = 200_000
_QUESTIONS = 20
_QUESTION_WORDS = 4


@dataclasses.dataclass(frozen=True)
class Agreement:
  """How many answers agree.

  Attributes:
    program: What answered, or why nothing did.
    asked: Questions.
    equal: Questions of which the best span is the same, of the same passage.
  """

  program: str
  asked: int = 0
  equal: int = 0

  def __str__(self) -> str:
    """Returns a line for the terminal."""
    if not self.asked:
      return self.program
    return f"{self.equal} of {self.asked} questions are answered the same"


def questions_of(qa: open_qa.OpenQA) -> list[str]:
  """Returns the first words of passages, as questions."""
  count = min(_QUESTIONS, qa.corpus.num_passages)
  rows = np.linspace(0, qa.corpus.num_passages - 1, count).astype(int)
  _, bodies = qa.corpus.read_texts(rows)
  asked = [" ".join(body.split()[:_QUESTION_WORDS]) for body in bodies]
  return [question for question in asked if question]


def compare(
  model_dir: str, source: str, peer_python: str, questions: list[str] | None
) -> Agreement:
  """Has both programs answer questions.

  Args:
    model_dir: The imported run.
    source: The folder that it was imported from.
    peer_python: A Python that has torch and transformers.
    questions: Their texts; None for the first words of passages.
  """
  qa = open_qa.OpenQA.from_run(model_dir)
  if qa.corpus.num_passages > MOST_PASSAGES:
    return Agreement(
      f"answers are not compared: {qa.corpus.num_passages:,} passages, of "
      f"which both programs would hold all; at most {MOST_PASSAGES:,} are"
    )
  asked = questions or questions_of(qa)
  tokenizer = qa.corpus.tokenizer
  token_ids = packing.pack_queries(
    tokenizer.tokenize(tf.constant(asked)), qa.config.query_length, tokenizer
  )
  bodies = [body.encode() for body in qa.corpus.read_texts()[1]]
  given = {
    "texts": np.frombuffer(b"".join(bodies), np.uint8),
    "edges": np.cumsum([0, *map(len, bodies)]),
    "token_ids": token_ids.numpy(),
  }
  program, theirs = comparison.run_peer(
    realm_comparison.ANSWERS_PEER, source, given, peer_python
  )
  if not theirs:
    return Agreement(program)
  _, found = qa.find_answers(asked, qa.config.reader_beam, 1)
  equal = [
    row == their_row and ids == their_ids[their_ids != 0].tolist()
    for row, their_row, ids, their_ids in zip(
      found.row[:, 0],
      theirs["rows"],
      _wordpieces(qa, found),
      theirs["answer_ids"],
      strict=True,
    )
  ]
  return Agreement(program, len(asked), sum(equal))


def _wordpieces(
  qa: open_qa.OpenQA, found: answer_graph.Answers
) -> list[list[int]]:
  """Returns the wordpieces of each question's best answer.

  Not those of its text alone: an answer may begin within a word.

  Args:
    qa: The run.
    found: One answer a question.
  """
  _, bodies = qa.corpus.read_texts(np.maximum(found.row[:, 0], 0))
  parts = qa.corpus.tokenizer.tokenize_with_offsets(tf.constant(bodies))
  rows = zip(*(part.to_list() for part in parts), strict=True)
  return [
    [
      id
      for id, first, last in zip(ids, starts, limits, strict=True)
      if start <= first and last <= limit
    ]
    for (ids, starts, limits), start, limit in zip(
      rows, found.byte_start[:, 0], found.byte_limit[:, 0], strict=True
    )
  ]
