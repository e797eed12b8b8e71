import numpy as np
import tensorflow as tf

from realm_tf.answering.retrievers import dense
from tests import synthetic

TOKENIZER = synthetic.make_tokenizer()


def test_it_embeds_texts_as_queries(monkeypatch):
  embedded = []

  def embed(token_ids):
    embedded.append(token_ids.numpy().tolist())
    return tf.cast(token_ids[:, 1:2], tf.float32)

  def search(embeddings, k):
    rows = tf.tile(tf.constant([[5, 6]]), [len(embeddings), 1])
    valid = tf.tile(tf.constant([[True, False]]), [len(embeddings), 1])
    assert k == 2
    return tf.zeros_like(rows, tf.float32), rows, valid

  monkeypatch.setattr(dense, "BATCH_QUERIES", 2)
  retriever = dense.DenseRetriever(embed, search, TOKENIZER, query_length=5)
  retrieved = retriever.retrieve(["na", "na nb nc nd", ""], 2)
  np.testing.assert_array_equal(retrieved.rows, [[5, -1]] * 3)
  np.testing.assert_array_equal(retrieved.scores, [[0, -np.inf]] * 3)
  assert embedded == [
    [[2, 6, 3, 0, 0], [2, 6, 7, 8, 3]],
    [[2, 3, 0, 0, 0]],
  ]
