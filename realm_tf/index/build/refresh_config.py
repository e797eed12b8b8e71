"""The settings that a refresh job takes from a run's config."""

import dataclasses
from typing import Self

from realm_tf import errors
from realm_tf.configs import schema


@dataclasses.dataclass(frozen=True)
class RefreshConfig:
  """How a run's corpus is embedded and searched.

  Attributes:
    index: How the index is built.
    num_candidates: Most results that are asked of the searcher.
    embedding_size: Dimension of the embeddings.
    query_length: Wordpieces of a query.
    passage_length: Wordpieces of a passage.
    precision: "float32" or "bfloat16", what CPUs multiply in.
    pooled_size: Dimension of what a frozen encoder gives; 0 if it is trained.
  """

  index: schema.IndexConfig
  num_candidates: int
  embedding_size: int
  query_length: int
  passage_length: int
  precision: str = "float32"
  pooled_size: int = 0

  @classmethod
  def of(cls, config: schema.ModelConfig) -> Self:
    """Takes the fields from the config of any training of a retriever.

    Only REALM's says how its index is built and what is asked of it; the
    others' have REALM's defaults.

    Raises:
      errors.UserError: If the training is of no retriever.
    """
    if not isinstance(config, schema.RetrievalConfig):
      raise errors.UserError(
        "The run trains no retriever: name one of `pretrain`, `pretrain_ict` "
        "or `finetune`."
      )
    return cls(
      schema.IndexConfig.of(config),
      getattr(config, "num_candidates", schema.RealmConfig.num_candidates),
      config.embedding_size,
      config.query_length,
      config.passage_length,
      config.precision,
      config.pooled_size,
    )
