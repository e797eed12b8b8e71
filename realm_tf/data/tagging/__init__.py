"""Labelled text for the tagger: CoNLL files, sources, examples."""
