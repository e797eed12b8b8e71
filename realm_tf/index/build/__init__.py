"""Embeds a corpus, shard by shard, and publishes a version."""
