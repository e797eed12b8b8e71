"""Which sentences of one corpus come from passages of another."""

import numpy as np
import tensorflow as tf

from realm_tf.data.corpus import corpora
from realm_tf.data.corpus import passage_table
from realm_tf.data.sentences import annotated_corpus


def count_sentences(
  sentences: annotated_corpus.AnnotatedCorpus,
  passages: passage_table.PassageTable,
) -> int:
  """Counts the sentences whose passage, with the same text, is in a corpus.

  Args:
    sentences: The pre-training corpus X.
    passages: The knowledge corpus Z.
  """
  shared = np.isin(sentences.uids, passages.uids)
  return int(np.sum(shared[sentences.sentence_passages]))


def shared_title(
  sentences: annotated_corpus.AnnotatedCorpus, corpus: corpora.Corpus
) -> str | None:
  """Returns a title that both corpora have; None if there is none.

  Reads the titles of the knowledge corpus up to the first that is found.

  Args:
    sentences: The pre-training corpus X.
    corpus: The knowledge corpus Z.

  Raises:
    errors.UserError: If a file of it cannot be read.
  """
  known = np.unique(sentences.articles)
  for shard in range(len(corpus.shard_paths)):
    _, titles = corpus.read_keys(shard)
    if not len(titles):
      continue
    found = np.isin(
      annotated_corpus.article_uid(tf.constant(titles)).numpy(), known
    )
    # A passage without a title says nothing of where it is from.
    found &= titles != b""
    if found.any():
      return titles[np.argmax(found)].decode()
  return None
