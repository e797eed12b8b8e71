import bz2
import csv
import gzip
import json
import os

import pytest

from realm_tf import errors
from realm_tf.data import formats
from realm_tf.data.ingest import sources
from tests.data import written_pdf


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
  (tmp_path / "AB" / "notes.docx").write_text("no articles")
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
  assert "folder or pattern without" in _error(tmp_path)
  (tmp_path / "a.docx").write_text("x")
  assert "no known kind" in _error(tmp_path / "a.docx")
  assert "folder or pattern without" in _error(tmp_path / "*.docx")


def test_a_file_without_a_checksum_is_named(tmp_path):
  path = tmp_path / "gone.jsonl"
  with pytest.raises(errors.UserError, match="gone.jsonl cannot be read"):
    sources.Source("jsonl", str(path), 0).identity()


def test_damaged_gzip(tmp_path):
  path = tmp_path / "a.jsonl.gz"
  content = gzip.compress(b'{"title": "x", "text": "y"}\n' * 100)
  path.write_bytes(content[:40])
  assert "damaged" in _error(path)


def test_no_file_is_read_twice(tmp_path):
  path = tmp_path / "a.jsonl"
  path.write_text('{"title": "x", "text": "y"}\n')
  assert len(_read(path, path, tmp_path / "*.jsonl")) == 1


def _documents(*inputs):
  left_out = []
  found = sources.resolve([str(value) for value in inputs])
  documents = list(sources.read_fit(found, left_out.append))
  return documents, {unfit.reason: str(unfit) for unfit in left_out}


def test_other_fields_are_kept(tmp_path):
  (tmp_path / "a.jsonl").write_text(
    '{"id": 3, "title": "A", "text": "x", "tags": ["b"], "none": null}\n'
  )
  (tmp_path / "b.csv").write_text(
    "url,,Title,TEXT,date\nu,1,B,y,2020\n,2,C,z,\n"
  )
  (tmp_path / "wiki_00").write_text(
    '<doc id="1" url="a?b&amp;c" title="D">\nD\n\nw\n</doc>\n'
  )
  documents, _ = _documents(tmp_path)
  assert {document.title: document.fields for document in documents} == {
    "A": {"id": 3, "tags": ["b"], "none": None},
    "B": {"url": "u", "date": "2020"},
    "C": {},
    "D": {"id": "1", "url": "a?b&c"},
  }


@pytest.mark.parametrize(
  "field", ['"a": NaN', '"a": [{"b": Infinity}]', '"a": "\\ud800"']
)
def test_a_field_that_is_no_json_is_named(tmp_path, field):
  path = tmp_path / "a.jsonl"
  path.write_text(f'{{"title": "x", "text": "y", {field}}}\n')
  message = _error(path)
  assert f"{path}, line 1" in message
  assert "`a`" in message


def _write_folder(folder):
  """One good file of each kind, in an order that is not theirs."""
  pdf = written_pdf.write([["First page."], ["Second page."]], "P")
  for name, content in {
    "z/p.PDF": pdf,
    "m.md": b"# M\n\nmarked\n",
    "z/t.txt": b"plain\n",
    "h.html": b"<title>H</title><p>hyper</p>",
    "j.jsonl": b'{"title": "J", "text": "json", "url": "u"}\n',
    "c.csv": b"title,text\nC,comma\n",
    ".hidden/a.txt": b"hidden",
    ".a.txt": b"hidden",
  }.items():
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def test_a_folder_of_all_kinds(tmp_path):
  _write_folder(tmp_path)
  documents, left_out = _documents(tmp_path)
  assert not left_out
  assert [(d.title, d.text, d.fields) for d in documents] == [
    ("C", "comma", {}),
    ("H", "hyper", {"source": "h.html"}),
    ("J", "json", {"url": "u"}),
    ("M", "marked", {"source": "m.md"}),
    ("P", "First page.\n\nSecond page.", {"source": "z/p.PDF"}),
    ("t", "plain", {"source": "z/t.txt"}),
  ]
  assert [document.position for document in documents] == [
    (number, 0) for number in range(6)
  ]
  assert documents[4].page_starts == (0, 13)
  [one] = _documents(f"{tmp_path}/z/*.txt")[0]
  assert one.fields == {"source": "t.txt"}
  [one] = _documents(tmp_path / "m.md")[0]
  assert one.fields == {"source": "m.md"}
  with_slash, _ = _documents(f"{tmp_path}/")
  assert with_slash == documents


# Files that hold nothing to read, and why.
UNFIT = {
  "broken.pdf": (b"%PDF-1.4", "broken_pdf"),
  "encrypted.pdf": (written_pdf.ENCRYPTED, "encrypted_pdf"),
  "empty.txt": (b"", "empty_file"),
  "empty.csv": (b"", "empty_file"),
  "binary.txt": (b"\x89PNG\0\xff", "not_text"),
  "binary.csv": (b"\x89PNG\0\xff", "not_text"),
  "binary.jsonl": (b"\x89PNG\0\xff", "not_text"),
  "no_header.csv": (b"Oslo,is a city\n", "csv_without_header"),
  "settings.json": (b'{\n"a": 1\n}\n', "no_records"),
  "wiki_notes": (b"some notes\n", "no_records"),
  "blank.md": (b"\n \n", "empty_text"),
}


