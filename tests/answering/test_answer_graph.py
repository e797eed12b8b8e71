"""The answering graph on a fine-tuned run of eight passages."""

import json

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.answering import answer_graph
from realm_tf.answering import open_qa
from realm_tf.answering import passage_memory
from realm_tf.evaluation import answer_matching
from realm_tf.models import orqa
from tests import graph_ops
from tests import people
from tests import written_corpus

QUESTIONS = [f"where was {person} born?" for person in people.PEOPLE]
N = 4


@pytest.fixture(scope="module")
def run(overfitted):
  model_dir = overfitted
  return open_qa.OpenQA.from_run(str(model_dir))


@pytest.fixture(scope="module")
def rows(run):
  return run.retrievers.retrieve(QUESTIONS, 3, "dense").rows


@pytest.fixture(scope="module")
def best(run, rows):
  return run.best_answers(QUESTIONS, rows, N)


def all_spans(run, question, row_list):
  """Every span with its probability, by the plain model and Python alone."""
  tokenizer, config = run.corpus.tokenizer, run.config
  packed = run.graph.tokenize(tf.constant([question]))
  features = run.beam.reading(packed, tf.constant([row_list]))
  outputs = run.model(features, training=False)
  scores = outputs.span_scores.numpy()[0]
  segments = features["joint_segment_ids"].numpy()[0]
  flat = scores[scores > 0.5 * orqa.MASKED]
  total = np.logaddexp.reduce(flat.astype(np.float64))
  _, bodies = run.corpus.read_texts(row_list)
  for passage, position, width in np.argwhere(scores > 0.5 * orqa.MASKED):
    body = bodies[passage].encode()
    _, starts, limits = tokenizer.tokenize_with_offsets([body])
    first = position - segments[passage].argmax()
    begin, end = starts[0, first], limits[0, first + width]
    text = body[int(begin) : int(end)].decode()
    yield text, np.exp(scores[passage, position, width] - total)
  assert config.max_span_length == scores.shape[2]


def test_spans_of_one_text_are_one_answer(run, rows, best):
  by_text = {}
  for text, probability in all_spans(run, QUESTIONS[0], rows[0].tolist()):
    said = answer_matching.normalize(text)
    by_text[said] = by_text.get(said, 0.0) + probability
  wanted = sorted(by_text.items(), key=lambda item: -item[1])[:N]
  found = [answer_matching.normalize(a.decode()) for a in best.answer[0]]
  assert found == [text for text, _ in wanted]
  np.testing.assert_allclose(
    # Spans beyond the likeliest hundred are left out of the sums.
    best.probability[0],
    [p for _, p in wanted],
    rtol=1e-3,
    atol=1e-3,
  )


def test_an_answer_is_cut_out_of_its_passage_as_written(run, best):
  texts = run.memory.look_up(best.row)
  for index in np.ndindex(best.valid.shape):
    body = texts.bodies[index]
    cut = body[best.byte_start[index] : best.byte_limit[index]]
    assert best.valid[index] and cut == best.answer[index] != b""
  assert [a.decode() for a in best.answer[:, 0]] == people.PLACES


def test_a_question_is_answered_the_same_in_any_batch(run, rows, best):
  alone = run.best_answers(QUESTIONS[3:4], rows[3:4], N)
  assert alone.answer[0].tolist() == best.answer[3].tolist()
  np.testing.assert_allclose(alone.probability[0], best.probability[3], 1e-4)


def test_padding_to_the_limit_changes_nothing(run, rows, best):
  graph = answer_graph.AnswerGraph(
    run.model,
    run.config,
    run.memory,
    run.corpus.tokenizer,
    run.search,
    static_shapes=True,
  )
  static = graph.read(tf.constant(QUESTIONS), tf.constant(rows, tf.int32), N)
  assert static.answer.numpy().tolist() == best.answer.tolist()
  np.testing.assert_allclose(static.probability, best.probability, rtol=1e-3)


def test_places_left_over_are_empty(run):
  nothing = run.best_answers(["where?"], np.full([1, 3], -1), N)
  assert not nothing.valid.any()
  assert nothing.answer.tolist() == [[b""] * N]
  assert nothing.probability.tolist() == [[0.0] * N]
  assert nothing.row.tolist() == [[-1] * N]
  [prediction] = run.answer(["1"], ["東京"], k=3, retriever="bm25").predictions
  assert (prediction.answer, prediction.span) == ("", None)


def test_the_reader_alone_judges_passages_of_another_retriever(run, rows):
  dense = run.best_answers(QUESTIONS, rows, N)
  bm25 = run.best_answers(QUESTIONS, rows, N, passage_scores=False)
  np.testing.assert_allclose(bm25.reader_score.max(1), _best(bm25), rtol=1e-3)
  assert not np.allclose(dense.probability, bm25.probability)


def _best(answers):
  """The reader's score of the likeliest answer of each question."""
  return answers.reader_score[:, 0]


def test_texts_take_their_bytes_and_what_tensorflow_adds(run):
  texts = run.memory.texts
  *strings, places = texts
  least = sum(len(t) for column in strings for t in column.numpy())
  rows = run.corpus.num_passages + 1
  # What has no metadata has but a place.
  assert texts.metadata.shape == [1 + len(people.METADATA)]
  assert places.shape == [rows]
  assert least < texts.nbytes <= least + 4 * rows + 25 * (3 * rows + 3)


def test_metadata_is_looked_up_by_row(run):
  rows = np.array([[0, -1], [1, 2]], np.int32)
  found = run.memory.look_up(rows)
  assert found.metadata.shape == (2, 2)
  for row, title, metadata in zip(
    rows.ravel(), found.titles.ravel(), found.metadata.ravel(), strict=True
  ):
    wanted = people.METADATA.get(title.decode(), {}) if row >= 0 else {}
    assert json.loads(metadata) == wanted


def test_a_corpus_without_metadata_holds_none(tmp_path):
  corpus, _ = written_corpus.write_texts(tmp_path, [[("T", "a")], [("U", "b")]])
  texts = passage_memory.Texts.load(corpus)
  assert texts.metadata_places.shape == [0]
  found = texts.gather(tf.constant([[0, 2]]))
  assert found.metadata.numpy().tolist() == [[b"{}", b"{}"]]
  assert found.titles.numpy().tolist() == [[b"T", b""]]


def test_texts_without_words_and_of_any_bytes_are_answered(run):
  odd = ["", " ", "\0", "é" * 500, "🤷", "[MASK] [SEP]"]
  found = run.best_answers(
    odd, run.retrievers.retrieve(odd, 3, "dense").rows, 1
  )
  assert found.answer.shape == (6, 1)
  raw = tf.constant([b"\xff\xfe\x80", b"abc\xff"])
  _, answers = run.graph.answer(raw, 3, 1)
  assert answers.answer.shape == (2, 1)


def test_retrieval_and_reading_share_one_encoding_of_a_question(run, best):
  def answer(questions):
    return run.graph.answer(questions, 3, N)

  traced = tf.function(answer, autograph=False).get_concrete_function(
    tf.TensorSpec([None], tf.string)
  )
  ops = graph_ops.count_ops(traced)
  # Of the questions, and of the bodies that answers are cut out of.
  assert ops["FastWordpieceTokenizeWithOffsets"] == 2
  # Word embeddings: of the query tower, and of the reader.
  assert ops["ResourceGather"] == 2
  rows, found = run.find_answers(QUESTIONS, 5, N)
  assert rows.shape == (len(QUESTIONS), 5)
  assert found.answer.tolist() == best.answer.tolist()
