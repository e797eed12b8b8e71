import dataclasses
import json
import os
import shutil

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import errors
from realm_tf.data.corpus import corpora as corpus_lib
from realm_tf.data.corpus import corpus_folder
from realm_tf.data.corpus import passage_metadata
from realm_tf.data.corpus import passage_texts
from realm_tf.data.ingest import build
from tests import forked_commands
from tests import written_corpus
from tests.data import small_corpora
from tests.data import written_pdf
from tests.launch import suggested

_RECORDS = [
  *[(f"Cat {i % 7}", f"The cat {i} sat. The dog ran home.") for i in range(40)],
  ("Cat 3", "The cat 3 sat. The dog ran home."),
  ("List of dogs", "The dog ran."),
  ("Caf\u00e9", " ".join(f"Dog {i} ran far away." for i in range(20))),
  ("Empty", " "),
]


@pytest.fixture
def options(tmp_path):
  def make(name="corpus", records=_RECORDS, **fields):
    return build.BuildOptions(
      **{
        "inputs": [small_corpora.write_jsonl(tmp_path / "in.jsonl", records)],
        "output": str(tmp_path / name),
        "vocab": small_corpora.write_vocabulary(tmp_path),
        "max_passage_tokens": 40,
        **fields,
      }
    )

  return make


def _texts(path):
  corpus = corpus_lib.Corpus.open(path)
  return list(zip(*corpus.read_texts(), strict=True))


def test_builds_a_corpus_that_opens(options):
  manifest = build.build(options())
  assert manifest.documents == 42
  assert manifest.articles == 8
  assert manifest.dropped == {
    "duplicate_passage": 1,
    "empty_text": 1,
    "list_page": 1,
  }
  assert manifest.token_dtype == "uint16"
  corpus = corpus_lib.Corpus.open(options().output)
  assert corpus.manifest == manifest
  table = corpus.load_passages()
  assert len(table) == corpus.num_passages == manifest.passages
  longest = (table.title_ids.lengths + table.body_ids.lengths).max() + 3
  assert longest <= 40
  # Passages of one article are adjacent, and in order.
  titles, bodies = corpus.read_texts()
  changes = sum(a != b for a, b in zip(titles, titles[1:], strict=False))
  assert changes == manifest.articles - 1
  cats = [
    body for title, body in zip(titles, bodies, strict=True) if title == "Cat 3"
  ]
  assert cats == [
    f"The cat {i} sat. The dog ran home." for i in range(3, 40, 7)
  ]
  rows = [manifest.passages - 1, 0]
  assert corpus.read_texts(rows)[1] == [bodies[-1], bodies[0]]
  offset = corpus.shard_offsets[1]
  shard = corpus.load_shard(1)
  np.testing.assert_array_equal(
    shard.uids, table.uids[offset : offset + len(shard)]
  )


def test_same_corpus_whatever_the_workers(options):
  first = build.build(options(num_shards=3))
  second = build.build(
    options(
      "again",
      num_shards=3,
      beam_flags=[
        "--direct_running_mode=multi_threading",
        "--direct_num_workers=3",
      ],
    )
  )
  assert first == second
  other = build.build(options("other", num_shards=1))
  assert sorted(_texts(options().output)) == sorted(
    _texts(options("other").output)
  )
  assert other.fingerprint != first.fingerprint
  assert [shard.file for shard in first.shards] == [
    f"passages/passages-{i:05d}-of-00003.tfrecord.gz" for i in range(3)
  ]


