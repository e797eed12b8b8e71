import pytest
import tensorflow as tf

from realm_tf import errors
from realm_tf.checkpoints.formats import own_run


def layer(units):
  made = tf.keras.layers.Dense(units)
  made.build([None, 3])
  return made


@pytest.mark.parametrize(
  ("parts", "said"),
  [
    ({"reader": layer(2), "retriever": layer(2)}, "lacks weights"),
    ({"reader": layer(5)}, r"shape \(2,\) .* shape \(5,\)"),
  ],
)
def test_weights_of_another_config_are_refused(tmp_path, parts, said):
  path = tf.train.Checkpoint(reader=layer(2)).write(str(tmp_path / "weights"))
  with pytest.raises(errors.UserError, match=said) as e:
    own_run.restore(path, **parts)
  assert str(e.value).startswith(path)
  assert "config.json" in str(e.value)
  assert "\n" not in str(e.value)
