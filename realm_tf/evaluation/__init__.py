"""Evaluation of retrieval and answers: judges, scores, reports."""
