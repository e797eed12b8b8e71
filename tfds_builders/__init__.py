"""Open-domain QA datasets for TFDS, split as ORQA and REALM split them.

Importing this package registers `nq_open`, `webquestions` and `curated_trec`:

    import tensorflow_datasets as tfds
    import tfds_builders

    dev = tfds.load("curated_trec", split="dev")
"""

from tfds_builders.curated_trec import curated_trec_dataset_builder
from tfds_builders.nq_open import nq_open_dataset_builder
from tfds_builders.webquestions import webquestions_dataset_builder

# By the name that TFDS registers them under.
BUILDERS = {
  builder.name: builder
  for builder in (
    nq_open_dataset_builder.Builder,
    webquestions_dataset_builder.Builder,
    curated_trec_dataset_builder.Builder,
  )
}
