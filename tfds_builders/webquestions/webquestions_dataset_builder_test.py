"""TFDS's tests of the builder, on made-up questions."""

from unittest import mock

import tensorflow_datasets as tfds

from tfds_builders.webquestions import webquestions_dataset_builder


class WebQuestionsTest(tfds.testing.DatasetBuilderTestCase):
  DATASET_CLASS = webquestions_dataset_builder.Builder
  SPLITS = {"train": 3, "dev": 1, "test": 2}
  DL_DOWNLOAD_RESULT = {
    "train": ["train_a.json", "train_b.json", "train_c.json"],
    "test": ["test_a.json"],
  }

  def setUp(self) -> None:
    super().setUp()
    self.enter_context(
      mock.patch.object(self.DATASET_CLASS, "PUBLISHED_SIZES", self.SPLITS)
    )


if __name__ == "__main__":
  tfds.testing.test_main()
