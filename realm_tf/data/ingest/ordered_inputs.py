"""The files of a released corpus, whose passages keep their order."""

import dataclasses
import glob
import os
import re
from collections.abc import Sequence

import numpy as np

from realm_tf import errors
from realm_tf.data import block_records
from realm_tf.data import tfrecords

_TFRECORD = re.compile(r"\.(tfr|tfrecords?)(-[\d*?]+-of-\d+)?(\.gz)?$")


@dataclasses.dataclass(frozen=True)
class Ordered:
  """The files of a corpus.

  Attributes:
    paths: All of them.
    sizes: <int64>[passages]. Bytes of each record.
    bodies: Their texts; None if the files hold Examples, which have all.
    titles: Their titles; None if there are none, or Examples have them.
  """

  paths: tuple[str, ...]
  sizes: np.ndarray
  bodies: block_records.Records | None = None
  titles: block_records.Records | None = None

  @property
  def has_titles(self) -> bool:
    """Whether passages have titles."""
    return self.bodies is None or self.titles is not None


def is_ordered(inputs: Sequence[str]) -> bool:
  """Returns whether the inputs of `build_corpus` are such files.

  Raises:
    errors.UserError: If there are other inputs beside them.
  """
  given = [path for path in inputs if path]
  records = [path for path in given if path.endswith(block_records.SUFFIX)]
  tfrecord = [path for path in given if _TFRECORD.search(path)]
  found = records or tfrecord
  if found and (len(records) > 1 or len(found) < len(given)):
    raise errors.UserError(
      f"input={found[0]} holds all passages of a corpus, in an order that must "
      "stay: give it alone. edit_corpus adds others afterwards."
    )
  return bool(found)


def find(inputs: Sequence[str]) -> Ordered:
  """Finds the passages of the files that `is_ordered` has accepted.

  Args:
    inputs: One `block_records.npy`; or files of texts and of titles, of which
      the latter have "title" in their names; or files or patterns of Examples.

  Raises:
    errors.UserError: If a file cannot be read or is damaged, or titles and
      texts differ in number.
  """
  given = [path for path in inputs if path]
  if given[0].endswith(block_records.SUFFIX):
    records = block_records.find(given[0])
    return Ordered((given[0],), records.lengths, records)
  paths = tuple(file for path in given for file in sorted(glob.glob(path)))
  if not paths:
    raise errors.UserError(f"input={given[0]} does not exist.")
  if tfrecords.holds_examples(paths[0]):
    return Ordered(paths, tfrecords.sizes(paths))
  titles = [path for path in paths if "title" in os.path.basename(path)]
  texts = [path for path in paths if path not in titles]
  if len(texts) != 1 or len(titles) > 1:
    raise errors.UserError(
      f"input={','.join(paths)}: name one file of texts, as blocks.tfr, and at "
      "most one of their titles, as titles.tfr."
    )
  bodies = tfrecords.find(texts[0])
  if not titles:
    return Ordered(paths, bodies.lengths, bodies)
  found = tfrecords.find(titles[0])
  if len(found) != len(bodies):
    raise errors.UserError(
      f"input={titles[0]} has {len(found):,} titles, but {texts[0]} has "
      f"{len(bodies):,} texts: download the shorter one again."
    )
  return Ordered(paths, bodies.lengths + found.lengths, bodies, found)
