"""GraphRetriever's settings, checked; without TensorFlow."""

import dataclasses
from typing import ClassVar

from realm_tf.baselines import encoder_options


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(encoder_options.EncoderOptions):
  """What GraphRetriever is trained on and asked.

  Attributes:
    passages: Passages of a question's graph, all of which are read.
    fusion_layers: How often passages pass on messages.
    batch_size: Questions a step, each one graph.
  """

  name: ClassVar[str] = "graph_retriever"

  passages: int = dataclasses.field(default=40, metadata={"least": 1})
  fusion_layers: int = dataclasses.field(default=2, metadata={"least": 0})
  batch_size: int = dataclasses.field(default=8, metadata={"least": 1})
