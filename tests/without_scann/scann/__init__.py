"""Stands in the path before the real ScaNN, for a process to have none."""

raise ImportError("ScaNN is not installed")
