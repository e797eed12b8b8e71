import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies as st

from realm_tf.data.corpus import passage_table
from realm_tf.data.examples import packing
from realm_tf.data.questions import phrase_trie
from realm_tf.data.questions import phrases
from realm_tf.data.questions import token_answers
from realm_tf.text import wordpiece
from tests import synthetic

# Few words, so that answers are found; "##s" goes on a word.
WORDS = ("cat", "dog", "##s", "home")
TOKENIZER = wordpiece.Tokenizer((*wordpiece.SPECIAL_TOKENS, *WORDS))
IDS = {word: 5 + i for i, word in enumerate(WORDS)}
TEXT = st.lists(st.sampled_from(WORDS), max_size=12)
ANSWER = st.lists(
  st.sampled_from(["cat", "dog", "home", "cats", "dogs"]), max_size=3
).map(" ".join)


def table(bodies):
  rows = [[IDS[word] for word in body] for body in bodies]
  flat = [token for row in rows for token in row]
  splits = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
  token_rows = passage_table.TokenRows(
    np.array(flat, np.uint16), splits.astype(np.int64)
  )
  return passage_table.PassageTable(
    ids=np.array([str(i) for i in range(len(rows))], "S16"),
    uids=np.arange(len(rows), dtype=np.int64),
    title_ids=token_rows,
    body_ids=token_rows,
  )


def pieces(answer):
  """The wordpieces of an answer, by hand."""
  found = []
  for word in answer.split():
    found += [word[:-1], "##s"] if word.endswith("s") else [word]
  return found


def expected(answers, body):
  """The runs [start, limit) of a body that are answers, by comparing all."""
  found = set()
  for answer in map(pieces, answers):
    for start in range(len(body) - len(answer) + 1):
      limit = start + len(answer)
      whole = limit == len(body) or not body[limit].startswith("##")
      if answer and body[start:limit] == answer and whole:
        found.add((start, limit))
  return found


@pytest.mark.parametrize("most_pairs", [100, 2, 0])
@hypothesis.settings(max_examples=25)
@hypothesis.given(
  bodies=st.lists(TEXT, min_size=1, max_size=5),
  answers=st.lists(st.lists(ANSWER, max_size=3), min_size=1, max_size=4),
  rng=st.randoms(use_true_random=False),
)
def test_answers_are_found_as_by_comparing_all_places(
  most_pairs, bodies, answers, rng
):
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(token_answers, "MOST_PAIRS", most_pairs)
    patch.setattr(phrase_trie, "CHUNK_WORDPIECES", 8)
    matcher = token_answers.TokenAnswers(answers, table(bodies), TOKENIZER)
  assert matcher.nbytes <= 8 * (most_pairs + 1)
  questions = [rng.randrange(len(answers)) for _ in range(3)]
  rows = [[rng.randrange(len(bodies) + 1) for _ in range(4)] for _ in range(3)]
  held = matcher.held(
    tf.constant(questions, tf.int64), tf.constant(rows, tf.int32)
  )
  found = matcher.occurrences(
    tf.constant(questions, tf.int64), tf.constant(rows, tf.int32)
  ).numpy()
  wanted = sorted(
    (place, passage, start, limit)
    for place, question in enumerate(questions)
    for passage, row in enumerate(rows[place])
    if row < len(bodies)
    for start, limit in expected(answers[question], bodies[row])
  )
  assert sorted(map(tuple, found.tolist())) == wanted
  pairs = {(place, passage) for place, passage, *_ in wanted}
  for place in range(3):
    for passage in range(4):
      assert bool(held[place, passage]) == ((place, passage) in pairs)


def test_an_answer_ends_where_a_word_ends():
  matcher = token_answers.TokenAnswers(
    [["cat"]], table([["cat", "##s", "home"], ["home", "cat"]]), TOKENIZER
  )
  held = matcher.held(tf.constant([0], tf.int64), tf.constant([[0, 1]]))
  assert held.numpy().tolist() == [[False, True]]


def test_an_answer_of_two_passages_is_in_neither():
  matcher = token_answers.TokenAnswers(
    [["cat dog"]], table([["home", "cat"], ["dog", "home"]]), TOKENIZER
  )
  held = matcher.held(tf.constant([0], tf.int64), tf.constant([[0, 1]]))
  assert not np.any(held)


