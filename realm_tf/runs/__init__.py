"""What a run's folder holds: config, state, exports, locks."""
