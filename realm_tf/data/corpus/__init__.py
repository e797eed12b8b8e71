"""A corpus: passages and their manifest, in files and in memory."""