def test_answers_that_cannot_be_spelled_are_counted_and_found_nowhere():
  tokenizer = synthetic.make_tokenizer()
  texts = [("na", "zebra wa zebra"), ("nb", "wa wb")]
  matcher = token_answers.TokenAnswers(
    [["zebra"], [""], ["zebra", "wb"], ["wa"]],
    synthetic.table_of_texts(tokenizer, texts),
    tokenizer,
  )
  assert matcher.shortest.tolist() == [0, 0, 1, 1]
  rows = tf.constant([[0, 1]] * 4)
  held = matcher.held(tf.range(4, dtype=tf.int64), rows)
  assert held.numpy().tolist() == [
    [False, False],
    [False, False],
    [False, True],
    [True, True],
  ]


def test_only_bodies_are_searched():
  tokenizer = synthetic.make_tokenizer()
  table_of_one = synthetic.table_of_texts(tokenizer, [("na", "wa")])
  matcher = token_answers.TokenAnswers([["na"]], table_of_one, tokenizer)
  held = matcher.held(tf.constant([0], tf.int64), tf.constant([[0]]))
  assert not np.any(held)


def test_large_corpora_are_searched_in_parts(monkeypatch):
  monkeypatch.setattr(phrase_trie, "CHUNK_WORDPIECES", 1)
  bodies = [["home"], ["cat", "dog"], [], ["cat"], ["dog", "cat"]]
  matcher = token_answers.TokenAnswers([["cat"]], table(bodies), TOKENIZER)
  assert matcher.nbytes == 8 * (3 + 1)
  found = matcher.occurrences(
    tf.constant([0], tf.int64), tf.constant([[0, 1, 2, 3, 4]])
  )
  assert found.numpy().tolist() == [[0, 1, 0, 1], [0, 3, 0, 1], [0, 4, 1, 2]]


def test_frequent_answers_take_no_memory_and_are_found(monkeypatch):
  monkeypatch.setattr(token_answers, "MOST_PAIRS", 4)
  monkeypatch.setattr(phrases, "CHUNK_CANDIDATES", 2)
  bodies = [["cat", "home", "cat"]] * 9 + [["dog"]]
  matcher = token_answers.TokenAnswers(
    [["cat"], ["dog"]], table(bodies), TOKENIZER
  )
  assert matcher.nbytes == 8 * (1 + 1)  # that of "dog"
  questions = tf.constant([0, 1], tf.int64)
  rows = tf.constant([[*range(11)]] * 2)
  look_up = tf.function(lambda: matcher.held(questions, rows))
  assert look_up().numpy().tolist() == [
    [True] * 9 + [False] * 2,
    [False] * 9 + [True, False],
  ]
  found = matcher.occurrences(questions, rows).numpy().tolist()
  assert found == [
    *([0, row, *place] for row in range(9) for place in ((0, 1), (2, 3))),
    [1, 9, 0, 1],
  ]


def test_passages_without_a_wordpiece_of_a_frequent_answer_hold_none(
  monkeypatch,
):
  monkeypatch.setattr(token_answers, "MOST_PAIRS", 1)
  bodies = [["cat"], ["cat", "dog"], ["dog"], ["home"]]
  matcher = token_answers.TokenAnswers(
    [["cat dog"], ["cat"]], table(bodies), TOKENIZER
  )
  questions = tf.constant([0, 1], tf.int64)
  rows = tf.constant([[2, 3], [2, 3]])
  for look_up in (matcher.held, tf.function(matcher.held)):
    assert not np.any(look_up(questions, rows))
  assert not len(matcher.occurrences(questions, rows))


def test_what_the_model_does_not_read_of_a_passage_is_searched_too():
  corpus = table([["home", "home", "home", "cat"]])
  cut = packing.PackedPassages.of(corpus, 6, TOKENIZER)
  matcher = token_answers.TokenAnswers([["cat"]], corpus, TOKENIZER, cut)
  held = matcher.held(tf.constant([0], tf.int64), tf.constant([[0]]))
  assert held.numpy().tolist() == [[True]]
