"""Annotated sentences: salient spans by corpus, written and read."""
