"""Training: steps, loop, pipelines, checkpoints."""
