"""Random text of realistic length: vocabulary, passages, sentences, spans."""

import collections
import dataclasses

import numpy as np

from realm_tf.data.corpus import passage_table
from realm_tf.data.sentences import annotated_corpus
from realm_tf.text import wordpiece

VOCAB_SIZE = 30522
SEP = wordpiece.SPECIAL_TOKENS.index("[SEP]")
_FIRST_WORD = 1000
_CONTINUATIONS = 6000  # "##" wordpieces, as many as in BERT's vocabulary
_DRAWN_AT_ONCE = 1 << 23
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def vocabulary() -> list[str]:
  """Returns as many wordpieces as BERT's, a fifth of them continuations."""
  rng = np.random.default_rng(0)
  words: dict[str, None] = {}
  while len(words) < VOCAB_SIZE - _FIRST_WORD:
    letters = rng.choice(list(_LETTERS), rng.integers(3, 9))
    words["".join(letters)] = None
  ordered = list(words)
  ordered[-_CONTINUATIONS:] = [f"##{w}" for w in ordered[-_CONTINUATIONS:]]
  special = list(wordpiece.SPECIAL_TOKENS)
  unused = [f"[unused{i}]" for i in range(_FIRST_WORD - len(special))]
  return special + unused + ordered


def text_of(token_ids: np.ndarray, words: list[str]) -> str:
  """Returns wordpieces as a text that gives about the same wordpieces."""
  return " ".join(words[i] for i in token_ids).replace(" ##", "")


@dataclasses.dataclass(frozen=True)
class SyntheticCorpus:
  """The same passages in the two forms that training reads.

  Attributes:
    sentences: With places of sentences and spans.
    passages: With token ids of titles and bodies.
  """

  sentences: annotated_corpus.AnnotatedCorpus
  passages: passage_table.PassageTable


def make_corpus(num_passages: int, longest: int) -> SyntheticCorpus:
  """Makes passages as long as those of Wikipedia in BERT's wordpieces.

  Titles of 1 to 5 wordpieces; sentences of 12 to 48 with two spans of 1 to 4;
  as many sentences as there are in 100 wordpieces, or in as many as fit.

  Args:
    num_passages: How many.
    longest: Wordpieces of a passage at most, title and special ones included.
  """
  rng = np.random.default_rng(1)
  titles = rng.integers(1, 6, num_passages)
  lengths = rng.integers(longest // 3, longest - 8, num_passages)
  counts = np.maximum(lengths // 30, 1)
  sentence_passages = np.repeat(np.arange(num_passages, dtype=np.int32), counts)
  splits = _splits(lengths)
  # A passage's sentences are equally long, 30 wordpieces and a little more.
  first = _splits(counts)[sentence_passages]
  place = np.arange(len(sentence_passages)) - first
  size = (lengths // counts)[sentence_passages]
  starts = splits[sentence_passages] + place * size
  limits = starts + size
  span_starts = np.stack([starts + 2, starts + size // 2], axis=1)
  span_lengths = rng.integers(1, 5, span_starts.shape)
  uids = rng.permutation(num_passages).astype(np.int64) + 1
  body = _tokens(rng, int(splits[-1]))
  title = _tokens(rng, int(titles.sum()))
  return SyntheticCorpus(
    annotated_corpus.AnnotatedCorpus(
      tokens=body,
      passage_splits=splits,
      title_tokens=title,
      title_splits=_splits(titles),
      uids=uids,
      articles=uids,
      sentence_starts=starts,
      sentence_limits=limits,
      sentence_passages=sentence_passages,
      span_splits=np.arange(0, 2 * len(starts) + 1, 2, dtype=np.int64),
      span_starts=span_starts.ravel(),
      span_limits=(span_starts + span_lengths).ravel(),
      dropped=collections.Counter(),
    ),
    passage_table.PassageTable(
      ids=np.char.mod("%016x", uids).astype("S16"),
      uids=uids,
      title_ids=passage_table.TokenRows(title, _splits(titles)),
      body_ids=passage_table.TokenRows(body, splits),
    ),
  )


def _tokens(rng: np.random.Generator, count: int) -> np.ndarray:
  return rng.integers(_FIRST_WORD, VOCAB_SIZE, count).astype(np.uint16)


def _splits(lengths: np.ndarray) -> np.ndarray:
  return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def make_words(
  num_passages: int, num_questions: int
) -> tuple[passage_table.PassageTable, np.ndarray]:
  """Makes passages whose words are as frequent as in Wikipedia, and questions.

  Frequencies follow Zipf and Mandelbrot's law: a third of the passages or more
  hold one of the 30 words that are the most frequent. Bodies have 126
  wordpieces on average, titles 4. A question has five of those 30 words, two of
  any, and five rarer ones of one passage.

  Args:
    num_passages: How many.
    num_questions: How many.

  Returns:
    The passages, and the questions' wordpieces <int32>[num_questions, 12].
  """
  rng = np.random.default_rng(0)
  ranks = np.arange(VOCAB_SIZE - _FIRST_WORD)
  shares = np.cumsum(1 / (ranks + 3.7))
  shares /= shares[-1]

  def draw(count: int) -> np.ndarray:
    places = np.searchsorted(shares, rng.random(count))
    return (_FIRST_WORD + places).astype(np.uint16)

  def rows(mean: float, longest: int) -> passage_table.TokenRows:
    lengths = rng.normal(mean, mean / 3, num_passages).round()
    lengths = lengths.clip(1, longest).astype(np.int64)
    splits = np.concatenate([[0], np.cumsum(lengths)])
    values = np.empty([splits[-1]], np.uint16)
    for first in range(0, len(values), _DRAWN_AT_ONCE):
      part = values[first : first + _DRAWN_AT_ONCE]
      part[:] = draw(len(part))
    return passage_table.TokenRows(values, splits)

  table = passage_table.PassageTable(
    ids=np.zeros([num_passages], "S16"),
    uids=np.zeros([num_passages], np.int64),
    title_ids=rows(4, 12),
    body_ids=rows(126, 270),
  )
  questions = np.empty([num_questions, 12], np.int32)
  for question in questions:
    body = table.body_ids.row(rng.integers(num_passages))
    rare = body[body >= _FIRST_WORD + 300]
    question[:5] = _FIRST_WORD + rng.integers(0, 30, 5)
    question[5:7] = draw(2)
    question[7:] = rng.choice(rare if len(rare) else body, 5)
  return table, questions
