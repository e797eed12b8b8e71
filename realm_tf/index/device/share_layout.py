"""How the rows of an index are spread over replicas, and what they take."""

import dataclasses
from typing import Self

# Scores of a block for all queries, which a replica computes at a time: half a
# gigabyte on an accelerator, and what a CPU's caches can make use of.
_SCORES_AT_ONCE = 1 << 27
_SCORES_AT_ONCE_ON_CPU = 1 << 22
_LEAST_BLOCK_ROWS = 1 << 10
_WORD_BYTES = 4


@dataclasses.dataclass(frozen=True)
class ShareLayout:
  """Consecutive rows a replica; the last share, or shares, may have fewer.

  Attributes:
    num_rows: Passages of the index.
    replicas: Replicas that hold a share each.
    num_blocks: Blocks of a share, which are scored one after the other.
    block_rows: Rows of a block, of which the last may be empty.
  """

  num_rows: int
  replicas: int
  num_blocks: int
  block_rows: int

  @classmethod
  def of(
    cls, num_rows: int, replicas: int, num_queries: int, *, on_cpu: bool
  ) -> Self:
    """Chooses the blocks by what the scores of a global batch take.

    Args:
      num_rows: Passages of the index.
      replicas: How many.
      num_queries: Queries of all replicas together.
      on_cpu: Whether the replicas are CPUs.
    """
    share = -(-num_rows // replicas)
    scores = _SCORES_AT_ONCE_ON_CPU if on_cpu else _SCORES_AT_ONCE
    most = max(scores // num_queries, _LEAST_BLOCK_ROWS)
    blocks = -(-share // most)
    return cls(num_rows, replicas, blocks, -(-share // blocks))

  @property
  def share_rows(self) -> int:
    """Rows of a share, empty ones included."""
    return self.num_blocks * self.block_rows

  def rows_of(self, replica: int) -> tuple[int, int]:
    """Returns the first row of a replica's share, and the one after its last.

    Args:
      replica: Its number.
    """
    first = min(replica * self.share_rows, self.num_rows)
    return first, min(first + self.share_rows, self.num_rows)


@dataclasses.dataclass(frozen=True)
class ShareBytes:
  """The memory that a share takes on its device.

  Attributes:
    vectors: Of the embeddings.
    passages: Of wordpieces and keys.
    scores: Of a block's scores for the global batch, while it is searched.
  """

  vectors: int
  passages: int
  scores: int

  @classmethod
  def of(
    cls,
    layout: ShareLayout,
    dim: int,
    value_bytes: int,
    record_width: int,
    num_queries: int,
  ) -> Self:
    """Adds up a share.

    Args:
      layout: Its rows.
      dim: Of the embeddings.
      value_bytes: Of each value of the embeddings.
      record_width: 32-bit words of a passage.
      num_queries: Queries of all replicas together.
    """
    rows = layout.share_rows
    return cls(
      vectors=rows * dim * value_bytes,
      passages=rows * (record_width + 1) * _WORD_BYTES,
      scores=num_queries * layout.block_rows * _WORD_BYTES,
    )

  @property
  def total(self) -> int:
    """All of them."""
    return self.vectors + self.passages + self.scores

  def describe(self) -> str:
    """Returns a line for a run's plan."""
    return (
      f"{self.total / 1e6:,.1f} MB a replica: "
      f"vectors {self.vectors / 1e6:,.1f}, "
      f"wordpieces {self.passages / 1e6:,.1f}, scores {self.scores / 1e6:,.1f}"
    )