@pytest.mark.parametrize("name", UNFIT)
def test_an_unfit_file_is_left_out_unless_it_was_named(tmp_path, name):
  content, reason = UNFIT[name]
  (tmp_path / "good.txt").write_text("good")
  (tmp_path / name).write_bytes(content)
  for found in (tmp_path, tmp_path / "*"):
    documents, left_out = _documents(found)
    assert [document.text for document in documents] == ["good"]
    assert list(left_out) == [reason]
    assert name in left_out[reason]
    assert "\n" not in left_out[reason]
  if name != "empty.csv":
    assert name in _error(tmp_path / name)


def test_a_bad_record_further_down_is_a_mistake_in_a_folder_too(tmp_path):
  (tmp_path / "a.jsonl").write_text('{"title": "A", "text": "x"}\n{\n')
  with pytest.raises(errors.UserError, match="a.jsonl, line 2 is not JSON"):
    _documents(tmp_path)


def test_other_kinds_are_counted(tmp_path, capsys):
  for name in ("a.txt", "b.PNG", "c.png", "LICENSE", ".d"):
    (tmp_path / name).write_text("x")
  counts = sources.count_other_kinds([str(tmp_path), f"{tmp_path}/a.txt"])
  assert counts == {"other_kind": 3}
  assert "not read: 2 .png, 1 without suffix." in capsys.readouterr().out
  assert sources.count_other_kinds([f"{tmp_path}/*.txt", "encyclopedia"]) == {}


def test_many_small_files_are_one_group(tmp_path):
  for number in range(600):
    (tmp_path / f"{number:03}.txt").write_text("x")
  groups = list(sources.grouped(sources.resolve([str(tmp_path)])))
  assert [len(group) for group in groups] == [256, 256, 88]
  assert [s.index for group in groups for s in group] == list(range(600))


@pytest.mark.parametrize(
  ("header", "title", "fields"),
  [
    ('<doc title="A">', "A", {}),
    (
      '<doc id="7" url="u" title="A &amp; B">',
      "A & B",
      {"id": "7", "url": "u"},
    ),
    ('<doc id="7" title="A" url="">', "A", {"id": "7"}),
    (
      '<doc id="7" title="A" url="u" x="y z">  ',
      "A",
      {"id": "7", "url": "u", "x": "y z"},
    ),
    # WikiExtractor leaves quotation marks as they are.
    ('<doc id="7" title=""Heroes" (song)">', '"Heroes" (song)', {"id": "7"}),
    ('<doc id="7" title="Say "x" or "y"">', 'Say "x" or "y"', {"id": "7"}),
  ],
)
def test_wikiextractors_headers(tmp_path, header, title, fields):
  path = tmp_path / "wiki_00"
  path.write_text(f"{header}\n{title}\n\nw\n</doc>\n")
  (document,) = [
    document
    for source in sources.resolve([str(path)])
    for document in source.read()
  ]
  assert (document.title, document.text) == (title, "w")
  assert {k: document.fields[k] for k in fields} == fields


@pytest.mark.parametrize(
  "line",
  [
    "<doc " + "a" * 70_000,
    "<doc " + ' title="' * 10_000,
    "<doc " + 'a="b" ' * 12_000,
    '<doc title="' + '" a="b' * 12_000 + '">',
    '<doc title="' + '" ' * 35_000 + '">',
    "<doc " + " " * 70_000 + ">",
  ],
)
def test_a_long_header_is_read_in_no_time(tmp_path, line):
  path = tmp_path / "wiki_00"
  path.write_text(f"{line}\nw\n</doc>\n")
  assert "expected <doc" in _error(path)  # It took hours before.


@pytest.mark.parametrize("suffix", [".gz", ".bz2"])
def test_an_empty_archive_is_damaged(tmp_path, suffix):
  path = tmp_path / f"a.jsonl{suffix}"
  path.write_bytes(b"")
  assert f"{path} is damaged: " in _error(path)


@pytest.mark.parametrize(
  ("suffix", "compress"), [(".gz", gzip.compress), (".bz2", bz2.compress)]
)
@pytest.mark.parametrize("name", ["a.jsonl", "a.txt"])
def test_an_archive_of_far_more_than_it_holds(
  tmp_path, monkeypatch, name, suffix, compress
):
  monkeypatch.setattr(formats, "MOST_UNPACKED_BYTES", 1 << 16)
  path = tmp_path / f"{name}{suffix}"
  path.write_bytes(compress(b" " * (1 << 24)))
  assert "unpacks to more than 200 times its size" in _error(path)


def test_a_pipe_is_refused(tmp_path):
  path = tmp_path / "a.jsonl"
  os.mkfifo(path)
  assert f"{path} is a pipe or a device" in _error(path)


def test_links_that_lead_a_folder_into_itself(tmp_path):
  (tmp_path / "a" / "b").mkdir(parents=True)
  (tmp_path / "a" / "b" / "t.jsonl").write_text('{"title": "A", "text": "w"}\n')
  (tmp_path / "a" / "b" / "up").symlink_to(tmp_path / "a")
  (tmp_path / "a" / "down").symlink_to(tmp_path / "a" / "b")
  (tmp_path / "a" / "self").symlink_to(tmp_path / "a" / "self")
  (tmp_path / "elsewhere").mkdir()
  (tmp_path / "elsewhere" / "u.jsonl").write_text(
    '{"title": "B", "text": "w"}\n'
  )
  (tmp_path / "a" / "linked").symlink_to(tmp_path / "elsewhere")
  assert _read(tmp_path / "a") == [("A", "w"), ("B", "w")]
