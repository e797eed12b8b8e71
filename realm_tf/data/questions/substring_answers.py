"""Answers as strings that stand anywhere in a text, as in ORQA's code."""

import re
from collections.abc import Sequence

import tensorflow as tf

from realm_tf.data.corpus import passage_table
from realm_tf.data.examples import packing
from realm_tf.data.questions import phrases
from realm_tf.text import wordpiece

# RE2: no character is none.
_NOTHING = r"[^\x00-\x{10FFFF}]"


class SubstringAnswers:
  """String answers, found anywhere in a passage's text, within words, too.

  A passage holds an answer if its body has it as a part, capitals and accents
  as they are: "Frances" holds "France". The reader is trained on runs of the
  answer's wordpieces, which need not end where a word ends: "19" matches in
  "19 ##43". So a passage may hold an answer and have no span of it.

  Texts are searched when they are asked for; nothing is kept of them.

  Attributes:
    nbytes: Bytes of memory that are taken beside the texts: 0.
    shortest: See `token_answers.Answers`.
  """

  nbytes = 0

  def __init__(
    self,
    answers: Sequence[Sequence[str]],
    passages: passage_table.PassageTable,
    bodies: tf.Tensor,
    tokenizer: wordpiece.Tokenizer,
    packed: packing.PackedPassages | None = None,
  ):
    """Takes the answers; nothing is searched yet.

    Args:
      answers: Those of each question. An empty one is no answer.
      passages: The corpus.
      bodies: <string>[passages + 1]. Its texts, UTF-8, and the null passage's.
      tokenizer: Of the corpus.
      packed: The corpus as a model reads it; see `phrases.PhraseReader`.
    """
    self._reader = phrases.PhraseReader(
      answers, passages, tokenizer, packed, whole_words=False
    )
    self.shortest = self._reader.shortest
    self._bodies = bodies
    with tf.device("/cpu:0"):
      self._patterns = tf.constant([_pattern(one) for one in answers])

  def held(self, questions: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """See `token_answers.Answers`."""
    found = tf.map_fn(
      lambda one: tf.strings.regex_full_match(
        tf.gather(self._bodies, one[0]), one[1]
      ),
      (rows, tf.gather(self._patterns, questions)),
      fn_output_signature=tf.bool,
    )
    return tf.ensure_shape(found, rows.shape)

  def occurrences(self, questions: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """See `token_answers.Answers`."""
    asked = self._reader.asked(questions, rows)
    return self._reader.read(asked, asked.rows < self._reader.null_row)


def _pattern(answers: Sequence[str]) -> str:
  """Returns a pattern of RE2 for the texts that have one of the answers."""
  literals = [re.escape(answer) for answer in answers if answer]
  return f"(?s).*(?:{'|'.join(literals) or _NOTHING}).*"
