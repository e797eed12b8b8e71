"""recall@k of a retriever on questions: is an answer among the k best?"""

from collections.abc import Callable
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from realm_tf.data import passages as passages_lib
from realm_tf.evaluation import questions as questions_lib
from realm_tf.text import tokenizer as tokenizer_lib

# From questions and k to rows <int>[questions, k], best first; -1 for none.
Retrieve = Callable[[Sequence[str], int], np.ndarray]

_BATCH = 256


class Judge:
  """Tells which passages answer a question.

  A passage does if it holds one of the answers, and the subject where it is
  known, as whole runs of wordpieces in title or body. Wordpieces are what
  reader and index see, and they do not depend on case, accents or spacing.
  """

  def __init__(
    self,
    questions: Sequence[questions_lib.Question],
    passages: passages_lib.PassageTable,
    tokenizer: tokenizer_lib.Tokenizer,
  ):
    """Tokenizes the answers.

    Args:
      questions: What is asked.
      passages: The corpus.
      tokenizer: Of the corpus.
    """
    self.questions = questions
    self._passages = passages
    self._phrases = [
      (
        _tokenize(tokenizer, q.answers),
        _tokenize(tokenizer, [q.subject]) if q.subject else [],
      )
      for q in questions
    ]

  def answers(self, question: int, row: int) -> bool:
    """Whether a passage answers a question, both given by number."""
    if row < 0:
      return False
    texts = [
      _as_text(self._passages.title_ids.row(row)),
      _as_text(self._passages.body_ids.row(row)),
    ]
    answers, subject = self._phrases[question]
    return any(_holds(texts, a) for a in answers) and all(
      _holds(texts, s) for s in subject
    )

  def recall(self, retrieve: Retrieve, ks: Sequence[int]) -> dict[str, float]:
    """Returns recall@k for each k.

    Args:
      retrieve: The retriever.
      ks: How many passages may be looked at.

    Returns:
      "recall@k" to the share of the questions that one of the k best answers.
    """
    rows = retrieve([q.text for q in self.questions], max(ks))
    hits = np.array(
      [
        [self.answers(question, int(row)) for row in found]
        for question, found in enumerate(rows)
      ]
    )
    return {f"recall@{k}": float(hits[:, :k].any(axis=1).mean()) for k in ks}


def dense_retriever(
  embed: Callable[[tf.Tensor], tf.Tensor],
  search: Callable[[tf.Tensor, int], tuple[tf.Tensor, tf.Tensor, tf.Tensor]],
  tokenizer: tokenizer_lib.Tokenizer,
  query_length: int,
) -> Retrieve:
  """Returns the retriever of an index version.

  Args:
    embed: The exported query embedder.
    search: The version's searcher.
    tokenizer: Of the corpus.
    query_length: Wordpieces of a question, [CLS] and [SEP] included.
  """

  def retrieve(texts: Sequence[str], k: int) -> np.ndarray:
    found = []
    for first in range(0, len(texts), _BATCH):
      ids = tokenizer.tokenize(tf.constant(texts[first : first + _BATCH]))
      ids = ids[:, : query_length - 2]
      count = ids.nrows()
      cls = tf.fill([count, 1], tokenizer.cls_id)
      sep = tf.fill([count, 1], tokenizer.sep_id)
      token_ids = tf.concat([cls, ids, sep], axis=1).to_tensor(
        tokenizer.pad_id, shape=[None, query_length]
      )
      _, rows, valid = search(embed(token_ids), k)
      found.append(tf.where(valid, rows, -1).numpy())
    return np.concatenate(found)

  return retrieve


def _tokenize(
  tokenizer: tokenizer_lib.Tokenizer, phrases: Sequence[str]
) -> list[str]:
  rows = tokenizer.tokenize(tf.constant(list(phrases)))
  return [_as_text(row) for row in rows.numpy()]


def _as_text(ids: np.ndarray) -> str:
  """Token ids as a string, in which a run of ids is a substring."""
  return " " + " ".join(map(str, ids)) + " "


def _holds(texts: Sequence[str], phrase: str) -> bool:
  # A phrase without wordpieces would be found in every text.
  return bool(phrase.strip()) and any(phrase in text for text in texts)
