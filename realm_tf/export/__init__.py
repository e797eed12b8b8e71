"""Exports embedders and taggers as SavedModels."""