def test_an_output_is_kept_refused_or_replaced(options, tmp_path, capsys):
  first = build.build(options())
  (corpus,) = suggested.check(capsys.readouterr().out, "annotate_spans")
  assert corpus == f"--corpus={options().output}"
  marker = tmp_path / "corpus" / "annotations"
  marker.write_text("kept")
  assert build.build(options()) == first
  assert "nothing to do" in capsys.readouterr().out
  assert marker.read_text() == "kept"
  with pytest.raises(errors.UserError, match="overwrite=True"):
    build.build(options(max_passage_tokens=50))
  with pytest.raises(errors.UserError, match="holds annotations, which is no"):
    build.build(options(max_passage_tokens=50, overwrite=True))
  assert marker.read_text() == "kept"
  marker.unlink()
  replaced = build.build(options(max_passage_tokens=50, overwrite=True))
  assert replaced.max_passage_tokens == 50
  assert "cut by      config=tiny (44), which" in capsys.readouterr().out
  assert sorted(p.name for p in tmp_path.iterdir()) == [
    "corpus",
    "in.jsonl",
    "small_vocab.txt",
  ]


# What lies in a corpus's folder, and how an error calls it; None where it is
# a corpus's own.
_INSIDE = {
  "notes.txt": "notes.txt",
  "in.jsonl": "in.jsonl",
  "mine/deep/a": "mine/deep/a",
  "mine/": "mine/",
  "manifest.json.bak": "manifest.json.bak",
  "passages/mine.tfrecord.gz": "passages/mine.tfrecord.gz",
  "passages/passages-00000-of-00009.tfrecord.gz": (
    "passages/passages-00000-of-00009.tfrecord.gz"
  ),
  "sentences/part-0.tfrecord.gz": "sentences/part-0.tfrecord.gz",
  "sentences/manifest.json.bak": "sentences/manifest.json.bak",
  "sentences/sentences-00000-of-00004.tfrecord.gz": None,
  "sentences/sentences-00000-of-00004.0123abcd.tmp": None,
  "sentences/manifest.json": None,
  "a_link": "a_link (a link)",
  "sentences": "sentences (a link)",
}


@pytest.mark.parametrize("place", ["folder", "link", "link to link", "slash"])
@pytest.mark.parametrize("inside", [None, *_INSIDE])
def test_only_a_corpus_is_ever_replaced(tmp_path, place, inside):
  target = tmp_path / "disk" / "target"
  written_corpus.write_texts(target, [[("T", "body")]])
  elsewhere = tmp_path / "elsewhere"
  elsewhere.mkdir()
  (elsewhere / "a").write_text("the user's")
  output = target
  if place != "folder":
    output = tmp_path / "link"
    output.symlink_to(target)
  if place == "link to link":
    output = tmp_path / "second"
    output.symlink_to("link")
  called = None
  if inside is not None:
    called = _INSIDE[inside]
    path = target / inside
    path.parent.mkdir(parents=True, exist_ok=True)
    if called and called.endswith("(a link)"):
      path.symlink_to(elsewhere)
    elif inside.endswith("/"):
      path.mkdir()
    else:
      path.write_text("inside")
  before = sorted(tmp_path.rglob("*"))
  given = f"{output}/" if place == "slash" else str(output)
  corpus, _ = written_corpus.write_texts(tmp_path / "new", [[("U", "other")]])

  def publish():
    with corpus_folder.staged(given) as staging:
      assert os.path.dirname(staging) == str(target.parent)
      shutil.copytree(tmp_path / "new", staging)
      corpus_folder.publish(staging, given, corpus.tokenizer, corpus.manifest)

  if called:
    with pytest.raises(errors.UserError) as caught:
      publish()
    assert f"output={given} holds {called}, " in str(caught.value)
    shutil.rmtree(tmp_path / "new")
    assert sorted(tmp_path.rglob("*")) == before
    return
  publish()
  assert output.is_symlink() == (place != "folder")
  assert corpus_lib.Corpus.open(str(output)).read_texts() == (["U"], ["other"])
  assert [p.name for p in target.parent.iterdir()] == ["target"]
  assert not (target / "sentences").exists()
  assert (elsewhere / "a").read_text() == "the user's"


