"""HLO that TPUs take, or the name of what they do not."""

import pytest
import tensorflow as tf

from realm_tf.tpu import lowering
from realm_tf.tpu import step_programs


def _lower(function, shape=(8,), cores=1):
  program = step_programs.Program(
    lambda features: function(features["x"]),
    {"x": tf.TensorSpec(shape, tf.float32)},
  )
  return lowering.lower(program, cores)


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


def test_what_cores_add_up_is_counted():
  def added_up(x):
    context = tf.distribute.get_replica_context()
    number = tf.cast(context.replica_id_in_sync_group, tf.float32)
    with tf.GradientTape() as tape:
      tape.watch(x)
      # Of the size of x, and so is the sum that its gradient is.
      total = tf.reduce_sum(context.all_reduce("SUM", x * number) ** 2)
    parts = tape.gradient(total, x), tf.ones([3, 5], tf.int32)
    return (
      total,
      context.all_reduce(tf.distribute.ReduceOp.SUM, parts[1]),
      parts,
    )

  assert _lower(added_up, (8,), 4).summed_bytes == 4 * (8 + 8 + 15)
  assert _lower(added_up, (8,), 1).summed_bytes == 0


def test_other_reductions_are_refused():
  def largest(x):
    return tf.distribute.get_replica_context().all_reduce("MEAN", x)

  with pytest.raises(NotImplementedError, match="MEAN"):
    _lower(largest, cores=2)


def test_the_recall_of_approximate_search_is_read_from_the_graph():
  def best(x):
    found, _ = tf.math.approx_max_k(
      x, 2, recall_target=0.75, reduction_input_size_override=1000
    )
    return found

  assert _lower(best).recall == (0.75, 1000)
  assert _lower(tf.abs).recall is None


def test_custom_calls_have_the_names_of_their_operations():
  text = (
    '  %a.1 = f32[2]{0} custom-call(f32[2]{0} %b), custom_call_target="Foo",'
    ' metadata={op_type="Bar" op_name="net/bar"}\n'
    '  %c.2 = f32[2]{0} custom-call(f32[2]{0} %b), custom_call_target="Baz"'
  )
  assert lowering.custom_calls(text) == {"Foo": "Bar (net/bar)", "Baz": "%c.2"}
