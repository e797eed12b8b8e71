"""bfloat16, which NumPy does not have."""

import numpy as np

STORED = "<u2"


def widened(array: np.ndarray) -> np.ndarray:
  """Returns as float32 what `STORED` holds: the upper half of it."""
  return (array.astype(np.uint32) << 16).view(np.float32)