def test_a_corpus_is_built_through_a_link(options, tmp_path):
  (tmp_path / "disk" / "empty").mkdir(parents=True)
  for name in ("empty", "nothing"):
    link = tmp_path / f"to_{name}"
    link.symlink_to(f"disk/{name}")
    manifest = build.build(options(link.name))
    assert link.is_symlink()
    assert corpus_lib.Corpus.open(str(link)).manifest == manifest
  made = options("to_empty", max_passage_tokens=50, overwrite=True)
  build.build(made)
  assert link.is_symlink()
  assert corpus_lib.Corpus.open(made.output).manifest.max_passage_tokens == 50
  assert sorted(p.name for p in (tmp_path / "disk").iterdir()) == [
    "empty",
    "nothing",
  ]


def test_input_in_the_output_stays(options, tmp_path):
  build.build(options())
  inside = tmp_path / "corpus" / "in.jsonl"
  (tmp_path / "in.jsonl").rename(inside)
  made = dataclasses.replace(
    options(overwrite=True), inputs=[str(inside)], num_shards=2
  )
  content = inside.read_bytes()
  with pytest.raises(errors.UserError, match="holds in.jsonl, which is no"):
    build.build(made)
  assert inside.read_bytes() == content
  assert corpus_lib.Corpus.open(made.output).load_passages()


def test_overwrite_removes_corpora_alone(options, tmp_path):
  output = tmp_path / "corpus"
  output.mkdir()
  build.build(options(overwrite=True))
  (output / "manifest.json").write_text("damaged")
  with pytest.raises(errors.UserError, match="output=.*overwrite=True"):
    build.build(options())
  build.build(options(overwrite=True))
  (output / "manifest.json").unlink()
  with pytest.raises(errors.UserError, match="holds something that is no corp"):
    build.build(options(overwrite=True))
  assert (output / "passages").exists()
  plain = tmp_path / "plain"
  plain.write_text("kept")
  with pytest.raises(errors.UserError, match="is a file"):
    build.build(options("plain", overwrite=True))
  assert plain.read_text() == "kept"


def test_a_corpus_that_cannot_be_replaced_stays(options, tmp_path, monkeypatch):
  build.build(options())
  rename = tf.io.gfile.rename

  def fail_once(source, target, overwrite=False):
    if ".partial-" in source and target == options().output:
      raise tf.errors.PermissionDeniedError(None, None, "denied")
    rename(source, target, overwrite)

  monkeypatch.setattr(tf.io.gfile, "rename", fail_once)
  with pytest.raises(errors.UserError, match="Cannot write output="):
    build.build(options(max_passage_tokens=50, overwrite=True))
  assert corpus_lib.Corpus.open(options().output).manifest.passages
  assert sorted(p.name for p in tmp_path.iterdir()) == [
    "corpus",
    "in.jsonl",
    "small_vocab.txt",
  ]


@pytest.mark.parametrize("mode", ["in_memory", "multi_threading"])
def test_a_bad_record_leaves_nothing_behind(options, tmp_path, mode):
  made = options(
    beam_flags=[f"--direct_running_mode={mode}", "--direct_num_workers=2"]
  )
  with open(made.inputs[0], "a") as f:
    f.write('{"title": "x"}\n')
  with pytest.raises(errors.UserError) as caught:
    build.build(made)
  assert str(caught.value) == (
    f"{made.inputs[0]}, line 45 lacks `text`: each record needs `title` and "
    "`text`."
  )
  assert sorted(p.name for p in tmp_path.iterdir()) == [
    "in.jsonl",
    "small_vocab.txt",
  ]


def test_lists_stay_where_they_are_asked_for(options):
  made = options(list_pages=True)
  manifest = build.build(made)
  assert "list_page" not in manifest.dropped
  assert manifest.articles == 9
  assert corpus_lib.Corpus.open(made.output).manifest.list_pages
  with pytest.raises(errors.UserError, match="overwrite"):
    build.build(options())  # Another corpus.


