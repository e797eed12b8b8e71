"""From text to a corpus: sources, passages, shards; and edits of one."""
