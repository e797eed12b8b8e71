"""kNN-LM's settings, checked; without TensorFlow."""

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
  """What kNN-LM is made of and measured on.

  Attributes:
    model_dir: A run of `pretrain` or `pretrain_mlm`, whose reader is the
      language model.
    output: Folder of the results, `knn_lm.json`.
    corpus: Folder of the knowledge corpus; by default the run's.
    neighbors: Entries of the store that are found for a masked wordpiece.
    training_spans: Most spans of the training sentences in the store, the first
      of a random order; 0 for all.
    heldout_sentences: Most held-out sentences that are measured; 0 for all.
    batch_size: Sentences that are read at once.
  """

  model_dir: str
  output: str
  corpus: str = ""
  neighbors: int = dataclasses.field(default=1024, metadata={"least": 1})
  training_spans: int = dataclasses.field(default=0, metadata={"least": 0})
  heldout_sentences: int = dataclasses.field(
    default=2000, metadata={"least": 0}
  )
  batch_size: int = dataclasses.field(default=64, metadata={"least": 1})
