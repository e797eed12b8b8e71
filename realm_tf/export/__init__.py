"""What is exported for others to load: SavedModels."""
