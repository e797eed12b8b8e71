"""Records on disk and in tf.data: corpora, passages, examples, questions."""
