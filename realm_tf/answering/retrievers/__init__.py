"""Ways to retrieve passages: the model's own, and BM25."""
