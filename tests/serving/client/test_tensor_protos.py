import numpy as np
import pytest
import tensorflow as tf

from realm_tf.serving.client import tensor_protos


@pytest.mark.parametrize(
  "array",
  [
    np.array([[1.5, -2.0, np.inf]], np.float32),
    np.array([[1, 2], [3, 4]], np.int32),
    np.array([1, 2**40]),
    np.array([True, False, True]),
    np.array(0.25, np.float64),
    np.zeros([0, 3], np.float32),
    np.full([2, 3], 7.0, np.float32),
  ],
)
def test_reads_what_tensorflow_writes(array):
  by_content = tf.make_tensor_proto(array)
  by_field = tf.compat.v1.make_tensor_proto(
    array.tolist(), array.dtype, array.shape
  )
  for proto in (by_content, by_field):
    read = tensor_protos.to_array(proto)
    assert read.dtype == array.dtype
    np.testing.assert_array_equal(read, array)


def test_strings():
  read = tensor_protos.to_array(
    tf.make_tensor_proto([["ä".encode(), b"b"], [b"\xff", b""]])
  )
  assert read.tolist() == [["ä", "b"], ["\ufffd", ""]]


def test_tensorflow_reads_what_is_written():
  proto = tf.make_tensor_proto([0.0])
  proto.Clear()
  tensor_protos.put_strings(proto, ["ä", ""])
  assert tf.make_ndarray(proto).tolist() == ["ä".encode(), b""]
  proto.Clear()
  tensor_protos.put_floats(proto, [0.5, 2.0])
  assert tf.make_ndarray(proto).tolist() == [0.5, 2.0]


def test_a_reply_that_cannot_be_read():
  with pytest.raises(ValueError, match="type 14"):
    tensor_protos.to_array(tf.make_tensor_proto([1.0], tf.bfloat16))
  proto = tf.make_tensor_proto([1.0, 2.0])
  proto.tensor_shape.dim[0].size = 5
  with pytest.raises(ValueError, match="reshape"):
    tensor_protos.to_array(proto)
