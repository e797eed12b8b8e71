"""NaturalQuestions-Open, split as in ORQA."""
