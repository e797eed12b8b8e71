import collections
import gzip

import hypothesis
import pytest
from hypothesis import strategies as st

from realm_tf import errors
from realm_tf.data.tagging import conll

# The same two sentences in each scheme: "A B" and "C" are two persons side by
# side, and "D" is a place right after them.
_WORDS = ("A", "B", "C", "D", "e")
_LABELS = {
  "BIO": "B-PER I-PER B-PER B-LOC O",
  "IOB1": "I-PER I-PER B-PER I-LOC O",
  "IO": "I-PER I-PER I-PER I-LOC O",
}
_GOLD = {
  "BIO": ("B-PER", "I-PER", "B-PER", "B-LOC", "O"),
  "IOB1": ("B-PER", "I-PER", "B-PER", "B-LOC", "O"),
  # IO cannot tell entities of one type apart.
  "IO": ("B-PER", "I-PER", "I-PER", "B-LOC", "O"),
}


def write(tmp_path, text, name="train.txt"):
  path = tmp_path / name
  path.write_bytes(text.encode())
  return str(path)


def rows(*lines):
  return "".join(f"{line}\n" for line in lines)


def error_of(tmp_path, text):
  path = write(tmp_path, text)
  with pytest.raises(errors.UserError) as error:
    conll.read(path)
  message = str(error.value)
  assert message.startswith(path)
  assert "\n" not in message
  return message.removeprefix(path)


@pytest.mark.parametrize("scheme", ["BIO", "IOB1", "IO"])
def test_schemes_become_bio(tmp_path, scheme):
  labels = _LABELS[scheme].split()
  text = rows(*(f"{w} {x}" for w, x in zip(_WORDS, labels, strict=True)))
  file = conll.read(write(tmp_path, text))
  assert file.scheme == scheme
  assert file.sentences == [(_WORDS, _GOLD[scheme])]
  assert file.repaired == 0


@pytest.mark.parametrize(
  "row",
  [
    "{word} {label}",
    "{word}\t{label}",
    "{word} NNP {label}",
    "{word} NNP B-NP {label}",
    "{word}\tNNP\tB-NP\t{label}",
  ],
)
def test_two_to_four_columns(tmp_path, row):
  text = "".join(
    row.format(word=w, label=x) + "\n"
    for w, x in zip(_WORDS, _GOLD["BIO"], strict=True)
  )
  assert conll.read(write(tmp_path, text)).sentences == [(_WORDS, _GOLD["BIO"])]


@pytest.mark.parametrize("first", [0, 1])
def test_a_conll_u_like_file(tmp_path, first):
  text = rows(
    "# sent_id = 1",
    f"{first}\tIn\tO",
    f"{first + 1}\tOslo\tB-LOC",
    "",
    "# sent_id = 2",
    f"{first}-{first + 1}\tAnn's\t_",
    f"{first}\tAnn\tB-PER",
    f"{first + 1}\t's\tO",
  )
  assert conll.read(write(tmp_path, text)).sentences == [
    (("In", "Oslo"), ("O", "B-LOC")),
    (("Ann", "'s"), ("B-PER", "O")),
  ]


def test_numbers_are_known_after_a_comment_and_a_single_word(tmp_path):
  text = rows("# global", "", "# 1", "1 A O", "", "1 B O", "2 C B-PER")
  with pytest.raises(errors.UserError, match="line 2: an empty sentence"):
    conll.read(write(tmp_path, text))
  text = rows("# 1", "1 A O", "", "1 B O", "2 C B-PER")
  sentences = conll.read(write(tmp_path, text)).sentences
  assert [s.words for s in sentences] == [("A",), ("B", "C")]


def test_document_marks_part_documents(tmp_path):
  text = rows(
    "-DOCSTART- -X- -X- O",
    "",
    "A NNP B-NP B-PER",
    "",
    "b NN O O",
    "-DOCSTART- -X- -X- O",
    "",
    "c NN O O",
  )
  sentences = conll.read(write(tmp_path, text)).sentences
  assert [s.words for s in sentences] == [("A",), ("b",), ("c",)]


def test_hashes_and_numbers_are_words_where_words_have_no_number(tmp_path):
  text = rows("# O", "1 O", "B-52 B-MISC", "", "1 O", "2 O")
  sentences = conll.read(write(tmp_path, text)).sentences
  assert [s.words for s in sentences] == [("#", "1", "B-52"), ("1", "2")]


def test_words_keep_what_only_looks_like_an_end(tmp_path):
  text = "a\u00a0b O\nc\u2028d\x85e B-PER\r\n\t\nf O\n\n\n"
  sentences = conll.read(write(tmp_path, text)).sentences
  assert [s.words for s in sentences] == [("a\u00a0b", "c\u2028d\x85e"), ("f",)]


def test_gzip_is_told_by_its_first_bytes(tmp_path):
  path = tmp_path / "train.txt"
  path.write_bytes(gzip.compress("Ö O\n".encode()))
  assert conll.read(str(path)).sentences == [(("Ö",), ("O",))]


def test_types_are_mapped(tmp_path):
  kinds = "person location corporation group creative-work product".split()
  text = rows(*(f"x\tB-{kind}" for kind in kinds))
  (sentence,) = conll.read(write(tmp_path, text)).sentences
  assert sentence.labels == (
    "B-PER", "B-LOC", "B-ORG", "B-ORG", "B-MISC", "B-MISC",
  )  # fmt: skip


def test_entities_side_by_side_stay_apart_though_types_are_joined(tmp_path):
  text = rows("x I-corporation", "y I-group")
  (sentence,) = conll.read(write(tmp_path, text)).sentences
  assert sentence.labels == ("B-ORG", "B-ORG")


