"""The tests that stand beside the builders, where TFDS wants them."""

from tfds_builders.curated_trec.curated_trec_dataset_builder_test import (
  CuratedTrecTest,
)
from tfds_builders.nq_open.nq_open_dataset_builder_test import NqOpenTest
from tfds_builders.webquestions.webquestions_dataset_builder_test import (
  WebQuestionsTest,
)

__all__ = ["CuratedTrecTest", "NqOpenTest", "WebQuestionsTest"]
