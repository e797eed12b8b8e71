"""Open-QA: datasets, splits, examples, answers among wordpieces."""
