"""The tasks, one module each: pipeline, model, losses."""
