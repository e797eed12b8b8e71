"""What an index version takes, on disk and in memory."""

import dataclasses

# Of a value of embeddings that are stored or held, by its type.
VALUE_BYTES = {"bfloat16": 2, "float16": 2, "float32": 4}


@dataclasses.dataclass(frozen=True)
class VersionBytes:
  """The sizes of a version, by arithmetic.

  Attributes:
    rows: Passages of the corpus.
    dim: Of the embeddings.
    value_bytes: Of each value of the stored embeddings.
    exact: Whether every passage is scored.
    by_tensorflow: Whether TensorFlow's partitions take ScaNN's place.
    pooled_size: Dimension of what a frozen encoder gives, which is kept once
      for all versions; 0 if it is trained.
  """

  rows: int
  dim: int
  value_bytes: int
  exact: bool
  by_tensorflow: bool = False
  pooled_size: int = 0

  @property
  def embeddings(self) -> int:
    """Size of the embeddings' files."""
    return self.rows * self.dim * self.value_bytes

  @property
  def searcher(self) -> int:
    """Size of the searcher, on disk and in the trainer's memory."""
    exact = self.rows * self.dim * VALUE_BYTES["float32"]
    if self.exact:
      return exact
    if self.by_tensorflow:
      # A byte for each dimension, a scale and a row.
      return exact + self.rows * (self.dim + 8)
    # Half a byte for two dimensions, and a leaf's entry.
    return exact + self.rows * (self.dim // 4 + 4)

  @property
  def needed(self) -> int:
    """Size of the whole version on disk."""
    return self.embeddings + self.searcher

  @property
  def pooled(self) -> int:
    """Size of the frozen encoder's outputs, beside all versions."""
    return self.rows * self.pooled_size * self.value_bytes

  @property
  def peak(self) -> int:
    """Memory that building the searcher takes, roughly.

    The vectors as float32, which are a file's pages that the kernel takes back
    as it needs them; ScaNN's own copy, and what it makes of it meanwhile: as
    much twice for a tree, once to search exactly.
    """
    return (3 if self.exact else 4) * self.searcher

  def describe(self) -> str:
    """Returns a line for a plan."""
    pooled = (
      f"; {self.pooled / 1e6:.1f} MB once for what the frozen encoder gives"
    )
    return (
      f"disk for a version: {self.needed / 1e6:.1f} MB"
      f"{pooled if self.pooled else ''}; memory while the searcher is built: "
      f"about {self.peak / 1e6:.1f} MB; in the trainer: "
      f"{self.searcher / 1e6:.1f} MB, twice that while it changes versions"
    )
