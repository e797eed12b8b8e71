"""Readers of weights, one a format."""
