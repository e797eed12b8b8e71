import pytest

from realm_tf import errors
from realm_tf.tpu import chips


def test_a_core_has_its_share_of_a_chip():
  v4, v5e = chips.core("v4:2x2x1"), chips.core("v5e:2x2")
  assert (v4.flops, v4.hbm_bytes) == (137.5e12, 16 * 2**30)
  assert v4.hbm_bytes_per_sec == 614e9
  assert (v4.slice_cores, v5e.slice_cores) == (8, 4)
  assert chips.core("v5e:8x8").slice_cores == 64
  assert (v5e.flops, v5e.hbm_bytes) == (197e12, 16 * 2**30)
  assert v5e.hbm_bytes_per_sec == 819e9


@pytest.mark.parametrize("topology", ["", "v4", "v3:2x2", "v5e:2by2", "v4:2"])
def test_other_names_are_refused(topology):
  with pytest.raises(errors.UserError, match="v4:2x2x1 or v5e:2x2"):
    chips.core(topology)
