"""Lines of a plan: how a run's corpora fit its config and each other."""

import numpy as np

from realm_tf.configs import schema
from realm_tf.data.corpus import corpora
from realm_tf.data.corpus import passage_cuts
from realm_tf.data.corpus import passage_table
from realm_tf.data.sentences import annotated_corpus
from realm_tf.data.sentences import shared_passages


def cut_passages(
  title_lengths: np.ndarray, body_lengths: np.ndarray, length: int
) -> dict[str, str]:
  """Returns a line on passages that are longer than a model reads, if any.

  Args:
    title_lengths: <int64>[passages], wordpieces.
    body_lengths: <int64>[passages].
    length: `passage_length`.
  """
  cuts = passage_cuts.by_passage_length(title_lengths, body_lengths, length)
  if not cuts.passages:
    return {}
  count = len(body_lengths)
  return {
    "cut": f"{round(cuts.passages * count):,} of {count:,} passages "
    f"({100 * cuts.passages:.1f}%) are longer than passage_length={length}: "
    f"{100 * cuts.wordpieces:.1f}% of the wordpieces are never read. "
    f"build_corpus(max_passage_tokens={length}) packs passages that fit"
  }


def cut_by_reader(
  passages: passage_table.PassageTable,
  query_lengths: np.ndarray,
  config: schema.OrqaConfig,
) -> dict[str, str]:
  """Returns a line on passages that do not fit beside a question, if any.

  Args:
    passages: The knowledge corpus.
    query_lengths: <int64>[questions], wordpieces with [CLS] and [SEP].
    config: Gives the lengths.
  """
  cuts = passage_cuts.by_reader_length(
    passages.title_ids.lengths,
    passages.body_ids.lengths,
    config.passage_length,
    np.minimum(query_lengths, config.query_length),
    config.reader_length,
  )
  if not cuts.passages:
    return {}
  return {
    "reader": f"reader_length={config.reader_length} cuts "
    f"{100 * cuts.passages:.1f}% of the passages beside a question: the reader "
    f"misses another {100 * cuts.wordpieces:.1f}% of the wordpieces. Raise "
    "`config.reader_length`, or build a corpus of shorter passages"
  }


def sources(
  sentences: annotated_corpus.AnnotatedCorpus,
  passages: passage_table.PassageTable,
  corpus: corpora.Corpus,
) -> dict[str, str]:
  """Returns lines on sentences whose passages are in the knowledge corpus.

  A sentence's own passage is never retrieved for it; that needs the same
  passage, text for text, in the corpus.

  Args:
    sentences: The pre-training corpus X.
    passages: The knowledge corpus Z.
    corpus: The same on disk.

  Returns:
    No line if all sentences come from passages of the corpus. A warning if
    none does, though the two have articles in common.
  """
  count = shared_passages.count_sentences(sentences, passages)
  if count == sentences.num_sentences:
    return {}
  lines = {
    "sources": f"{count:,} of {sentences.num_sentences:,} sentences come from "
    "passages of `corpus`, which are left out of what is retrieved for them"
  }
  title = None if count else shared_passages.shared_title(sentences, corpus)
  if title is not None:
    lines["WARNING"] = (
      f"both corpora have articles such as {title!r}, but no passage in "
      "common: their text is packed otherwise, so that a sentence finds its "
      "own words in `corpus`. Annotate `corpus` itself with annotate_spans, "
      "and leave out `pretrain_corpus`"
    )
  return lines
