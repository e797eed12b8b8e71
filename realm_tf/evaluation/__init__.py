"""How good retrieval and answers are: judging, scores, reports."""
