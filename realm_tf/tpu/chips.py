"""TPUs by name: what a core of them has, as Google publishes it."""

import dataclasses
import math
import re

from realm_tf import errors

_TOPOLOGY = re.compile(r"(?P<chip>v\w+):(?P<shape>\d+(x\d+){1,2})")


@dataclasses.dataclass(frozen=True)
class Chip:
  """Peaks of one chip.

  Attributes:
    cores: What a chip counts as, for a TPU runtime and in `cores=`.
    flops: bfloat16 operations a second.
    hbm_bytes: Memory.
    hbm_bytes_per_sec: Of that memory.
    link_bytes_per_sec: Of all links to other chips together.
  """

  cores: int
  flops: float
  hbm_bytes: float
  hbm_bytes_per_sec: float
  link_bytes_per_sec: float


# Google's pages of system architecture: a v4 chip has two cores with a half of
# its memory each, a v5e chip one. Links: 2,400 and 1,600 Gbit/s.
CHIPS = {
  "v4": Chip(2, 275e12, 32 * 2**30, 1228e9, 300e9),
  "v5e": Chip(1, 197e12, 16 * 2**30, 819e9, 200e9),
}


@dataclasses.dataclass(frozen=True)
class Core:
  """One core of a topology; each runs one replica.

  Attributes:
    topology: What it is compiled for, such as "v5e:2x2".
    chip: The chip's name.
    slice_cores: Cores of that topology.
    flops: bfloat16 operations a second.
    hbm_bytes: Memory.
    hbm_bytes_per_sec: Of that memory.
    link_bytes_per_sec: Its share of the chip's links.
  """

  topology: str
  chip: str
  slice_cores: int
  flops: float
  hbm_bytes: float
  hbm_bytes_per_sec: float
  link_bytes_per_sec: float


def core(topology: str) -> Core:
  """Returns a core of a topology.

  Args:
    topology: A chip's name and the slice's shape, such as "v4:2x2x1".

  Raises:
    errors.UserError: If it is not of that form, or of another chip.
  """
  match = _TOPOLOGY.fullmatch(topology)
  if not match or match["chip"] not in CHIPS:
    raise errors.UserError(
      f"topology={topology} is none: give a chip ({', '.join(CHIPS)}) and the "
      "shape of a slice, such as v4:2x2x1 or v5e:2x2."
    )
  chip = CHIPS[match["chip"]]
  chips = math.prod(int(size) for size in match["shape"].split("x"))
  return Core(
    topology,
    match["chip"],
    chips * chip.cores,
    chip.flops / chip.cores,
    chip.hbm_bytes / chip.cores,
    chip.hbm_bytes_per_sec / chip.cores,
    chip.link_bytes_per_sec / chip.cores,
  )
