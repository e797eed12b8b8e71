"""The training commands, one module each."""