@pytest.mark.parametrize(
  ("text", "line", "words"),
  [
    ("a B-PER\nb O\nc I-PER\n", 3, ["I-PER", "BIO", "B-PER"]),
    ("a B-PER\nb I-LOC\n", 2, ["I-LOC", "BIO"]),
    ("a I-PER\nb I-PER\nc B-PER\n\nd I-PER\ne O\nf B-LOC\n", 7, ["IOB1"]),
    ("a O\nb E-PER\n", 2, ["'E-PER' is no label"]),
    ("a O\nb o\n", 2, ["'o' is no label"]),
    ("a O\nb B-\n", 2, ["'B-' is no label"]),
    ("a O\nb B-ANIMAL\n", 2, ["'ANIMAL' is unknown", "person"]),
    ("a X O\nb O\n", 2, ["2 columns", "3"]),
    ("a O\nb X O\n", 2, ["3 columns", "2"]),
    ("a\nb\n", 1, ["1 columns"]),
    ("a b c d O\n", 1, ["5 columns"]),
    ("a O\n\n\nb O\n", 3, ["empty sentence"]),
    ("\na O\n", 1, ["empty sentence"]),
    ("-DOCSTART- O\n\n\na O\n", 3, ["empty sentence"]),
    ("a\tO\n \tO\n", 2, ["word is empty"]),
    ("1\tEU\tB-ORG\n3\trejects\tO\n", 2, ["'3'", "2 is due"]),
    ("0\ta\tO\n1\tb\tO\n\n0\ta\tO\n2\tc\tO\n", 5, ["'2'", "1 is due"]),
    ("0\ta\tO\n1\tb\tO\n\n1\tc\tO\n", 4, ["'1'", "0 is due"]),
  ],
)
def test_mistakes_are_named_with_their_line(tmp_path, text, line, words):
  message = error_of(tmp_path, text)
  assert message.startswith(f", line {line}: "), message
  for word in words:
    assert word in message, message


def test_files_that_are_none(tmp_path):
  assert "no sentence" in error_of(tmp_path, "\n\n")
  assert "no sentence" in error_of(tmp_path, "-DOCSTART- O\n")
  path = tmp_path / "latin.txt"
  path.write_bytes("a O\nZürich O\n".encode("latin-1"))
  with pytest.raises(errors.UserError, match="line 2: is not UTF-8"):
    conll.read(str(path))
  path.write_bytes(gzip.compress(b"a O\n")[:-4])
  with pytest.raises(errors.UserError, match="latin.txt cannot be read"):
    conll.read(str(path))
  with pytest.raises(errors.UserError, match="nowhere.txt cannot be read"):
    conll.read(str(tmp_path / "nowhere.txt"))


def test_repair_takes_a_label_as_what_it_should_be(tmp_path):
  path = write(tmp_path, "a B-PER\nb O\nc I-LOC\nd I-LOC\n")
  file = conll.read(path, repair=True)
  assert file.sentences[0].labels == ("B-PER", "O", "B-LOC", "I-LOC")
  assert (file.scheme, file.repaired) == ("BIO", 1)


_SENTENCE = st.lists(
  st.tuples(st.sampled_from(["PER", "LOC", ""]), st.integers(1, 3)),
  min_size=1,
  max_size=6,
)


@hypothesis.given(st.lists(_SENTENCE, min_size=1, max_size=4))
def test_bio_and_iob1_say_the_same(tmp_path_factory, sentences):
  """Each sentence is a list of entities: type and length; "" is outside."""
  texts = {"BIO": "", "IOB1": ""}
  for entities in sentences:
    before = ""
    for kind, length in entities:
      for i in range(length):
        bio = iob1 = "O"
        if kind:
          bio = f"{'I' if i else 'B'}-{kind}"
          iob1 = f"{'B' if before == kind and not i else 'I'}-{kind}"
        texts["BIO"] += f"w {bio}\n"
        texts["IOB1"] += f"w {iob1}\n"
      before = kind
    texts = {scheme: text + "\n" for scheme, text in texts.items()}
  folder = tmp_path_factory.mktemp("conll")
  one, two = (
    conll.read(write(folder, text, scheme)).sentences
    for scheme, text in texts.items()
  )
  bio = [tuple(x.split()[1] for x in block.split("\n"))
         for block in texts["BIO"].strip().split("\n\n")]  # fmt: skip
  assert [s.labels for s in one] == bio
  assert one == two


# Entities were counted with awk: labels that begin with B- (for wikigold, whose
# labels are I- alone, those I- after another label).
@pytest.mark.parametrize(
  ("name", "scheme", "sentences", "entities"),
  [
    ("conll2003/train.txt.gz", "BIO", 14_041, 23_499),
    ("conll2003/valid.txt.gz", "BIO", 3_250, 5_942),
    ("wnut17/train.conll", "BIO", 3_394, 1_975),
    ("wnut17/valid.conll", "BIO", 1_009, 836),
    ("wikigold/train.conll.txt", "IO", 1_209, 2_466),
    ("wikigold/valid.conll.txt", "IO", 106, 257),
  ],
)
def test_real_files(shared_data, name, scheme, sentences, entities):
  file = conll.read(str(shared_data / "ner" / name))
  labels = collections.Counter(x[0] for s in file.sentences for x in s.labels)
  assert file.scheme == scheme
  assert len(file.sentences) == sentences
  assert labels["B"] == entities


def test_wikineural_needs_repair(shared_data):
  path = str(shared_data / "ner/wikineural_en/train.conllu.gz")
  with pytest.raises(errors.UserError, match="line 1197: .*repair_labels=True"):
    conll.read(path)
  file = conll.read(path, repair=True)
  assert (len(file.sentences), file.repaired) == (10_431, 394)
