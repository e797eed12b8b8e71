import pytest
import tensorflow as tf

from realm_tf.text import capitals
from realm_tf.text import wordpiece

VOCABULARY = (
  *wordpiece.SPECIAL_TOKENS,
  *("a", "e", "i", "l", "1", ".", "東", "##a", "##e", "##i", "##l", "##1"),
)


@pytest.mark.parametrize(
  "text, wanted",
  [
    ("ale Ale ALE", [0, 0, 0, 1, 0, 0, 1, 1, 1]),
    ("éa ÉA e\u0301a E\u0301a", [0, 0, 1, 1, 0, 0, 1, 0]),
    ("1A .A 東A A東", [0, 1, 0, 1, 0, 1, 1, 0]),
    ("ǅ", [1]),  # a letter of two in title case, unknown to the vocabulary
    ("a\nA", [0, 1]),
    ("", []),
  ],
)
def test_wordpieces_of_text_that_begins_with_a_capital(text, wanted):
  tokenizer = wordpiece.Tokenizer(VOCABULARY)
  texts = tf.constant([text, "Ale"])
  _, starts, limits = tokenizer.tokenize_with_offsets(texts)
  found = capitals.segment_ids(texts, starts, limits, seen=True)
  assert found.dtype == tf.int32
  assert found.to_list() == [wanted, [1, 0, 0]]
