import hypothesis
from hypothesis import strategies as st

from realm_tf.data.questions import qa_datasets
from realm_tf.evaluation import answer_matching
from realm_tf.evaluation import coverage
from realm_tf.evaluation import recall

TEXT = st.lists(st.sampled_from("a aa b é B, . -".split()), max_size=4).map(
  " ".join
)


def answerable(asked, bodies):
  judge = recall.Judge(asked, lambda rows: ([], []))
  return coverage.answerable(asked, judge, bodies).tolist()


@hypothesis.given(
  st.lists(
    st.builds(
      qa_datasets.Example,
      st.just("1"),
      st.just("?"),
      st.lists(TEXT, min_size=1, max_size=2).map(tuple),
      subject=st.sampled_from(["", "b"]),
    ),
    max_size=4,
  ),
  st.lists(TEXT, max_size=4),
)
def test_finds_what_looking_everywhere_finds(asked, bodies):
  judge = recall.Judge(asked, lambda rows: ([], []))
  assert answerable(asked, bodies) == [
    any(judge.answers(number, answer_matching.Text(body)) for body in bodies)
    for number in range(len(asked))
  ]


def test_patterns_and_strings_side_by_side():
  asked = [
    qa_datasets.Example("1", "?", ("o[sz]lo",), "regex"),
    qa_datasets.Example("2", "?", ("(",), "regex"),
    qa_datasets.Example("3", "?", ("Oslo",)),
    qa_datasets.Example("4", "?", ("Bergen", "Turin")),
    qa_datasets.Example("5", "?", (" ",)),
  ]
  bodies = ["Ozlo is far.", "No Slo.", "In Turin."]
  assert answerable(asked, bodies) == [True, False, False, True, False]
  assert answerable(asked, []) == [False] * 5
