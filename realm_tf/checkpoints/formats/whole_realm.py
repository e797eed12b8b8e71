"""The common form of a whole fine-tuned REALM, whatever the format."""

import dataclasses

import numpy as np

from realm_tf import errors
from realm_tf.checkpoints import weight_source

# As Google's and Hugging Face's programs have them.
MAX_SPAN_LENGTH = 10
READER_BEAM = 5
READER_LENGTH = 320
PASSAGE_LENGTH = 288  # wordpieces that the released embedders have seen


@dataclasses.dataclass(frozen=True)
class WholeRealm:
  """A whole fine-tuned REALM.

  Attributes:
    path: As the user named it.
    embedder: The tower of questions.
    reader: The reader of spans.
    block_embeddings: <float32>[passages, D], in the passages' own order;
      mapped into memory where the file is on this machine's disk.
    max_span_length: Wordpieces of the longest span.
    reader_beam: Passages that are read.
    reader_length: Wordpieces of a question and a passage together.
    building: How `build_corpus` makes the corpus of its passages.
  """

  path: str
  embedder: weight_source.Source
  reader: weight_source.Source
  block_embeddings: np.ndarray
  max_span_length: int
  reader_beam: int
  reader_length: int
  building: str


def check_vectors(
  vectors: np.ndarray,
  embedder: weight_source.Source,
  path: str,
  name: str,
  announced: int | None,
) -> None:
  """Raises unless vectors are such as an embedder makes, and all are there.

  Args:
    vectors: Any array.
    embedder: The tower.
    path: Where they come from.
    name: Their tensor.
    announced: How many there are to be; None if nothing says so.

  Raises:
    errors.UserError: If they are of another shape, or fewer or more.
  """
  size = embedder.encoder.fields()["projection_size"] if embedder.encoder else 0
  if vectors.ndim != 2 or vectors.shape[1] != size:
    raise errors.UserError(
      f"{path}: {name} is {list(vectors.shape)}, but its embedder makes "
      f"vectors of {size} numbers."
    )
  if vectors.dtype.kind != "f":
    raise errors.UserError(f"{path}: {name} is of {vectors.dtype}, no floats.")
  if announced not in (None, len(vectors)):
    raise errors.UserError(
      f"{path} announces num_block_records={announced:,}, but its {name} has "
      f"{len(vectors):,} rows: download it again."
    )
