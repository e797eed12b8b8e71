"""Sentences and salient spans of a corpus: annotates, writes, loads."""