@pytest.mark.parametrize(
  "fields, says",
  [
    ({"records": []}, "`input` holds no text"),
    ({"records": [("List of cats", "The cat.")]}, "1 list_page"),
    ({"output": ""}, "`output` is missing"),
    ({"max_passage_tokens": 5}, "max_passage_tokens=5"),
    ({"num_shards": 0}, "num_shards=0"),
    ({"vocab": "/nowhere/vocab.txt"}, "/nowhere/vocab.txt"),
    ({"beam_flags": ["--runner=Foo"]}, "runner=Foo"),
    ({"beam_flags": ["--runner=no.such.Runner"]}, "runner=no.such.Runner"),
  ],
)
def test_wrong_options(options, fields, says):
  with pytest.raises(errors.UserError, match=says):
    build.build(options(**fields))


def test_a_corpus_that_is_none(options, tmp_path):
  def error(path):
    with pytest.raises(errors.UserError) as caught:
      corpus_lib.Corpus.open(str(path))
    assert "corpus=" in str(caught.value) or "`corpus`" in str(caught.value)
    assert "build_corpus" in str(caught.value)
    return str(caught.value)

  assert "does not exist" in error(tmp_path / "nothing")
  file = small_corpora.write_jsonl(tmp_path / "articles.jsonl", _RECORDS)
  assert "cannot be read" in error(file)
  (tmp_path / "folder").mkdir()
  assert "manifest.json" in error(tmp_path / "folder")
  build.build(options())
  path = tmp_path / "corpus"
  (path / "vocab.txt").write_text(
    "\n".join(small_corpora.VOCABULARY) + "\nnew\n"
  )
  assert "not the vocabulary" in error(path)
  manifest = json.loads((path / "manifest.json").read_text())
  (path / "manifest.json").write_text(json.dumps(manifest | {"passages": 0}))
  assert "no passages" in error(path)


def test_a_damaged_shard(options, tmp_path):
  manifest = build.build(options())
  path = tmp_path / "corpus" / manifest.shards[0].file
  path.write_bytes(path.read_bytes()[:-20])
  corpus = corpus_lib.Corpus.open(str(tmp_path / "corpus"))
  for read in (
    corpus.load_passages,
    corpus.read_texts,
    lambda: corpus.find_rows(["0"]),
    lambda: list(corpus.iterate_bodies()),
    lambda: corpus.read_keys(0),
    lambda: passage_texts.PassageTexts(corpus).body(0),
  ):
    with pytest.raises(errors.UserError, match=path.name):
      read()


def test_the_command_ends_in_one_line_and_status_2(tmp_path):
  path = tmp_path / "in.jsonl"
  path.write_text("no json\n")
  done = forked_commands.run(
    "build_corpus",
    [
      f"--input={path}",
      f"--vocab={small_corpora.write_vocabulary(tmp_path)}",
      f"--output={tmp_path / 'out'}",
      "--runner=DirectRunner",
    ],
  )
  assert done["status"] == 2
  expected = (
    f"error: {path}, line 1 is not JSON ('no json'): each line must be one "
    "object with `title` and `text`."
  )
  assert done["stderr"].splitlines() == [expected]
  assert not (tmp_path / "out").exists()


def _metadata(path):
  """The metadata of each passage, by its text."""
  corpus = corpus_lib.Corpus.open(str(path))
  _, bodies, found = corpus.read_passages(range(corpus.num_passages))
  return dict(zip(bodies, map(passage_metadata.decode, found), strict=True))


