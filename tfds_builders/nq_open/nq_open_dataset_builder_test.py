"""TFDS's tests of the builder, on made-up questions."""

from unittest import mock

import tensorflow_datasets as tfds

from tfds_builders.nq_open import nq_open_dataset_builder


class NqOpenTest(tfds.testing.DatasetBuilderTestCase):
  DATASET_CLASS = nq_open_dataset_builder.Builder
  SPLITS = {"train": 3, "dev": 1, "test": 2}
  DL_DOWNLOAD_RESULT = {"train": ["train.jsonl"], "test": ["test.jsonl"]}

  def setUp(self) -> None:
    super().setUp()
    self.enter_context(
      mock.patch.object(self.DATASET_CLASS, "PUBLISHED_SIZES", self.SPLITS)
    )


if __name__ == "__main__":
  tfds.testing.test_main()
