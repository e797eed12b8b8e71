"""Keras models: encoder, embedder, reader, and the three objectives.

Models know no files. Axes: B queries, K candidates (the null passage is
candidate 0), L wordpieces, M masks, D dimensions, V wordpieces of the
vocabulary.
"""
