"""From a question to its answer: one TensorFlow graph, wherever it is asked."""
