"""The names of the retrievers."""

DENSE = "dense"
BM25 = "bm25"
RETRIEVERS = (DENSE, BM25)
NONE = "none"  # the closed book
