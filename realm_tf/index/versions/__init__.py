"""Index versions on disk: published, announced, watched, pruned."""
