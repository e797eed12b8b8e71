"""CuratedTREC, split as in ORQA."""
