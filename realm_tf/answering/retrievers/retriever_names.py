"""The names of the retrievers, and of the ways to join two."""

DENSE = "dense"
BM25 = "bm25"
HYBRID = "hybrid"
RETRIEVERS = (DENSE, BM25, HYBRID)
NONE = "none"  # the closed book

CONVEX = "convex"
RECIPROCAL_RANKS = "reciprocal_ranks"
METHODS = (CONVEX, RECIPROCAL_RANKS)
