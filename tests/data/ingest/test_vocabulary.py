import pytest
import tensorflow as tf

from realm_tf import errors
from realm_tf.data.ingest import vocabulary
from realm_tf.text import wordpiece

_TEXTS = [
  f"{name} saw the river {river} in the year {year}."
  for name in ("Wilhelmina", "Jos\u00e9", "Petronella", "Xavier")
  for river in ("Rhine", "Danube", "Volga")
  for year in range(1900, 1906)
]


def test_special_tokens_come_first_and_frequent_names_stay_whole():
  learned = vocabulary.learn_vocabulary(_TEXTS, 200, lower_case=True)
  assert len(learned) <= 200
  assert tuple(learned[:5]) == wordpiece.SPECIAL_TOKENS
  tokenizer = wordpiece.Tokenizer(learned)
  names = tf.constant(["Wilhelmina", "Jos\u00e9", "Danube"])
  assert tokenizer.tokenize(names).row_lengths().numpy().tolist() == [1, 1, 1]
  assert not any(
    tokenizer.unk_id in row for row in tokenizer.tokenize(_TEXTS).to_list()
  )


def test_same_text_same_vocabulary_whatever_its_order():
  learned = vocabulary.learn_vocabulary(_TEXTS, 120, lower_case=False)
  again = vocabulary.learn_vocabulary(_TEXTS[::-1], 120, lower_case=False)
  assert learned == again
  assert len(learned) <= 120


def test_nothing_to_learn_from():
  with pytest.raises(errors.UserError, match="vocab_size=100"):
    vocabulary.learn_vocabulary([], 100, lower_case=True)
