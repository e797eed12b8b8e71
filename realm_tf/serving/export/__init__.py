"""From a run to a SavedModel for TensorFlow Serving, verified."""
