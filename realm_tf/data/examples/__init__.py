"""Examples by step: order, masked queries, candidates, packing."""
