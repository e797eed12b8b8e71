"""Weights of encoders stored in fewer bits, and read as floats."""

import tensorflow as tf
from official.nlp.modeling import layers
from official.nlp.modeling.networks import bert_encoder

FLOAT32, BFLOAT16, INT8 = "float32", "bfloat16", "int8"
KINDS = (FLOAT32, BFLOAT16, INT8)
_LARGEST_CODE = 127
_LEAST_LARGEST = 1e-30  # a channel of zeros has a scale too


class StoredWeight(tf.Module):
  """A weight in fewer bits, which TensorFlow's operations take as a tensor.

  A graph reads the stored numbers and makes floats of them, by TensorFlow's own
  operations; `tf.gather` does so with the rows that it gathers alone.

  Attributes:
    values: <bfloat16 or int8>[...]. The stored numbers.
    scales: <float32>[...]. What each channel's are multiplied by, of a shape
      that broadcasts; None where they are floats.
    dtype: Type of the read values.
  """

  def __init__(
    self,
    values: tf.Variable,
    scales: tf.Variable | None,
    dtype: str | tf.DType,
  ):
    """Takes the parts; see `of`."""
    super().__init__(name="stored_weight")
    self.values = values
    self.scales = scales
    self.dtype = tf.as_dtype(dtype)

  @classmethod
  def of(
    cls,
    weight: tf.Variable,
    kind: str,
    axes: tuple[int, ...],
    dtype: str | tf.DType,
  ) -> "StoredWeight":
    """Stores a weight.

    Args:
      weight: <float32>[...].
      kind: `BFLOAT16`, or `INT8` for numbers of -127 to 127 and a scale for
        each channel: the largest number of it becomes 127.
      axes: Those within one channel.
      dtype: Type of the read values.
    """
    full = tf.cast(tf.convert_to_tensor(weight), tf.float32)
    if kind == BFLOAT16:
      return cls(_variable(tf.cast(full, tf.bfloat16), "values"), None, dtype)
    largest = tf.reduce_max(tf.abs(full), axis=axes, keepdims=True)
    scales = tf.maximum(largest, _LEAST_LARGEST) / _LARGEST_CODE
    codes = tf.cast(tf.round(full / scales), tf.int8)
    return cls(_variable(codes, "values"), _variable(scales, "scales"), dtype)

  @property
  def shape(self) -> tf.TensorShape:
    """The weight's shape."""
    return self.values.shape

  def read_as(self, dtype: str | tf.DType) -> "StoredWeight":
    """Returns the same numbers, read as another type."""
    return StoredWeight(self.values, self.scales, dtype)

  def read(self) -> tf.Tensor:
    """Returns the weight."""
    return self._floats(tf.convert_to_tensor(self.values), self.scales)

  def sparse_read(
    self, indices: tf.Tensor, name: str | None = None
  ) -> tf.Tensor:
    """Returns rows of the weight; `tf.gather` calls this method."""
    scales = self.scales
    if scales is not None and scales.shape[0] > 1:
      scales = tf.gather(scales, indices)
    return self._floats(tf.gather(self.values, indices, name=name), scales)

  def _floats(
    self, values: tf.Tensor, scales: tf.Tensor | tf.Variable | None
  ) -> tf.Tensor:
    if scales is not None:
      values = tf.cast(values, tf.float32) * scales
    return tf.cast(values, self.dtype)


def _to_tensor(
  weight: StoredWeight,
  dtype: tf.DType | None = None,
  name: str | None = None,
  as_ref: bool = False,
) -> tf.Tensor:
  """Reads a weight where an operation takes a tensor."""
  del name, as_ref
  if dtype is not None and dtype != weight.dtype:
    return NotImplemented
  return weight.read()


tf.register_tensor_conversion_function(StoredWeight, _to_tensor)


def reduce(part: tf.keras.Model, kind: str) -> None:
  """Converts the matrices of a model's encoders to fewer bits, in place.

  Kernels have a scale for each output, embeddings of words one for each word.
  Biases, norms and embeddings of positions stay as they are, as do the layers
  on top of the encoders: together they are a hundredth of the weights.

  Args:
    part: A model, built, which will not be trained any more.
    kind: One of `KINDS`.
  """
  if kind == FLOAT32:
    return
  stored: dict[int, StoredWeight] = {}
  for encoder in part.submodules:
    if isinstance(encoder, bert_encoder.BertEncoderV2):
      for layer in encoder.submodules:
        _reduce_layer(layer, kind, stored)
  # Who else reads them, as the head of a masked language model does.
  for module in (part, *part.submodules):
    for name, value in list(vars(module).items()):
      if isinstance(value, tf.Variable) and id(value) in stored:
        setattr(module, name, stored[id(value)].read_as(module.compute_dtype))


def _reduce_layer(
  layer: tf.Module, kind: str, stored: dict[int, StoredWeight]
) -> None:
  """Stores a layer's matrix, if it has one.

  Args:
    layer: A layer.
    kind: See `reduce`.
    stored: By the id of the variable; what was stored is added.
  """
  name = "kernel"
  axes: tuple[int, ...] = (0,)
  if isinstance(layer, layers.OnDeviceEmbedding):
    name, axes = "embeddings", (1,)
  elif isinstance(layer, tf.keras.layers.EinsumDense):
    axes = _contracted(layer.equation)
  elif not isinstance(layer, tf.keras.layers.Dense):
    return
  weight = getattr(layer, name)
  if isinstance(weight, tf.Variable) and id(weight) not in stored:
    stored[id(weight)] = StoredWeight.of(
      weight, kind, axes, layer.compute_dtype
    )


def _contracted(equation: str) -> tuple[int, ...]:
  """Returns the axes of a kernel that a product sums over.

  Args:
    equation: Such as "abc,cde->abde", where the kernel has the axes "cde".
  """
  kernel, _, result = equation.partition(",")[2].partition("->")
  return tuple(i for i, axis in enumerate(kernel) if axis not in result)


def _variable(value: tf.Tensor, name: str) -> tf.Variable:
  return tf.Variable(value, trainable=False, name=name)
