"""Maximum inner product search: exact, by partitions, by ScaNN."""
