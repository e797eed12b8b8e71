import subprocess
import sys

import hypothesis
import pytest
import tensorflow as tf
from hypothesis import strategies as st

from realm_tf.export import tagger_export
from realm_tf.models import token_tagger
from realm_tf.text import entity_types
from tests import planted_tagger
from tests import synthetic
from tests.export import graphs

_FILLER = st.text(
  st.sampled_from([*"aeéx字.,", "\u0301", "\u00df", "İ", "😀", "ﬁ", "한"]),
  min_size=1,
  max_size=4,
)


@pytest.fixture(scope="module")
def tagger():
  return planted_tagger.text_tagger(max_length=12, overlap=4)


def spans_of(outputs, row):
  first, last = outputs["splits"].numpy()[row : row + 2]
  return [
    (int(outputs["start"][i]), int(outputs["limit"][i]))
    for i in range(first, last)
  ]


@hypothesis.given(
  st.lists(
    st.lists(
      st.tuples(_FILLER, st.sampled_from([*planted_tagger.NAMES])), max_size=5
    ),
    min_size=1,
    max_size=3,
  )
)
def test_offsets_slice_to_the_names(tagger, drawn):
  """Texts of filler and names, most longer than a window of 10."""
  texts, wanted = [], []
  for pairs in drawn:
    text, places = b"", []
    for filler, name in pairs:
      # A stop, since a combining mark would join what is before it.
      text += filler.encode() + b". "
      places.append((len(text), len(text) + len(name.encode())))
      text += name.encode() + b" . "
    texts.append(text)
    wanted.append(places)
  outputs = tagger.tag(tf.constant(texts))
  assert outputs["splits"].shape == (len(texts) + 1,)
  for row, places in enumerate(wanted):
    assert spans_of(outputs, row) == places
  assert set(outputs["type"].numpy().tolist()) <= {b"LOC"}
  assert all(0.99 < score <= 1.0 for score in outputs["score"].numpy())


@pytest.mark.parametrize("batch_size", [1, 2, 5, 64])
def test_texts_stay_in_order_however_they_are_batched(monkeypatch, batch_size):
  monkeypatch.setattr(tagger_export, "BATCH_SIZE", batch_size)
  tagger = planted_tagger.text_tagger(max_length=12, overlap=4)
  # The longest come first, and some are longer than a window of 10.
  texts = [f"{'x ' * n}Zürich . " * (n // 3) for n in range(12, -1, -1)]
  outputs = tagger.tag(tf.constant(texts))
  raw = [text.encode() for text in texts]
  found = [
    [raw[row][a:b].decode() for a, b in spans_of(outputs, row)]
    for row in range(13)
  ]
  assert found == [["Zürich"] * (n // 3) for n in range(12, -1, -1)]


def test_neighbours_and_white_space():
  texts = ["東京東京", "Zürich São Paulo", "São\u00a0\n Paulo", " "]
  tagger = planted_tagger.text_tagger()
  outputs = tagger.tag(tf.constant(texts))
  raw = [text.encode() for text in texts]
  found = [
    [raw[row][a:b].decode() for a, b in spans_of(outputs, row)]
    for row in range(4)
  ]
  assert found == [
    ["東京", "東京"],
    ["Zürich", "São Paulo"],
    ["São\u00a0\n Paulo"],
    [],
  ]


def test_no_text_at_all():
  tagger = planted_tagger.text_tagger()
  outputs = tagger.tag(tf.constant([], tf.string))
  assert outputs["splits"].numpy().tolist() == [0]
  assert outputs["start"].shape == (0,)


def test_a_fresh_process_needs_tensorflow_text_alone(tmp_path):
  folder = planted_tagger.save(tmp_path / "export")
  script = (
    "import sys, tensorflow as tf, tensorflow_text\n"
    f"tag = tf.saved_model.load({folder!r}).signatures['tag']\n"
    "out = tag(texts=tf.constant(['in Łódź', 'é Zürich']))\n"
    "assert 'realm_tf' not in sys.modules\n"
    "print(out['start'].numpy().tolist(), out['limit'].numpy().tolist())\n"
  )
  done = subprocess.run(
    [sys.executable, "-c", script],
    check=True,
    cwd=tmp_path,
    timeout=100,
    capture_output=True,
    text=True,
  )
  assert done.stdout.strip() == "[3, 3] [10, 10]"


def test_what_is_trained_in_bfloat16_is_exported_in_float32(tmp_path, bfloat16):
  tokenizer = planted_tagger.tokenizer()
  texts = tf.constant(["in Łódź", "é Zürich"])
  scores = {}
  for precision in ("float32", "bfloat16"):
    config = synthetic.tagger_config(export_precision=precision)
    if not scores:
      tagger = token_tagger.Tagger(
        config, tokenizer.vocab_size, len(entity_types.LABELS)
      )
    folder = str(tmp_path / precision)
    tagger_export.save(folder, tagger, tokenizer, config, step=1)
    found = graphs.dtypes(folder) & {tf.float32, tf.bfloat16}
    assert (tf.bfloat16 in found) == (precision == "bfloat16")
    tag = tf.saved_model.load(folder).signatures["tag"]
    scores[precision] = tag(texts=texts)["score"].numpy()
  # The same weights, rounded or not.
  exact, rounded = scores.values()
  assert len(exact) > 0
  assert len(exact) == len(rounded)
  assert 0 < abs(exact - rounded).max() < 0.05
