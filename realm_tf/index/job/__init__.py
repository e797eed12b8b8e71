"""The refresh job: follows a run, with workers of its own."""
