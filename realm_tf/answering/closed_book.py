"""The closed-book baseline: the pre-trained reader without passages.

A span reader without a passage has no span to choose and would answer nothing.
The pre-training reader is asked instead, in the form of pre-training: the
question, masks in place of the answer, and the null passage. It has not been
fine-tuned on questions, unlike the closed-book T5 of the paper's Table 1.
"""

from collections.abc import Sequence
from typing import Self

import numpy as np
import tensorflow as tf

from realm_tf import errors
from realm_tf.answering import prediction_records
from realm_tf.checkpoints import reading as weights_reading
from realm_tf.checkpoints.formats import own_run
from realm_tf.configs import schema
from realm_tf.data.corpus import corpora
from realm_tf.data.examples import packing
from realm_tf.models import masked_lm
from realm_tf.models import objective
from realm_tf.runs import run_config
from realm_tf.text import wordpiece

_BATCH = 64


class ClosedBook:
  """Fills masks behind a question, greedily."""

  def __init__(
    self,
    reader: masked_lm.MaskedLanguageModel,
    config: schema.SentenceConfig,
    tokenizer: wordpiece.Tokenizer,
  ):
    """Takes a reader.

    Args:
      reader: Of a run of `pretrain` or `pretrain_mlm`.
      config: Its settings: queries are as long as there, answers have at most
        `max_masks` wordpieces.
      tokenizer: Of its vocabulary.
    """
    self._reader = reader
    self._query_length = config.query_length
    self._most = config.max_masks
    self._tokenizer = tokenizer
    special = [
      tokenizer.vocabulary.index(token) for token in wordpiece.SPECIAL_TOKENS
    ]
    self._never = tf.reduce_sum(
      tf.one_hot(special, tokenizer.vocab_size, -np.inf, 0.0), axis=0
    )  # [V]
    self._fill_function = tf.function(self._fill, autograph=False)

  @classmethod
  def from_run(cls, model_dir: str, corpus: str = "") -> Self:
    """Loads the baseline that reads no passage.

    Args:
      model_dir: A run of `pretrain` or `pretrain_mlm`; or one of `finetune`,
        for the run that its reader came from in the end.
      corpus: A folder with the corpus's vocabulary; by default the run's.

    Raises:
      errors.UserError: If there is no pre-trained reader.
    """
    run = run_config.read(model_dir)
    while run.init_reader:
      if not weights_reading.is_run(run.init_reader):
        raise errors.UserError(
          f"{model_dir} has no pre-trained reader: its reader began as "
          f"{run.init_reader}, which is no run. So the closed-book baseline "
          "cannot run: leave `none` out of `retriever`."
        )
      model_dir = run.init_reader
      run = run_config.read(model_dir)
    config = run.config
    path, _ = own_run.weights_path(model_dir)
    if not (
      isinstance(config, schema.SentenceConfig)
      and "reader" in own_run.roles(path)
    ):
      raise errors.UserError(
        f"{model_dir} has no pre-trained reader, so the closed-book baseline "
        "cannot run: leave `none` out of `retriever`, or name a run of "
        "`pretrain`."
      )
    tokenizer = corpora.Corpus.open(corpus or run.corpus).tokenizer
    if tokenizer.sha256 != run.vocab_sha256:
      raise errors.UserError(
        f"corpus={corpus or run.corpus} has another vocabulary than that of "
        f"{model_dir}, so the closed-book baseline cannot run."
      )
    reader = masked_lm.MaskedLanguageModel(
      config, tokenizer.vocab_size, name="reader"
    )
    own_run.restore(path, reader=reader)
    return cls(reader, config, tokenizer)

  def answer(
    self, ids: Sequence[str], questions: Sequence[str]
  ) -> list[prediction_records.Prediction]:
    """Answers questions.

    An answer of each length is filled in, from the left; of these, the one
    with the largest mean log-probability of a wordpiece is given.

    Args:
      ids: Of the questions.
      questions: Their texts.
    """
    answered = []
    for first in range(0, len(questions), _BATCH):
      batch = questions[first : first + _BATCH]
      answered += self._answer_batch(ids[first : first + _BATCH], batch)
    return answered

  def _answer_batch(
    self, ids: Sequence[str], questions: Sequence[str]
  ) -> list[prediction_records.Prediction]:
    texts = self._tokenizer.tokenize(tf.constant(list(questions)))
    filled = [
      tuple(part.numpy() for part in self._fill_length(texts, length))
      for length in range(1, self._most + 1)
    ]
    means = np.stack([mean for _, mean in filled])  # [lengths, batch]
    best = means.argmax(axis=0)
    return [
      prediction_records.Prediction(
        question,
        self._tokenizer.detokenize(filled[best[i]][0][i].tolist()),
        id=id,
        scores={"reader": float(means[best[i], i])},
        retrieved=(),
        probability=float(np.exp(means[best[i], i] * (best[i] + 1))),
      )
      for i, (id, question) in enumerate(zip(ids, questions, strict=True))
    ]

  def _fill_length(
    self, texts: tf.RaggedTensor, length: int
  ) -> tuple[tf.Tensor, tf.Tensor]:
    """Fills `length` masks; see `_fill`."""
    texts = texts[:, : self._query_length - 2 - length]
    masks = tf.fill([texts.nrows(), length], self._tokenizer.mask_id)
    queries = packing.pack_queries(
      tf.concat([texts, masks], axis=1), self._query_length, self._tokenizer
    )
    first = tf.cast(texts.row_lengths(), tf.int32) + 1  # after [CLS]
    return self._fill_function(queries, first, tf.constant(length))

  def _fill(
    self, queries: tf.Tensor, first: tf.Tensor, length: tf.Tensor
  ) -> tuple[tf.Tensor, tf.Tensor]:
    """Fills the masks of a batch, one after the other.

    Args:
      queries: <int32>[batch, query_length]. With masks.
      first: <int32>[batch]. Place of the first mask.
      length: <int32>[]. Masks.

    Returns:
      Wordpieces <int32>[batch, length], and the mean of their log-probability
      <float32>[batch].
    """
    batch = tf.range(tf.shape(first)[0])
    # The null passage is nothing but its [SEP].
    end = tf.one_hot(first + length + 1, self._query_length + 1, dtype=tf.int32)

    def fill_next(
      number: tf.Tensor, queries: tf.Tensor, total: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
      place = first + number
      token_ids = tf.pad(queries, [[0, 0], [0, 1]])
      token_ids += end * self._tokenizer.sep_id
      logits = self._reader(token_ids, end, place[:, None], training=False)
      log_probs = tf.nn.log_softmax(logits[:, 0] + self._never)
      chosen = tf.argmax(log_probs, axis=1, output_type=tf.int32)
      total += objective.token_log_probs(log_probs, chosen)
      queries = tf.tensor_scatter_nd_update(
        queries, tf.stack([batch, place], axis=1), chosen
      )
      return number + 1, queries, total

    _, queries, total = tf.while_loop(
      lambda number, *_: number < length,
      fill_next,
      [0, queries, tf.zeros(tf.shape(first))],
    )
    places = first[:, None] + tf.range(length)[None, :]
    answers = tf.gather(queries, places, batch_dims=1)
    return answers, total / tf.cast(length, tf.float32)
