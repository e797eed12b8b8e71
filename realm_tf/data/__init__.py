"""Records on disk and in tf.data: corpora, sentences, examples, questions."""
