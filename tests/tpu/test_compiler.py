"""What the TPU compiler says, and what it says it of."""

import os
import sys

import pytest
import tensorflow as tf

from realm_tf import errors
from realm_tf.tpu import chips
from realm_tf.tpu import compile_steps
from realm_tf.tpu import compiler
from realm_tf.tpu import lowering
from realm_tf.tpu import step_programs

# A Python with jax and libtpu, which launch/make_tpu_compiler.sh makes.
_PYTHON = os.environ.get("TPU_PYTHON", ".venv-tpu/bin/python")
_CORE = chips.core("v5e:2x2")


@pytest.fixture(scope="module")
def tpu_python():
  try:
    compiler.check_python(_PYTHON)
  except errors.UserError as e:
    pytest.skip(str(e))
  return _PYTHON


def _compile(function, shape, python, cores=1):
  program = step_programs.Program(
    lambda features: function(features["x"]),
    {"x": tf.TensorSpec(shape, tf.float32)},
  )
  hlo = lowering.lower(program, cores)
  return compiler.compile_program(hlo, _CORE, python)


def test_a_product_has_the_operations_and_bytes_of_the_formula(tpu_python):
  compiled = _compile(lambda x: x @ x, [512, 512], tpu_python)
  assert compiled.flops == pytest.approx(2 * 512**3, rel=0.01)
  assert compiled.arguments == compiled.outputs == 4 * 512 * 512
  assert compiled.bytes_accessed >= 2 * 4 * 512 * 512


def test_what_does_not_fit_is_told_with_its_size(tpu_python):
  with pytest.raises(compiler.TooLarge, match=r"needs 1\d\d\.\d of 15\.8"):
    _compile(lambda x: x[:, None] * x, [200_000], tpu_python)


def test_an_operation_that_tpus_lack_is_named(tpu_python):
  def planted(x):
    return tf.abs(tf.signal.fft(tf.cast(x, tf.complex128)))

  with pytest.raises(lowering.Refused, match="operand type for FFT: c128"):
    _compile(planted, [8], tpu_python)


def test_cores_that_add_up_compile_together(tpu_python):
  def added_up(x):
    return tf.distribute.get_replica_context().all_reduce("SUM", x @ x)

  compiled = _compile(added_up, [512, 512], tpu_python, cores=64)
  assert compiled.flops >= 2 * 512**3
  assert compiled.arguments >= 4 * 512 * 512


def test_approximate_top_k_is_an_operation_of_its_own(tpu_python):
  shape, count = [128, 100_000], 8
  approximate, exact = (
    _compile(best, shape, tpu_python)
    for best in (
      lambda x: tf.math.approx_max_k(x, count, recall_target=0.95),
      lambda x: tf.math.top_k(x, count),
    )
  )
  assert approximate.outputs >= 2 * 4 * shape[0] * count
  # What it was lowered to for the CPU sorts all values.
  assert approximate.flops < exact.flops / 10


@pytest.mark.parametrize("topology", ["v4:2x2x1", "v5e:2x2"])
def test_a_step_of_the_smallest_preset_compiles(tpu_python, topology):
  options = compile_steps.Options(
    config="tiny",
    topology=topology,
    python=tpu_python,
    steps=["pretrain_ict"],
    cores=16,
  )
  assert compile_steps.run(options)


def test_a_step_that_retrieves_compiles(tpu_python):
  options = compile_steps.Options(
    config="tiny",
    topology="v5e:2x2",
    python=tpu_python,
    steps=["pretrain_device"],
    cores=4,
    num_passages=1000,
    refreshes_inline=True,
  )
  assert compile_steps.run(options)


def test_a_python_without_jax_is_refused_with_what_to_do():
  for python in ("/nowhere/python", sys.executable):
    with pytest.raises(errors.UserError, match="make_tpu_compiler.sh"):
      compiler.check_python(python)


def test_errors_of_the_compiler_are_told_apart():
  for words in (
    "Used 20.31G of 15.75G hbm. Exceeded by 4.56G.",
    "the memory for temporaries (20.31G) exceeds available HBM (15.75G). So",
  ):
    error = compiler.failure(f"RESOURCE_EXHAUSTED: E1000: {words}", {})
    assert isinstance(error, compiler.TooLarge)
    assert str(error) == "needs 20.3 of 15.8 GiB"
  error = compiler.failure("RESOURCE_EXHAUSTED: no vmem", {})
  assert isinstance(error, compiler.TooLarge)
  error = compiler.failure(
    "UNIMPLEMENTED: custom call Foo is not there", {"Foo": "Bar (a/bar)"}
  )
  assert str(error) == "TPUs lack Bar (a/bar)"
  assert str(compiler.failure("INTERNAL: so.\nAnd so", {})) == "INTERNAL: so."
