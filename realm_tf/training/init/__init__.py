"""The first weights of a run: from runs, and from public weights."""
