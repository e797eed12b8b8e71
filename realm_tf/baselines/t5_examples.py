"""What T5 learns: masked sentences to their spans, questions to their answers.

Roberts et al. (2020), section 3: salient span masking, then questions without
any context. One [MASK] stands for a whole span.
"""

from collections.abc import Iterable

import numpy as np
import tensorflow as tf

from realm_tf import errors
from realm_tf.baselines import t5_options
from realm_tf.configs import schema
from realm_tf.data.examples import masked_queries
from realm_tf.data.examples import order
from realm_tf.data.questions import qa_datasets
from realm_tf.data.sentences import annotated_corpus
from realm_tf.text import masking
from realm_tf.text import wordpiece


class SpanExamples:
  """Turns a step's number into masked sentences; pure TensorFlow."""

  def __init__(
    self,
    corpus: annotated_corpus.AnnotatedCorpus,
    options: t5_options.Options,
    tokenizer: wordpiece.Tokenizer,
  ):
    """Selects the sentences.

    Args:
      corpus: The annotated sentences, none of which is held out.
      options: Lengths, batch size and seed.
      tokenizer: Of the corpus.

    Raises:
      errors.UserError: If no sentence can be masked.
    """
    self._tokenizer = tokenizer
    size = t5_options.SIZES[options.size]
    self._source = masked_queries.MaskedQuerySource(
      corpus,
      schema.QueryConfig(
        num_layers=size.num_layers,
        hidden_size=size.width,
        num_heads=size.num_heads,
        intermediate_size=size.inner_width,
        max_positions=options.input_length + 4,
        query_length=options.input_length,
        passage_length=4,
        batch_size=options.batch_size,
        train_steps=options.train_steps,
        warmup_steps=0,
        learning_rate=options.learning_rate,
        max_masks=options.max_span_length,
        heldout_fraction=0.0,
        seed=options.seed,
      ),
      tokenizer,
      heldout=False,
    )

  def __call__(self, step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns inputs and targets of a step, as `T5.loss` takes them."""
    masked = self._source(step).masked
    return sequences(masked, self._tokenizer)


def sequences(
  masked: masking.MaskedQueries, tokenizer: wordpiece.Tokenizer
) -> tuple[tf.Tensor, tf.Tensor]:
  """Returns masked queries as inputs and targets.

  Args:
    masked: Of one span each.
    tokenizer: Of their vocabulary.

  Returns:
    `x [MASK] x [SEP]` <int32>[batch, L] and `y [SEP]` <int32>[batch, M + 1].
  """
  ids = masked.token_ids  # [batch, L]
  is_mask = ids == tokenizer.mask_id
  after_mask = tf.pad(is_mask, [[0, 0], [1, 0]])[:, :-1]
  kept = (ids != 0) & (ids != tokenizer.cls_id) & ~(is_mask & after_mask)
  inputs = tf.ragged.boolean_mask(ids, kept).to_tensor(
    shape=[None, ids.shape[1]]
  )
  count = tf.cast(tf.reduce_sum(masked.target_weights, axis=1), tf.int32)
  targets = tf.pad(masked.targets, [[0, 0], [0, 1]])
  end = tf.one_hot(count, targets.shape[1], dtype=tf.int32)
  return inputs, targets + end * tokenizer.sep_id


class QuestionExamples:
  """Turns a step's number into questions and answers; pure TensorFlow."""

  def __init__(
    self,
    questions: Iterable[qa_datasets.Example],
    options: t5_options.Options,
    tokenizer: wordpiece.Tokenizer,
  ):
    """Takes an example of each answer that is not too long.

    Raises:
      errors.UserError: If there is none, or answers are patterns.
    """
    pairs = [
      (question.question, answer)
      for question in questions
      if question.answer_type == qa_datasets.STRING
      for answer in question.answers
    ]
    self._options = options
    most = options.max_span_length
    if pairs:
      asked, answers = map(list, zip(*pairs, strict=True))
      targets = tokenizer.tokenize(tf.constant(answers))
      fits = targets.row_lengths() <= most
      targets = tf.ragged.boolean_mask(targets, fits)
      self._inputs = ended(
        tf.ragged.boolean_mask(tokenizer.tokenize(tf.constant(asked)), fits),
        options.input_length,
        tokenizer,
      )
      self._targets = ended(targets, most + 1, tokenizer)
    if not pairs or not len(self._inputs):
      raise errors.UserError(
        f"dataset={options.dataset} has no answer of at most {most} wordpieces "
        "to write; patterns cannot be learned from."
      )

  def __len__(self) -> int:
    return int(self._inputs.shape[0])

  def __call__(self, step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns inputs and targets of a step, as `T5.loss` takes them."""
    chosen = order.shuffled_examples(
      step, self._options.batch_size, len(self), self._options.seed
    )
    return tf.gather(self._inputs, chosen), tf.gather(self._targets, chosen)


def ended(
  ids: tf.RaggedTensor, length: int, tokenizer: wordpiece.Tokenizer
) -> tf.Tensor:
  """Returns `text [SEP]`, <int32>[texts, length]; long texts are cut."""
  ids = ids[:, : length - 1]
  end = tf.fill([ids.nrows(), 1], tokenizer.sep_id)
  return tf.concat([ids, end], axis=1).to_tensor(shape=[None, length])


def text(ids: np.ndarray, tokenizer: wordpiece.Tokenizer) -> str:
  """Returns what wordpieces say before the end, <int32>[n]."""
  words = ids[(ids != 0) & (ids != tokenizer.sep_id)]
  return tokenizer.detokenize(words.tolist())
