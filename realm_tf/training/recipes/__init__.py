"""What a training command runs, one command a file."""
