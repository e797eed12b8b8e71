"""PathRetriever's settings, checked; without TensorFlow."""

import dataclasses
from typing import ClassVar

from realm_tf.baselines import encoder_options


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(encoder_options.EncoderOptions):
  """What PathRetriever is trained on and asked.

  Attributes:
    links: Passages of a passage's links that are looked at: those that TF-IDF
      ranks first.
    kept: Passages that a step looks at again, the best that were not taken.
    path_length: Most passages of a path.
    beam: Paths that are followed, and ranked by the reader.
    pool: Passages of a training example: the path's, and others.
    augmented: Whether a seed that links to a passage with the answer is learned
      from where another seed holds the answer itself.
    batch_size: Examples a step, each one path.
  """

  name: ClassVar[str] = "path_retriever"

  links: int = dataclasses.field(default=10, metadata={"least": 0})
  kept: int = dataclasses.field(default=2, metadata={"least": 0})
  path_length: int = dataclasses.field(default=2, metadata={"least": 1})
  beam: int = dataclasses.field(default=8, metadata={"least": 1})
  pool: int = dataclasses.field(default=8, metadata={"least": 2})
  augmented: bool = True
