import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.data.corpus import passage_table
from realm_tf.data.sentences import annotated_corpus
from realm_tf.training.recipes import corpus_lines
from tests import synthetic
from tests import written_corpus


def test_passages_that_are_cut_are_told_of():
  titles, bodies = np.array([2, 2, 2, 2]), np.array([5, 18, 19, 29])
  lines = corpus_lines.cut_passages(titles, bodies, 24)
  assert lines == {
    "cut": "1 of 4 passages (25.0%) are longer than passage_length=24: 12.7% "
    "of the wordpieces are never read. build_corpus(max_passage_tokens=24) "
    "packs passages that fit"
  }
  assert corpus_lines.cut_passages(titles, bodies, 34) == {}


def test_bodies_that_do_not_fit_beside_a_question_are_told_of():
  table = synthetic.passage_table(synthetic.random_corpus())
  longest = int(table.body_ids.lengths.max())

  def line(reader_length):
    config = synthetic.orqa_config(
      passage_length=48, query_length=12, reader_length=reader_length
    )
    return corpus_lines.cut_by_reader(table, np.array([5, 40]), config)

  assert line(12 + longest + 1) == {}
  # The longer question is cut to query_length.
  assert "reader_length=16 cuts" in line(16)["reader"]
  assert "`config.reader_length`" in line(16)["reader"]


def shared(tmp_path, articles, titles):
  """The lines for a knowledge corpus of texts, and sentences of the same.

  Args:
    tmp_path: Where to write.
    articles: (title, text) of the knowledge corpus.
    titles: (title, text) of the passages that the sentences are of.
  """
  corpus, _ = written_corpus.write_texts(tmp_path / "z", [articles])
  sentences = synthetic.build_corpus(
    [([6], [[([30, 31, 32, 33], [(1, 2)])] * 2]) for _ in titles]
  )
  names, texts = (tf.constant(part) for part in zip(*titles, strict=True))
  sentences = dataclasses.replace(
    sentences,
    uids=passage_table.passage_uid(names, texts).numpy(),
    articles=annotated_corpus.article_uid(names).numpy(),
  )
  return corpus_lines.sources(sentences, corpus.load_passages(), corpus)


KNOWN = [("Oslo", "a b. c d."), ("Rome", "e f."), ("", "g h.")]


@pytest.mark.parametrize(
  "titles, count, warns",
  [
    (KNOWN, None, False),
    (KNOWN[:1], None, False),
    ([KNOWN[0], ("Rome", "e f")], "2 of 4 sentences", False),
    ([("Oslo", "a b."), ("Oslo", "c d."), KNOWN[1]], "2 of 6", False),
    ([("Oslo", "a b."), ("Bern", "c d.")], "0 of 4 sentences", True),
    ([("Bern", "a b."), ("", "c d.")], "0 of 4 sentences", False),
  ],
)
def test_sentences_whose_passage_is_in_the_corpus_are_counted(
  tmp_path, titles, count, warns
):
  lines = shared(tmp_path, KNOWN, titles)
  if count is None:
    assert lines == {}
    return
  assert lines["sources"].startswith(count)
  assert ("WARNING" in lines) == warns
  if warns:
    assert "such as 'Oslo'" in lines["WARNING"]
    assert "annotate_spans" in lines["WARNING"]
