"""WebQuestions, split as in ORQA."""
