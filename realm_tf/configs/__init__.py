"""Every setting of a run: one dataclass a task, one file a preset."""
