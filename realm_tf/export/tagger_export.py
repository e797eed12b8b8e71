"""The tagger as a SavedModel: from raw text to spans, all in the graph."""

import functools
import hashlib

import tensorflow as tf

from realm_tf import files
from realm_tf.configs import schema
from realm_tf.export import precision
from realm_tf.export import variables
from realm_tf.models import token_tagger
from realm_tf.text import bio
from realm_tf.text import capitals
from realm_tf.text import entity_types
from realm_tf.text import model_tagger
from realm_tf.text import token_windows
from realm_tf.text import wordpiece

# Few widths: each new one costs the runtime new plans and buffers.
_WIDTH_STEP = 4
# Windows that run through the model at once: enough for large products.
BATCH_SIZE = 64


class TextTagger(tf.Module):
  """Tokenizes, cuts into windows, tags, joins and decodes."""

  def __init__(
    self,
    tagger: token_tagger.Tagger,
    tokenizer: wordpiece.Tokenizer,
    config: schema.TaggerConfig,
  ):
    """Takes a built model and its tokenizer.

    Args:
      tagger: The model.
      tokenizer: Its tokenizer.
      config: Gives the length of windows and their overlap.
    """
    super().__init__()
    self._logits = functools.partial(tagger.call, training=False)
    self._weights = variables.without_layers(tagger)
    self._tokenizer = tokenizer
    self._max_length = config.max_length
    self._overlap = config.overlap
    self._capitals = config.capitals

  @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="texts")])
  @tf.autograph.experimental.do_not_convert
  def tag(self, texts: tf.Tensor) -> dict[str, tf.Tensor]:
    """Finds the spans of texts.

    A text is cut into windows where it is longer than the model; sentences
    are what the model was trained on.

    Args:
      texts: <string>[batch], UTF-8.

    Returns:
      The spans of all texts, one text after another: `start` and `limit`
      <int64>[spans], bytes of the text as it was given; `type`
      <string>[spans]; `score` <float32>[spans], mean probability of the type;
      and `splits` <int64>[batch + 1]: text i has spans splits[i] to
      splits[i + 1].
    """
    tokens, starts, limits = self._tokenizer.tokenize_with_offsets(texts)
    rows = tokens.value_rowids()  # [tokens]
    segments = capitals.segment_ids(texts, starts, limits, seen=self._capitals)
    probs = self._probabilities(tokens, segments)  # [tokens, labels]
    begins_word = tf.gather(
      tf.constant(self._tokenizer.starts_word()), tokens.flat_values
    )
    first_tokens = tf.where(begins_word)[:, 0]  # [words]
    next_words = tf.concat(
      [first_tokens[1:], tf.size(rows, tf.int64)[None]], axis=0
    )
    found = bio.decode(
      tf.gather(probs, first_tokens), tf.gather(rows, first_tokens)
    )
    span_tokens = tf.gather(first_tokens, found.starts)
    last_tokens = tf.gather(next_words, found.limits - 1) - 1
    counts = tf.math.bincount(
      tf.cast(tf.gather(rows, span_tokens), tf.int32),
      minlength=tf.size(texts),
      dtype=tf.int64,
    )
    return {
      "start": tf.gather(starts.flat_values, span_tokens),
      "limit": tf.gather(limits.flat_values, last_tokens),
      "type": tf.gather(tf.constant(entity_types.TYPES), found.types),
      "score": found.scores,
      "splits": tf.concat([[0], tf.cumsum(counts)], axis=0),
    }

  def _probabilities(
    self, tokens: tf.RaggedTensor, segments: tf.RaggedTensor
  ) -> tf.Tensor:
    """Returns each wordpiece's probabilities of the labels.

    Windows run through the model sorted by length, so that little of a batch
    is padding.
    """
    windows = token_windows.cut(
      tokens.row_lengths(), self._max_length - 2, self._overlap
    )
    order = tf.argsort(windows.limits - windows.starts, stable=True)
    ordered = token_windows.take(windows, order)
    count = tf.size(order)
    num_batches = -(-count // BATCH_SIZE)

    def run(number: tf.Tensor, parts: tf.TensorArray) -> tuple:
      first = number * BATCH_SIZE
      batch = token_windows.take(
        ordered, tf.range(first, tf.minimum(first + BATCH_SIZE, count))
      )
      return number + 1, parts.write(number, self._run(batch, tokens, segments))

    _, parts = tf.while_loop(
      lambda number, parts: number < num_batches,
      run,
      (
        0,
        tf.TensorArray(
          tf.float32,
          num_batches,
          infer_shape=False,
          element_shape=[None, len(entity_types.LABELS)],
        ),
      ),
    )
    # Back from the order of lengths; a window's tokens are in order.
    window_of_token = tf.repeat(order, ordered.own_limits - ordered.own_starts)
    return tf.gather(parts.concat(), tf.argsort(window_of_token, stable=True))

  def _run(
    self,
    windows: token_windows.Windows,
    tokens: tf.RaggedTensor,
    segments: tf.RaggedTensor,
  ) -> tf.Tensor:
    """Returns the probabilities of the tokens that windows own, in order."""
    longest = tf.reduce_max(windows.limits - windows.starts)
    width = -(-(longest + 2) // _WIDTH_STEP) * _WIDTH_STEP
    width = tf.minimum(width, self._max_length)
    token_ids = token_windows.read(
      windows, tokens, width, self._tokenizer.cls_id, self._tokenizer.sep_id
    )
    segment_ids = token_windows.read(windows, segments, width, 0, 0)
    probs = tf.nn.softmax(self._logits(token_ids, segment_ids))
    return tf.boolean_mask(probs, token_windows.owned(windows, width))


def save(
  folder: str,
  tagger: token_tagger.Tagger,
  tokenizer: wordpiece.Tokenizer,
  config: schema.TaggerConfig,
  step: int,
) -> None:
  """Exports a tagger; the manifest is written last.

  Args:
    folder: Where to; replaced if it is there.
    tagger: The model, built.
    tokenizer: Its tokenizer.
    config: Of the run; sets the precision of the export.
    step: Of the weights.
  """
  exported = precision.ExportedModel(tagger, config.export_precision)
  exported.update()
  module = TextTagger(exported.model, tokenizer, config)
  with files.new_folder(folder, model_tagger.MANIFEST) as new:
    tf.saved_model.save(module, new, signatures={"tag": module.tag})
  digest = hashlib.sha256(tokenizer.sha256.encode())
  digest.update(
    repr(
      (
        tokenizer.lower_case,
        config.max_length,
        config.overlap,
        config.capitals,
      )
    ).encode()
  )
  for weight in tagger.get_weights():
    digest.update(weight.tobytes())
  files.write_json(
    tf.io.gfile.join(folder, model_tagger.MANIFEST),
    {
      "kind": model_tagger.KIND,
      "step": step,
      "types": list(entity_types.TYPES),
      "fingerprint": digest.hexdigest(),
    },
  )
