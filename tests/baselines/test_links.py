"""Links: the titles that passages name, in a corpus that is read by eye."""

import numpy as np
import tensorflow as tf

from realm_tf.baselines import links
from realm_tf.data.corpus import passage_table
from realm_tf.data.questions import phrase_trie
from realm_tf.text import wordpiece
from tests import synthetic

VOCABULARY = [*synthetic.VOCABULARY, "(", ")", "##x"]
TOKENIZER = wordpiece.Tokenizer(VOCABULARY)
TEXTS = [
  ("na", "na wa nb . nc nd wb"),  # names nb, nc nd (not nd alone), not itself
  ("nb", "wa nd nd"),  # nd, once
  ("nc nd", "nbx wa"),  # no whole word
  ("nd", "ne wb"),  # "ne (wa)"
  ("ne (wa)", "zzz"),
  ("ne (wb)", "na . nb"),
  ("nb", "nc"),  # the first word of a title
  ("zzz", "zzz na"),  # no such wordpiece
]


def made():
  return links.Links(synthetic.table_of_texts(TOKENIZER, TEXTS), TOKENIZER)


def linked(found):
  return [sorted(found.linked(row).tolist()) for row in range(len(TEXTS))]


def test_a_passage_is_linked_to_the_titles_that_it_names():
  assert linked(made()) == [[1, 2, 6], [3], [], [4, 5], [], [0, 1, 6], [], [0]]


def test_titles_of_one_name_have_one_number():
  names = made().name_of
  assert names[1] == names[6]
  assert names[4] == names[5]
  assert names[7] == -1
  assert len({*names.tolist()}) == 6


def test_names_in_questions_are_found_as_in_passages():
  found = made()
  ids = TOKENIZER.tokenize(tf.constant(["wa", "nc nd wa ne", "", "nd nb nd"]))
  rows = passage_table.TokenRows(ids.values.numpy(), ids.row_splits.numpy())
  named = [
    sorted(found.rows_of(names).tolist()) for names in found.names_in(rows)
  ]
  assert named == [[], [2, 4, 5], [], [1, 3, 6]]


def test_parts_of_a_corpus_have_the_same_links(monkeypatch):
  monkeypatch.setattr(phrase_trie, "CHUNK_WORDPIECES", 3)
  assert linked(made())[0] == [1, 2, 6]
  assert linked(made())[5:] == [[0, 1, 6], [], [0]]


def test_common_words_are_no_links():
  texts = [("na", "wa"), *[("nb", "na wa")] * 201, ("wb", "nb")]
  table = synthetic.table_of_texts(TOKENIZER, texts)
  found = links.Links(table, TOKENIZER)
  assert not len(found.linked(1))
  assert len(found.linked(202)) == 201
  np.testing.assert_array_equal(found.rows_of(found.name_of[:1]), [0])
