"""What is trained, one task a file: pipeline, model, losses."""
