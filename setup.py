"""Packages realm_tf.

`constraints.txt` pins every version that this set was tested with.
"""

import pathlib

import setuptools

_ROOT = pathlib.Path(__file__).resolve().parent

# TensorFlow 2.15 is the last release with the Estimator API, on which the
# refresh job is built. The other versions follow from it.
_INSTALL_REQUIRES = [
  "absl-py",
  "apache-beam==2.77.0",
  # tensorflow-datasets imports it for builders that are not its own, and
  # does not say so.
  "importlib_resources",
  # Escapes and draws the report of an evaluation.
  "markupsafe",
  "matplotlib",
  "numpy<2",
  "PyYAML",
  # Unicode categories, by which answers are cut into words.
  "regex",
  "scann==1.3.0",
  "scipy",
  # Scores of the tagger, as CoNLL-2003 has them.
  "seqeval",
  # tensorflow-hub needs pkg_resources, which setuptools 81 no longer has.
  "setuptools<81",
  "syntok",
  "tensorflow==2.15.1",
  "tensorflow-datasets==4.9.10",
  # Newer ones need a newer protobuf than TensorFlow 2.15 takes.
  "tensorflow-metadata<1.16",
  "tensorflow-serving-api==2.15.1",
  "tensorflow-text==2.15.0",
  # tf.keras is tf_keras under TF_USE_LEGACY_KERAS, which realm_tf sets.
  "tf-keras==2.15.1",
  "tf-models-official==2.15.0",
]

# The command `tfds` imports it.
_TFDS_REQUIRES = [
  "mlcroissant",
]

_TEST_REQUIRES = [
  *_TFDS_REQUIRES,
  # tfds.testing imports it.
  "dill",
  "hypothesis",
  "pytest>=9",
  "pytest-xdist",
  "rank-bm25",
]

_DEV_REQUIRES = [
  "mypy",
  "ruff",
]


def _long_description() -> str:
  readme = _ROOT / "README.md"
  return readme.read_text(encoding="utf-8") if readme.exists() else ""


setuptools.setup(
  name="realm_tf",
  version="0.1.0",
  description="Retrieval-augmented language model pre-training (REALM) in "
  "TensorFlow 2",
  long_description=_long_description(),
  long_description_content_type="text/markdown",
  license="Apache-2.0",
  python_requires=">=3.11,<3.12",
  packages=setuptools.find_packages(
    include=["realm_tf", "realm_tf.*", "tfds_builders", "tfds_builders.*"]
  ),
  package_data={
    "realm_tf": [
      "**/*.tsv",
      "**/*.txt",
      "**/*.json",
      "**/*.npz",
      "demo/bert/weights.*",
      "serving/page/*",
    ],
    # TFDS reads the files beside a builder.
    "tfds_builders": [
      "*/CITATIONS.bib",
      "*/README.md",
      "*/TAGS.txt",
      "*/checksums.tsv",
      "*/dummy_data/*",
    ],
  },
  install_requires=_INSTALL_REQUIRES,
  extras_require={
    "test": _TEST_REQUIRES,
    "tfds": _TFDS_REQUIRES,
    "dev": _DEV_REQUIRES,
  },
  classifiers=[
    "Intended Audience :: Science/Research",
    "License :: OSI Approved :: Apache Software License",
    "Operating System :: POSIX :: Linux",
    "Programming Language :: Python :: 3.11",
    "Topic :: Scientific/Engineering :: Artificial Intelligence",
  ],
)
