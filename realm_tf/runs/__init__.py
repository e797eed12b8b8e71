"""The files of a run's folder: config, state, exports, locks."""