def test_fields_stay_with_passages(options, tmp_path):
  (tmp_path / "fields.jsonl").write_text(
    '{"title": "A", "text": "The cat.", "url": "u", "n": {"x": [1, null]}}\n'
    '{"title": "A", "text": "The cat.", "url": "another"}\n'
    '{"title": "B", "text": "The dog.", "url": null, "date": ""}\n'
  )
  made = options(inputs=[str(tmp_path / "fields.jsonl")])
  manifest = build.build(made)
  assert manifest.metadata_fields == ("n", "url")
  # Of two documents that say the same, the first one's stay.
  assert _metadata(made.output) == {
    "The cat.": {"url": "u", "n": {"x": [1, None]}},
    "The dog.": {},
  }
  # They are no part of what an index depends on, or of passages without any.
  other = dataclasses.replace(
    made, output=str(tmp_path / "other"), metadata=["url"]
  )
  chosen = build.build(other)
  assert chosen.metadata_fields == chosen.metadata_choice == ("url",)
  assert _metadata(other.output)["The cat."] == {"url": "u"}
  with pytest.raises(errors.UserError, match="holds something else"):
    build.build(dataclasses.replace(other, metadata=[]))
  bare = dataclasses.replace(other, metadata=[], overwrite=True)
  without = build.build(bare)
  assert without.metadata_fields == ()
  assert manifest.fingerprint == chosen.fingerprint == without.fingerprint
  (tmp_path / "fields.jsonl").write_text(
    '{"title": "A", "text": "The cat."}\n{"title": "B", "text": "The dog."}\n'
  )
  plain = build.build(dataclasses.replace(made, output=str(tmp_path / "plain")))
  assert [shard.sha256 for shard in plain.shards] == [
    shard.sha256 for shard in without.shards
  ]


def test_a_corpus_of_before_has_no_metadata(options, tmp_path):
  build.build(options())
  path = tmp_path / "corpus" / "manifest.json"
  manifest = json.loads(path.read_text())
  del manifest["metadata_fields"], manifest["metadata_choice"]
  path.write_text(json.dumps(manifest))
  opened = corpus_lib.Corpus.open(options().output)
  assert opened.manifest.metadata_fields == ()
  assert set(opened.read_passages([0, 1])[2]) == {""}


def test_a_folder_of_documents(options, tmp_path, capsys):
  folder = tmp_path / "mine"
  folder.mkdir()
  (folder / "list of dogs.txt").write_text("The dog ran.")
  (folder / "page.html").write_text("<title>Cat</title><p>The cat sat.")
  (folder / "more.csv").write_text("title,text,url\nDog,The dog sat.,u\n")
  (folder / "a.pdf").write_bytes(
    written_pdf.write(
      [["The cat ran far away."] * 6, ["The dog ran home."] * 6]
    )
  )
  (folder / "broken.pdf").write_bytes(b"no PDF")
  (folder / "empty.txt").write_text("")
  (folder / "bad.csv").write_text("The cat,ran\n")
  (folder / "photo.png").write_bytes(b"\x89PNG")
  made = options(inputs=[str(folder)], beam_flags=["--direct_num_workers=1"])
  manifest = build.build(made)
  assert manifest.dropped == {
    **{"broken_pdf": 1, "csv_without_header": 1, "empty_file": 1},
    "other_kind": 1,
  }
  printed = capsys.readouterr().out
  warnings = [x for x in printed.splitlines() if x.startswith("warning: left")]
  assert [
    next(n for n in ("bad.csv", "broken.pdf", "empty.txt", ".png") if n in line)
    for line in warnings
  ] == ["bad.csv", "broken.pdf", "empty.txt", ".png"]
  assert (
    "1 broken_pdf, 1 csv_without_header, 1 empty_file, 1 other_k" in printed
  )
  assert "metadata    page, source, url" in printed
  found = _metadata(made.output)
  pages = {body: f.pop("page") for body, f in found.items() if "page" in f}
  assert found == {
    "The dog ran.": {"source": "list of dogs.txt"},
    "The cat sat.": {"source": "page.html"},
    "The dog sat.": {"url": "u"},
    **{body: {"source": "a.pdf"} for body in pages},
  }
  # A passage has the page that it begins on.
  assert set(pages.values()) == {1, 2}
  for body, page in pages.items():
    assert body.startswith("The cat" if page == 1 else "The dog")
  # The same files elsewhere are the same corpus; under other names, another.
  (folder / "page.html").rename(folder / "other.html")
  with pytest.raises(errors.UserError, match="holds something else"):
    build.build(made)
  (folder / "other.html").rename(folder / "page.html")
  folder.rename(tmp_path / "moved")
  assert build.build(options(inputs=[str(tmp_path / "moved")])) == manifest
