"""Reads first weights: public weights in many formats, and runs.

`reading.read` tells a format apart and reads it into a `weight_source.Source`;
`assignment` puts a source into Keras models and reports what it had;
`fitting` refuses a source that a run's config or corpus does not fit.
"""
