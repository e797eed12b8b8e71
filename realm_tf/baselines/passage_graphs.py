"""Graphs of passages: seeds, what they are linked to, and how they relate.

After Min et al. (2019), section 3, whose relations are Wikidata's; here they
are links, shared entities and common articles, which any corpus has.
"""

import itertools
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from realm_tf.baselines import links
from realm_tf.baselines import tf_idf
from realm_tf.data.corpus import passage_table
from realm_tf.text import wordpiece

# Bits of `Graphs.relations`: of a passage i, and j, from which it hears.
NAMES, NAMED_BY, SAME_ARTICLE, SHARES_ENTITY = RELATIONS = 1, 2, 4, 8


class Graphs(NamedTuple):
  """The graphs of questions.

  Attributes:
    rows: <int32>[questions, n]. The passages, the null row for none.
    relations: <uint8>[questions, n, n]. The sum of the bits of `RELATIONS` that
      hold between passages i and j; 0 on the diagonal.
  """

  rows: np.ndarray
  relations: np.ndarray


class Builder:
  """Builds graphs on one corpus."""

  def __init__(
    self,
    table: passage_table.PassageTable,
    tokenizer: wordpiece.Tokenizer,
    *,
    seeds: int,
    passages: int,
  ):
    """Links the corpus, and weighs its words.

    Args:
      table: The corpus.
      tokenizer: Of the corpus.
      seeds: Most seeds of a graph by words, and by names each.
      passages: Most passages of a graph.
    """
    self._tokenizer = tokenizer
    self._null_row = len(table)
    self._search = tf_idf.TfIdf(table, tokenizer)
    self._links = links.Links(table, tokenizer)
    self._seeds = seeds
    self._count = passages

  def build(self, texts: Sequence[str]) -> Graphs:
    """Returns the graphs of questions."""
    rows = np.full([len(texts), self._count], self._null_row, np.int32)
    relations = np.zeros([len(texts), self._count, self._count], np.uint8)
    named = self._named(texts)
    for i, scores in enumerate(self._search.scores(texts)):
      found = self.passages(scores, named[i])
      rows[i, : len(found)] = found
      relations[i, : len(found), : len(found)] = self.relations(found)
    return Graphs(rows, relations)

  def passages(self, scores: np.ndarray, named: np.ndarray) -> list[int]:
    """Returns the passages of a graph, those first that are read if few are.

    Args:
      scores: <float32>[passages]. Of the question, by TF-IDF.
      named: <int64>[n]. Names in the question, of `links.Links`.

    Returns:
      Rows: seeds by words and by names in turn, and then in turns what each of
      them is linked to; the better by TF-IDF, the sooner.
    """
    by_name = tf_idf.rank_rows(
      scores, self._links.rows_of(named), self._seeds
    ).tolist()
    by_words = tf_idf.best_rows(scores, self._seeds).tolist()
    seeds = list(dict.fromkeys(_in_turns([by_name, by_words])))
    linked = _in_turns(
      tf_idf.rank_rows(scores, self._links.linked(row), self._count).tolist()
      for row in seeds
    )
    return list(dict.fromkeys([*seeds, *linked]))[: self._count]

  def relations(self, rows: Sequence[int]) -> np.ndarray:
    """Returns the relations of passages, <uint8>[n, n]; see `Graphs`.

    Args:
      rows: The passages.
    """
    name_of = self._links.name_of[list(rows)]
    named = [{*self._links.named(row).tolist()} for row in rows]
    names = np.array([[name in some for name in name_of] for some in named])
    shares = np.array([[bool(a & b) for b in named] for a in named])
    same = (name_of[:, None] == name_of) & (name_of >= 0)
    holding = (names, names.T, same, shares)
    shape = [len(rows), len(rows)]
    found = np.zeros(shape, np.uint8)
    for bit, holds in zip(RELATIONS, holding, strict=True):
      found |= np.uint8(bit) * holds.reshape(shape).astype(np.uint8)
    np.fill_diagonal(found, 0)
    return found

  def _named(self, texts: Sequence[str]) -> list[np.ndarray]:
    """Returns the names that stand in each question."""
    ids = self._tokenizer.tokenize(tf.constant(list(texts), tf.string))
    return self._links.names_in(
      passage_table.TokenRows(
        ids.values.numpy(), ids.row_splits.numpy().astype(np.int64)
      )
    )


def _in_turns(lists: Iterable[Sequence[int]]) -> Iterator[int]:
  """Yields the first of each, the second of each, and so on."""
  for turn in itertools.zip_longest(*lists):
    yield from (row for row in turn if row is not None)
