"""Graphs of passages, in a corpus that is read by eye."""

import numpy as np

from realm_tf.baselines import passage_graphs
from tests import synthetic

TOKENIZER = synthetic.make_tokenizer()
NAMES, NAMED_BY, SAME_ARTICLE, SHARES = passage_graphs.RELATIONS
TEXTS = [
  ("na", "wa wb nb"),
  ("nb", "wc nd"),
  ("nb", "wd we"),
  ("nc", "wf nb na"),
  ("nd", "wg wh"),
  ("ne", "wi wj"),
]


def builder(**changes):
  sizes = {"seeds": 2, "passages": 5}
  table = synthetic.table_of_texts(TOKENIZER, TEXTS)
  return passage_graphs.Builder(table, TOKENIZER, **(sizes | changes))


def test_relations_are_links_articles_and_shared_names():
  found = builder().relations([0, 1, 2, 3, 4])
  wanted = np.zeros([5, 5], np.uint8)
  # 0 names nb; 1 names nd; 3 names nb and na; 0 and 3 name nb both.
  for i, j in ((0, 1), (0, 2), (1, 4), (3, 0), (3, 1), (3, 2)):
    wanted[i, j] |= NAMES
    wanted[j, i] |= NAMED_BY
  wanted[1, 2] = wanted[2, 1] = SAME_ARTICLE
  wanted[0, 3] |= SHARES
  wanted[3, 0] |= SHARES
  np.testing.assert_array_equal(found, wanted)


def test_seeds_are_of_words_and_of_names_and_lead_to_links():
  # By words row 4 (wg, wh) and by names row 0; both are found by words, too.
  graphs = builder(passages=6).build(["wg wh na", "wi", "zzz"])
  first, second, none = graphs.rows.tolist()
  assert {*first[:2]} == {0, 4}
  # 0 is linked to the passages of nb, which share no word with the question;
  # of row 3, which names na, it does not know.
  assert first[2:] == [1, 2, 6, 6]
  assert second == [5, 6, 6, 6, 6, 6]
  assert none == [6] * 6
  assert graphs.relations[0, first.index(0), 2:].tolist() == [1, 1, 0, 0]
  assert not graphs.relations[1:].any()


def test_linked_passages_come_after_the_seeds_the_best_first():
  # Row 0 is the one seed; its links are 1 and 2, of which 2 has more words.
  (rows,) = builder(seeds=1).build(["wa wb wd we wc"]).rows.tolist()
  assert rows[0] == 0
  assert rows[1:] == [2, 1, 6, 6]


def test_a_graph_has_no_more_passages_than_wanted():
  graphs = builder(passages=2).build(["wa wb wd we wc na"])
  assert graphs.rows.shape == (1, 2)
  assert graphs.relations.shape == (1, 2, 2)
