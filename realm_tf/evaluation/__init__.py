"""How good retrieval and answers are: recall@k, baselines, reports."""
