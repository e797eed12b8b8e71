"""Training: strategy, optimizer, steps, loop, and one task a file."""
