"""The names of the ways to find passages, as `retriever` takes them."""

DENSE = "dense"
BM25 = "bm25"
RETRIEVERS = (DENSE, BM25)
NONE = "none"  # the closed book
