"""Compiles the steps of a run for TPUs, on machines that have none."""
