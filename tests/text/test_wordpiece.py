import pytest
import tensorflow as tf

from realm_tf import errors
from realm_tf.text import wordpiece

VOCABULARY = (
  *wordpiece.SPECIAL_TOKENS,
  "cafe",
  "##s",
  "東",
  "京",
  "in",
  ".",
)


def texts_of(tokenizer, text):
  """The bytes that each wordpiece was read from, as text."""
  _, starts, limits = tokenizer.tokenize_with_offsets(tf.constant([text]))
  raw = text.encode()
  return [
    raw[a:b].decode()
    for a, b in zip(starts[0].numpy(), limits[0].numpy(), strict=True)
  ]


def test_offsets_hold_after_accents_and_cjk():
  tokenizer = wordpiece.Tokenizer(VOCABULARY)
  text = "Cafés in 東京. Cafés"
  assert texts_of(tokenizer, text) == [
    "Café",
    "s",
    "in",
    "東",
    "京",
    ".",
    "Café",
    "s",
  ]
  ids = tokenizer.tokenize(tf.constant([text]))[0].numpy()
  assert [VOCABULARY[i] for i in ids] == [
    "cafe",
    "##s",
    "in",
    "東",
    "京",
    ".",
    "cafe",
    "##s",
  ]


def test_cased_text_is_left_alone():
  tokenizer = wordpiece.Tokenizer(VOCABULARY, lower_case=False)
  ids = tokenizer.tokenize(tf.constant(["Cafe cafe"]))[0].numpy()
  assert [VOCABULARY[i] for i in ids] == ["[UNK]", "cafe"]


def test_special_tokens_in_a_text_are_no_special_tokens():
  tokenizer = wordpiece.Tokenizer(VOCABULARY)
  ids = tokenizer.tokenize(tf.constant(["[MASK] in [SEP]"]))[0].numpy()
  assert tokenizer.mask_id not in ids
  assert tokenizer.sep_id not in ids


def test_detokenize_joins_continuations_and_leaves_out_padding():
  tokenizer = wordpiece.Tokenizer(VOCABULARY)
  assert (
    tokenizer.detokenize([2, 5, 6, 4, 3, 0, 0]) == "[CLS] cafes [MASK] [SEP]"
  )


def test_ids_of_special_tokens_are_looked_up():
  tokenizer = wordpiece.Tokenizer(
    ["[PAD]", "a", "[MASK]", "[SEP]", "[UNK]", "[CLS]"]
  )
  assert tokenizer.pad_id == 0
  assert tokenizer.mask_id == 2
  assert tokenizer.sep_id == 3
  assert tokenizer.unk_id == 4
  assert tokenizer.cls_id == 5
  assert tokenizer.vocab_size == 6


def test_a_vocabulary_that_pads_with_another_id_than_0_is_refused():
  # The models leave out id 0: they would take padding for text.
  with pytest.raises(errors.UserError, match=r"\[PAD\]"):
    wordpiece.Tokenizer(["[UNK]", "[PAD]", "[CLS]", "[SEP]", "[MASK]", "a"])


@pytest.mark.parametrize("missing", wordpiece.SPECIAL_TOKENS)
def test_a_vocabulary_without_a_special_token_is_refused(tmp_path, missing):
  path = tmp_path / "vocab.txt"
  path.write_text("\n".join(t for t in VOCABULARY if t != missing) + "\n")
  with pytest.raises(errors.UserError) as error:
    wordpiece.Tokenizer.from_file(str(path))
  assert str(error.value).startswith(f"{path} has no {missing}: ")
  assert "\n" not in str(error.value)


def test_a_wordpiece_that_stands_twice_is_named():
  with pytest.raises(errors.UserError, match="'in' twice"):
    wordpiece.Tokenizer([*VOCABULARY, "in"])


@pytest.mark.parametrize("piece", ["a\0b", "x" * 257, "é" * 129])
def test_a_wordpiece_that_no_vocabulary_holds_is_named(piece):
  with pytest.raises(errors.UserError, match=r"wordpiece 6, .* zero byte or"):
    wordpiece.Tokenizer([*wordpiece.SPECIAL_TOKENS, "a", piece])


def test_a_file_that_is_missing_or_not_utf8_is_named(tmp_path):
  with pytest.raises(errors.UserError, match="nowhere.txt"):
    wordpiece.Tokenizer.from_file(str(tmp_path / "nowhere.txt"))
  path = tmp_path / "latin1.txt"
  path.write_bytes("café\n".encode("latin-1"))
  with pytest.raises(errors.UserError, match="latin1.txt is not UTF-8"):
    wordpiece.Tokenizer.from_file(str(path))


def test_a_file_gives_the_same_vocabulary_whatever_its_line_ends(tmp_path):
  unix, windows = tmp_path / "unix.txt", tmp_path / "windows.txt"
  unix.write_bytes("".join(f"{t}\n" for t in VOCABULARY).encode())
  windows.write_bytes("".join(f"{t}\r\n" for t in VOCABULARY).encode())
  first, second = (
    wordpiece.Tokenizer.from_file(str(p)) for p in (unix, windows)
  )
  assert first.vocabulary == second.vocabulary == VOCABULARY
  assert first.sha256 == second.sha256
  other = wordpiece.Tokenizer([*VOCABULARY, "out"])
  assert other.sha256 != first.sha256


def test_a_vocabulary_of_special_tokens_alone_is_refused():
  with pytest.raises(errors.UserError):
    wordpiece.Tokenizer(wordpiece.SPECIAL_TOKENS)


def test_a_tokenizer_made_in_a_graph_works_outside_of_it():
  vocabulary = [*wordpiece.SPECIAL_TOKENS, "made", "in", "graphs"]

  @tf.function(autograph=False)
  def tokenize():
    return wordpiece.Tokenizer(vocabulary).tokenize(["in graphs"])

  for found in (
    tokenize(),
    wordpiece.Tokenizer(vocabulary).tokenize(["in graphs"]),
  ):
    assert found.to_list() == [[6, 7]]
