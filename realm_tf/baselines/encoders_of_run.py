"""BERTs that read questions with passages, as a baseline's run sets them up."""

import dataclasses
from collections.abc import Sequence

import tensorflow as tf
from official.nlp.modeling.networks import bert_encoder

from realm_tf import errors
from realm_tf.baselines import encoder_options
from realm_tf.checkpoints import assignment
from realm_tf.checkpoints import fitting
from realm_tf.configs import schema
from realm_tf.data.corpus import corpora
from realm_tf.data.corpus import passage_table
from realm_tf.data.examples import packing
from realm_tf.data.questions import qa_examples
from realm_tf.data.questions import token_answers
from realm_tf.models import encoders
from realm_tf.models import span_reader
from realm_tf.training import optimizers
from realm_tf.training.init import first_weights


class Setup:
  """The corpus as encoders read it, and the encoders that a run starts from.

  Attributes:
    null_row: The row that stands for no passage.
  """

  def __init__(
    self,
    options: encoder_options.EncoderOptions,
    corpus: corpora.Corpus,
    table: passage_table.PassageTable,
  ):
    """Reads the weights.

    Args:
      options: The settings.
      corpus: The knowledge corpus.
      table: Its passages.

    Raises:
      errors.UserError: If the weights cannot be read, or are of another
        vocabulary or fewer positions.
    """
    self._options = options
    self._tokenizer = corpus.tokenizer
    self._bert = first_weights.read_bert(options.bert, "bert")
    fitting.check_vocabulary(
      self._bert, self._tokenizer, options.corpus, "bert"
    )
    positions = self._bert.config.max_positions
    if options.reader_length > positions:
      raise errors.UserError(
        f"reader_length={options.reader_length} is more than the {positions} "
        f"positions of bert={options.bert}."
      )
    self.config = dataclasses.replace(
      schema.EncoderConfig.of(self._bert.config), dropout=options.dropout
    )
    self._passages = packing.PackedPassages.of(
      table, options.reader_length, self._tokenizer
    )
    self.null_row = self._passages.null_row

  def encoder(self) -> bert_encoder.BertEncoderV2:
    """Returns an encoder whose [CLS] is read, with its first weights."""
    encoder = encoders.build_encoder(
      self.config, self._tokenizer.vocab_size, "encoder", output_range=1
    )
    encoder.pooler_layer.trainable = False  # nothing reads it
    roles = assignment.SPAN_READER_ROLES
    assignment.initialize_encoder(encoder, self._bert, roles)
    return encoder

  def span_reader(self) -> span_reader.SpanReader:
    """Returns a reader with its first weights."""
    reader = span_reader.SpanReader(
      self.config,
      self._tokenizer.vocab_size,
      max_span_length=self._options.max_span_length,
      span_hidden_size=self._options.span_hidden_size,
    )
    assignment.initialize_span_reader(reader, self._bert)
    return reader

  def optimizer(
    self, weights: Sequence[tf.Variable]
  ) -> tf.keras.optimizers.legacy.Optimizer:
    """Returns AdamW with BERT's schedule; its variables exist."""
    options = self._options
    optimizer = optimizers.make_optimizer(
      schema.TrainingConfig(
        batch_size=options.batch_size,
        train_steps=options.train_steps,
        learning_rate=options.learning_rate,
        warmup_steps=options.warmup_steps,
      )
    )
    optimizers.create_slots(optimizer, weights)
    return optimizer

  def queries(self, texts: Sequence[str]) -> tf.Tensor:
    """Returns questions as encoders read them, <int32>[n, query_length]."""
    ids = self._tokenizer.tokenize(tf.constant(list(texts), tf.string))
    length = self._options.query_length
    return packing.pack_queries(ids, length, self._tokenizer)

  def joined(
    self, queries: tf.Tensor, rows: tf.Tensor
  ) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns questions with passages, `[CLS] question [SEP] body [SEP]`.

    Args:
      queries: <int32>[batch, query_length].
      rows: <int32>[batch, n]. Of the corpus, or `null_row`.

    Returns:
      Token and segment ids, <int32>[batch, n, reader_length].
    """
    return self._passages.joined(queries, rows, self._options.reader_length)

  def body_starts(self, queries: tf.Tensor) -> tf.Tensor:
    """Returns where bodies begin in what is joined, <int32>[batch]."""
    return tf.math.count_nonzero(queries, axis=1, dtype=tf.int32)

  def answers(
    self,
    answers: token_answers.Answers,
    questions: tf.Tensor,
    queries: tf.Tensor,
    rows: tf.Tensor,
    segment_ids: tf.Tensor,
  ) -> tf.Tensor:
    """Returns which spans of what is joined are answers.

    Args:
      answers: Their occurrences.
      questions: <int64>[batch], as `answers` numbers them.
      queries: <int32>[batch, query_length].
      rows: <int32>[batch, n].
      segment_ids: <int32>[batch, n, reader_length].

    Returns:
      <bool>[batch, n, reader_length, max_span_length].
    """
    return qa_examples.mark_spans(
      answers.occurrences(questions, rows),
      self.body_starts(queries),
      segment_ids,
      self._options.max_span_length,
    )


def read(
  reader: span_reader.SpanReader,
  token_ids: tf.Tensor,
  segment_ids: tf.Tensor,
  training: bool,
) -> tf.Tensor:
  """Returns the last layer of a reader's encoder, <float32>[n, L, width].

  Args:
    reader: The reader.
    token_ids: <int32>[n, L].
    segment_ids: <int32>[n, L].
    training: Whether dropout is active.
  """
  outputs = encoders.encode(
    reader.encoder, token_ids, segment_ids, training=training
  )
  return tf.cast(outputs["sequence_output"], tf.float32)
