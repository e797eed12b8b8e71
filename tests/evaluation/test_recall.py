import numpy as np
import tensorflow as tf

from realm_tf.answering.retrievers import retriever
from realm_tf.data.examples import packing
from realm_tf.data.questions import qa_datasets
from realm_tf.evaluation import reader_view
from realm_tf.evaluation import recall
from tests import synthetic

TOKENIZER = synthetic.make_tokenizer()
TEXTS = [
  ("na", "wa nb nc wb ."),
  ("nd", "wa nb wc nc ."),
  ("", "na nb"),
]


def read_texts(rows):
  assert len(set(rows)) == len(rows), "a passage is read once"
  titles, bodies = zip(*(TEXTS[row] for row in rows), strict=True)
  return list(titles), list(bodies)


def judge(*asked):
  return recall.Judge(
    [
      qa_datasets.Example(str(number), "wa ?", answers, subject="".join(rest))
      for number, (answers, *rest) in enumerate(asked)
    ],
    read_texts,
  )


def verdicts(*asked):
  rows = np.tile(np.arange(3), [len(asked), 1])
  return judge(*asked).hits(rows).tolist()


def test_an_answer_is_a_run_of_words_of_the_body():
  assert verdicts(
    (("nb nc",),), (("nd",),), (("nc nb",),), (("NB",),), (("na",),), (("a",),)
  ) == [
    [True, False, False],
    # A title is not read.
    [False, False, False],
    [False, False, False],
    [True, True, True],
    [False, False, True],
    # Nor is a part of a word an answer.
    [False, False, False],
  ]


def test_any_answer_will_do_and_the_subject_must_be_there():
  assert verdicts(
    (("nt", "nc"),), (("nb",), "na"), (("nb",), "wc nc"), (("nb",), "nt")
  ) == [
    [True, True, False],
    [False, False, True],
    [False, True, False],
    [False, False, False],
  ]


def test_patterns_may_match_anywhere():
  one = qa_datasets.Example("1", "?", (r"w[bc]\s+n", "("), "regex")
  hits = recall.Judge([one], read_texts).hits(np.array([[0, 1, 2]]))
  assert hits.tolist() == [[False, True, False]]


def seen_by(config, *asked, rows=(0, 1, 2)):
  made = judge(*asked)
  view = reader_view.ReaderView(TOKENIZER, config)
  cut = recall.Judge(made.questions, read_texts, view)
  return cut.hits(np.tile(rows, [len(asked), 1])).tolist()


def test_an_answer_beyond_the_cut_is_not_seen():
  # [CLS] na [SEP] wa nb nc wb . [SEP] has nine wordpieces.
  asked = ((("wb",),), (("nc",),), (("nb",),), (("nb",), "wb"))
  for length, expected in {
    9: [True, True, True, True],
    8: [True, True, True, True],
    7: [False, True, True, False],
    6: [False, False, True, False],
    5: [False, False, False, False],
    4: [False, False, False, False],
  }.items():
    config = synthetic.realm_config(passage_length=length)
    assert seen_by(config, *asked, rows=(0,)) == [[hit] for hit in expected]


def test_a_long_question_hides_the_end_of_a_body():
  # [CLS] wa ? [SEP], "?" being [UNK], leaves the body length - 5 wordpieces.
  asked = ((("nb nc",),), (("nc",),), (("nb",),))
  for length, expected in {
    10: [[True, False, False], [True, True, False], [True, True, True]],
    8: [[True, False, False], [True, False, False], [True, True, True]],
    7: [[False] * 3, [False] * 3, [True, True, True]],
  }.items():
    config = synthetic.orqa_config(query_length=4, reader_length=length)
    assert seen_by(config, *asked) == expected, length


def test_a_view_cuts_bodies_as_the_reader_gets_them():
  texts = [("na nb", "wa wb wc nd wd ."), ("", "wa"), ("nc " * 9, "wa wb")]
  table = synthetic.table_of_texts(TOKENIZER, texts)
  questions = ["wa", "wa wb wc wd we wf"]
  for passage_length, reader_length in ((5, 12), (8, 9), (12, 10), (24, 24)):
    config = synthetic.orqa_config(
      query_length=6,
      passage_length=passage_length,
      reader_length=reader_length,
    )
    packed = packing.PackedPassages(
      table.title_ids.to_ragged(),
      table.body_ids.to_ragged(),
      passage_length,
      TOKENIZER,
    )
    queries = packing.pack_queries(
      TOKENIZER.tokenize(tf.constant(questions)), 6, TOKENIZER
    )
    ids, segments = packed.joined(
      queries, tf.constant([[0, 1, 2]] * 2), reader_length
    )
    view = reader_view.ReaderView(TOKENIZER, config)
    rooms = view.room_of_questions(questions)
    titles, bodies = zip(*texts, strict=True)
    for i in range(2):
      seen = view.cut(titles, bodies, np.repeat(rooms[i], 3))
      for body, row, segment in zip(seen, ids[i], segments[i], strict=True):
        read = row.numpy()[segment.numpy() == 1].tolist()[:-1]  # [SEP]
        assert TOKENIZER.tokenize(tf.constant([body])).to_list()[0] == read


def test_no_passage_answers_nothing():
  one = judge((("nb",),), (("nb",),))
  hits = one.hits(np.array([[-1, 0], [2, -1]]))
  assert hits.tolist() == [[False, True], [True, False]]
  assert recall.Judge([one.questions[0]], lambda rows: ([], [])).hits(
    np.array([[-1, -1]])
  ).tolist() == [[False, False]]


def test_recall_by_hand():
  one = judge((("wc",),), (("nb nc",),), (("nt",),), (("na",),))
  rows = np.array([[0, 1, 2], [0, 1, 2], [0, 1, 2], [1, -1, 2]])
  asked = []

  def retrieve(texts, k):
    asked.append((list(texts), k))
    return retriever.Retrieved(rows[:, :k], np.zeros([4, k]))

  assert one.recall(retrieve, [1, 3, 2]) == {
    "recall@1": 0.25,
    "recall@3": 0.75,
    "recall@2": 0.5,
  }
  assert asked == [(["wa ?"] * 4, 3)]
