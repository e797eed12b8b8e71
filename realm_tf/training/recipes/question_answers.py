"""Where the corpus answers the questions that are trained on."""

import itertools

import tensorflow as tf

from realm_tf import errors
from realm_tf.data.corpus import corpora
from realm_tf.data.corpus import passage_table
from realm_tf.data.corpus import passage_texts
from realm_tf.data.examples import packing
from realm_tf.data.questions import qa_datasets
from realm_tf.data.questions import regex_answers
from realm_tf.data.questions import substring_answers
from realm_tf.data.questions import token_answers
from realm_tf.evaluation import answer_matching

Answers = (
  token_answers.TokenAnswers
  | substring_answers.SubstringAnswers
  | regex_answers.RegexAnswers
)


def match(
  datasets: tuple[qa_datasets.QaDataset, ...],
  corpus: corpora.Corpus,
  table: passage_table.PassageTable,
  *,
  packed: packing.PackedPassages | None = None,
  bodies: tf.Tensor | None = None,
) -> Answers:
  """Prepares the answers of all questions, numbered through.

  Args:
    datasets: Such as those for training and dev.
    corpus: Of the passages.
    table: Its passages, in memory.
    packed: The same as a model reads them; see `phrases.PhraseReader`.
    bodies: The passages' texts, if answers that are strings may be any part of
      them (`answer_match=substring`); None if they must be whole words.

  Raises:
    errors.UserError: If some answers are strings, and some patterns; or
      patterns, where strings are wanted.
  """
  examples = list(itertools.chain.from_iterable(datasets))
  types = {example.answer_type for example in examples}
  if types == {answer_matching.STRING} and bodies is not None:
    return substring_answers.SubstringAnswers(
      [example.answers for example in examples],
      table,
      bodies,
      corpus.tokenizer,
      packed,
    )
  if types == {answer_matching.STRING}:
    return token_answers.TokenAnswers(
      [example.answers for example in examples],
      table,
      corpus.tokenizer,
      packed,
    )
  if types == {answer_matching.REGEX} and bodies is not None:
    raise errors.UserError(
      "config.answer_match=substring is for answers that are strings, but "
      "those of `dataset` are patterns, which match anywhere: leave it out."
    )
  if types == {answer_matching.REGEX}:
    compiled = (
      map(answer_matching.compile_regex, example.answers)
      for example in examples
    )
    return regex_answers.RegexAnswers(
      [[p for p in patterns if p is not None] for patterns in compiled],
      passage_texts.PassageTexts(corpus),
      corpus.num_passages,
      corpus.tokenizer,
    )
  raise errors.UserError(
    "`dataset` and `dev_dataset` mix answers that are strings with answers "
    "that are patterns: give questions of one kind."
  )
