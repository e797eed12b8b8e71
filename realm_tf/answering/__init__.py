"""Answers questions: the same TensorFlow graph for every command."""
