"""REALM: retrieval-augmented language-model pre-training in TensorFlow 2."""

__version__ = "0.1.0"
