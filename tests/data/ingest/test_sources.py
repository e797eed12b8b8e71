import bz2
import csv
import gzip
import json

import pytest

from realm_tf import errors
from realm_tf.data.ingest import sources


def _read(*inputs):
  return [
    (document.title, document.text)
    for source in sources.resolve([str(value) for value in inputs])
    for document in source.read()
  ]


def _error(*inputs):
  with pytest.raises(errors.UserError) as caught:
    _read(*inputs)
  message = str(caught.value)
  assert "\n" not in message
  return message


def test_jsonl_plain_and_compressed(tmp_path):
  lines = b'\xef\xbb\xbf{"title": "A", "text": "caf\xc3\xa9"}\n\n'
  lines += b'{"text": "two", "title": "B", "id": 3}\n'
  (tmp_path / "a.jsonl").write_bytes(lines)
  (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(lines))
  (tmp_path / "a.jsonl.bz2").write_bytes(bz2.compress(lines))
  expected = [("A", "caf\u00e9"), ("B", "two")]
  for name in ("a.jsonl", "a.jsonl.gz", "a.jsonl.bz2"):
    assert _read(tmp_path / name) == expected
  assert _read(tmp_path / "a.jsonl*") == expected * 3


@pytest.mark.parametrize(
  "line, says",
  [
    (b"{not json}", "is not JSON"),
    (b"[" * 100_000, "is not JSON"),
    (b"[1]", "no JSON object"),
    (b'{"title": "x"}', "lacks `text`"),
    (b'{"text": "x"}', "lacks `title`"),
    (b'{"title": 1, "text": "x"}', "`title` must be a string"),
    (b'{"title": "x", "text": "\\ud800"}', "surrogate"),
    (b'{"title": "x", "text": "\xff"}', "not UTF-8"),
  ],
)
def test_bad_jsonl_names_file_and_line(tmp_path, line, says):
  path = tmp_path / "bad.jsonl"
  path.write_bytes(b'{"title": "x", "text": "y"}\n' + line + b"\n")
  message = _error(path)
  assert f"{path}, line 2" in message
  assert says in message


def test_csv_with_line_breaks_and_long_fields(tmp_path):
  long_text = "word " * 50_000
  path = tmp_path / "a.csv"
  with open(path, "w", newline="") as f:
    writer = csv.writer(f)
    writer.writerows(
      [
        ["url", "title", "text"],
        ["u", "A", 'two\nlines, "quoted"'],
        ["v", "B", long_text],
      ]
    )
  assert _read(path) == [("A", 'two\nlines, "quoted"'), ("B", long_text)]


@pytest.mark.parametrize(
  "content, says",
  [
    ("title,body\na,b\n", "no column `text`"),
    ("", "no column `title`"),
    ("title,text\na,b,c\n", "line 2: the row has 3 fields"),
    ('title,text\na,"b\n', "is not CSV"),
  ],
)
def test_bad_csv(tmp_path, content, says):
  path = tmp_path / "a.csv"
  path.write_text(content)
  message = _error(path)
  assert str(path) in message
  assert says in message


def test_wikiextractor_folder_in_both_formats(tmp_path):
  (tmp_path / "AA").mkdir()
  (tmp_path / "AB").mkdir()
  (tmp_path / "AA" / "wiki_00").write_text(
    '<doc id="1" url="u" title="A &amp; B">\nA & B\n\nOne.\nTwo.\n</doc>\n'
    '<doc id="2" url="u" title="Empty">\nEmpty\n</doc>\n'
  )
  line = json.dumps({"id": "3", "title": "C", "text": "C\nThree.\nFour."})
  (tmp_path / "AB" / "wiki_00.bz2").write_bytes(bz2.compress(line.encode()))
  (tmp_path / "AB" / "notes.md").write_text("no articles")
  assert _read(tmp_path) == [
    ("A & B", "One.\n\nTwo."),
    ("Empty", ""),
    ("C", "Three.\n\nFour."),
  ]


def test_wikiextractor_paragraphs_end_at_line_breaks_alone(tmp_path):
  path = tmp_path / "wiki_00"
  lines = ['<doc title="A">', "A", "One\u2028and\x85\ftwo.", "Three.", "</doc>"]
  path.write_bytes("\r\n".join(lines).encode())
  assert _read(path) == [("A", "One\u2028and\x85\ftwo.\n\nThree.")]


def test_wikiextractor_cut_short(tmp_path):
  path = tmp_path / "wiki_00"
  path.write_text('<doc id="1" title="A">\nA\n')
  assert "line 1" in _error(path)
  path.write_text("plain text\n")
  assert "expected <doc" in _error(path)


def test_wrong_inputs_name_the_flag(tmp_path):
  assert "`input` is missing" in _error("")
  assert "input=" in _error(tmp_path / "nothing.jsonl")
  assert "does not exist" in _error(tmp_path / "nothing*.jsonl")
  assert "folder without" in _error(tmp_path)
  (tmp_path / "a.txt").write_text("x")
  assert "no known kind" in _error(tmp_path / "a.txt")


def test_a_file_without_a_checksum_is_named(tmp_path):
  path = tmp_path / "gone.jsonl"
  with pytest.raises(errors.UserError, match="gone.jsonl cannot be read"):
    sources.Source("jsonl", str(path), 0).sha256()


def test_damaged_gzip(tmp_path):
  path = tmp_path / "a.jsonl.gz"
  content = gzip.compress(b'{"title": "x", "text": "y"}\n' * 100)
  path.write_bytes(content[:40])
  assert "damaged" in _error(path)


def test_no_file_is_read_twice(tmp_path):
  path = tmp_path / "a.jsonl"
  path.write_text('{"title": "x", "text": "y"}\n')
  assert len(_read(path, path, tmp_path / "*.jsonl")) == 1
