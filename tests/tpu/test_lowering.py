"""HLO that TPUs take, or the name of what they do not."""

import pytest
import tensorflow as tf

from realm_tf.tpu import lowering
from realm_tf.tpu import step_programs


def _lower(function, shape=(8,)):
  return lowering.lower(
    step_programs.Program(
      lambda features: function(features["x"]),
      {"x": tf.TensorSpec(shape, tf.float32)},
    )
  )


def test_static_functions_become_hlo():
  hlo = _lower(lambda x: tf.nn.softmax(x) * 2)
  assert hlo.serialized
  assert not hlo.custom_calls


def test_a_planted_dynamic_shape_is_named():
  def planted(x):
    return tf.reduce_sum(tf.boolean_mask(x, x > 0, name="planted"))

  with pytest.raises(
    lowering.Refused, match=r"^Where \(planted.*dynamic shape"
  ):
    _lower(planted)


def test_a_planted_python_function_is_named():
  with pytest.raises(lowering.Refused, match=r"^TPUs lack \w*PyFunc"):
    _lower(lambda x: tf.numpy_function(lambda y: y, [x], tf.float32))


def test_a_planted_op_of_strings_is_named():
  with pytest.raises(lowering.Refused, match="AsString"):
    _lower(lambda x: tf.strings.length(tf.strings.as_string(x)))


def test_custom_calls_have_the_names_of_their_operations():
  text = (
    '  %a.1 = f32[2]{0} custom-call(f32[2]{0} %b), custom_call_target="Foo",'
    ' metadata={op_type="Bar" op_name="net/bar"}\n'
    '  %c.2 = f32[2]{0} custom-call(f32[2]{0} %b), custom_call_target="Baz"'
  )
  assert lowering.custom_calls(text) == {"Foo": "Bar (net/bar)", "Baz": "%c.2"}
