"""Editing corpora; what they must hold is what `build_corpus` makes of it."""

import gzip
import json
import pathlib
import shutil

import hypothesis
import pytest
from hypothesis import strategies as st

from realm_tf import errors
from realm_tf.data.corpus import corpora as corpus_lib
from realm_tf.data.corpus import corpus_manifest
from realm_tf.data.corpus import passage_metadata
from realm_tf.data.ingest import build
from realm_tf.data.ingest import corpus_edit
from tests import forked_commands
from tests.data import small_corpora

_TITLES = tuple(f"Cat {i}" for i in range(9))


def text_of(number, sentences):
  """A text that no other number has; 40 wordpieces hold a few sentences."""
  return " ".join(
    f"The cat {number} ran {i} far away." for i in range(sentences)
  )


_RECORDS = [(_TITLES[i], text_of(i, 1 + i % 3 * 4)) for i in range(6)]


def build_corpus(folder, records, name="corpus"):
  folder.mkdir(exist_ok=True)
  build.build(
    build.BuildOptions(
      inputs=[small_corpora.write_jsonl(folder / f"{name}.jsonl", records)],
      output=str(folder / name),
      vocab=small_corpora.write_vocabulary(folder),
      max_passage_tokens=40,
      num_shards=3,
    )
  )
  return corpus_lib.Corpus.open(str(folder / name))


def edit_corpus(corpus, output, *, add=(), remove=(), replace=()):
  """Edits; `add` and `replace` are records or the path of a file."""

  def file_of(flag, records):
    if isinstance(records, str):
      return [records]
    path = output.with_name(f"{output.name}.{flag}.jsonl")
    return [small_corpora.write_jsonl(path, records)] if records else []

  options = corpus_edit.EditOptions(
    corpus=corpus.path,
    output=str(output),
    add=file_of("add", add),
    remove=remove,
    replace=file_of("replace", replace),
  )
  return corpus_edit.edit(options, corpus)


def passages_of(corpus):
  return list(zip(*corpus.read_texts(), strict=True))


def ids_of(corpus):
  return [i.decode() for i in corpus.load_passages().ids]


@pytest.fixture(scope="module")
def old(tmp_path_factory):
  return build_corpus(tmp_path_factory.mktemp("old"), _RECORDS)


def one_passage(corpus, title=_TITLES[0]):
  """The id of an article's only passage."""
  (row,) = [i for i, (t, _) in enumerate(passages_of(corpus)) if t == title]
  return ids_of(corpus)[row]


_EDITS = st.lists(
  st.dictionaries(
    st.sampled_from(_TITLES),
    st.tuples(st.sampled_from(["add", "remove", "replace"]), st.integers(1, 9)),
    min_size=1,
    max_size=4,
  ),
  min_size=1,
  max_size=3,
)


@hypothesis.settings(max_examples=8)
@hypothesis.given(edits=_EDITS)
def test_any_edits_give_the_corpus_of_the_edited_source(
  old, tmp_path_factory, edits
):
  folder = tmp_path_factory.mktemp("edits")
  records, corpus, number = list(_RECORDS), old, 100
  for step, changes in enumerate(edits):
    flags = {"add": [], "remove": [], "replace": []}
    for title, (kind, sentences) in changes.items():
      known = title in {t for t, _ in records}
      number += 1
      record = (title, text_of(number, sentences))
      if kind == "add" or not known:
        flags["add"].append(record)
        continue
      flags[kind].append(title if kind == "remove" else record)
    gone = {*flags["remove"], *(title for title, _ in flags["replace"])}
    left = [record for record in records if record[0] not in gone]
    left += flags["replace"] + flags["add"]
    if not left:
      continue
    records = left
    flags["remove"] = [",".join(flags["remove"])]
    corpus = edit_corpus(corpus, folder / f"step-{step}", **flags)
  wanted = build_corpus(folder, records, "wanted").manifest
  found = corpus.manifest
  assert found.fingerprint == wanted.fingerprint
  assert found.shards == wanted.shards  # down to the files' sums
  assert (found.passages, found.articles) == (wanted.passages, wanted.articles)
  assert found.tokenizer == wanted.tokenizer


def test_the_manifest_says_what_it_came_from(old, tmp_path, capsys):
  files = [p for p in pathlib.Path(old.path).rglob("*") if p.is_file()]
  before = {path: path.read_bytes() for path in files}
  new = edit_corpus(
    old,
    tmp_path / "new",
    add=[("Dog", text_of(50, 9)), ("Dog", " ")],
    remove=[one_passage(old)],
    replace=[(_TITLES[1], text_of(51, 1))],
  )
  entry = new.manifest.edit
  replaced = [p for p in passages_of(old) if p[0] == _TITLES[1]]
  added = [p for p in passages_of(new) if p[0] == "Dog"]
  assert len(replaced) > 1
  assert len(added) > 1
  assert entry == corpus_manifest.EditEntry(
    old.fingerprint, len(added), 1, len(replaced), 1
  )
  assert new.num_passages == old.num_passages + len(added) - len(replaced)
  assert new.fingerprint != old.fingerprint
  assert new.manifest.dropped == {"empty_text": 1}
  assert new.manifest.documents == old.manifest.documents + 2
  assert corpus_manifest.read(new.path) == new.manifest
  shown = capsys.readouterr().out
  assert "left out    1 empty_text" in shown
  assert "sentences" not in shown
  for path, content in before.items():  # The old one is as it was.
    assert path.read_bytes() == content


def test_shards_without_a_change_are_the_old_files(old, tmp_path):
  new = edit_corpus(old, tmp_path / "new", remove=[_TITLES[0]])
  same = [
    before == after
    for before, after in zip(
      old.manifest.shards, new.manifest.shards, strict=True
    )
  ]
  assert same.count(False) == 1
  for shard in new.manifest.shards:
    path = tmp_path / "new" / shard.file
    assert path.exists()


def test_a_passage_is_replaced_where_it_stands(old, tmp_path):
  long = [p for p in passages_of(old) if p[0] == _TITLES[2]]
  assert len(long) > 2
  target = ids_of(old)[passages_of(old).index(long[1])]
  path = tmp_path / "replace.jsonl"
  record = {"id": target, "title": _TITLES[2], "text": text_of(77, 9)}
  path.write_text("\n" + json.dumps(record) + "\n")
  new = edit_corpus(old, tmp_path / "new", replace=str(path))
  now = [p for p in passages_of(new) if p[0] == _TITLES[2]]
  assert now[0] == long[0]
  assert now[-1] == long[2]
  assert len(now) > 3
  assert " ".join(body for _, body in now[1:-1]) == text_of(77, 9)
  assert new.manifest.edit.replaced == 1
  # Under another title it goes where that title's passages are.
  record["title"] = "Zebra"
  path.write_text(json.dumps(record) + "\n")
  other = edit_corpus(old, tmp_path / "other", replace=str(path))
  assert [p for p in passages_of(other) if p[0] == _TITLES[2]] == [
    p for p in long if p != long[1]
  ]


def test_an_article_may_keep_some_of_its_passages(old, tmp_path):
  kept = [body for title, body in passages_of(old) if title == _TITLES[2]][0]
  new = edit_corpus(
    old,
    tmp_path / "new",
    replace=[(_TITLES[2], f"{kept} {text_of(78, 3)}")],
  )
  assert (_TITLES[2], kept) in passages_of(new)


def test_removals_from_a_file(old, tmp_path):
  path = tmp_path / "gone.txt.gz"
  lines = f"{one_passage(old)}\n\n{_TITLES[1]}  \n"
  path.write_bytes(gzip.compress(lines.encode()))
  new = edit_corpus(old, tmp_path / "new", remove=[f"@{path}"])
  assert {t for t, _ in passages_of(new)} == set(_TITLES[2:6])


def test_the_same_passage_twice_in_a_file_is_counted(old, tmp_path):
  record = ("Dog", text_of(60, 1))
  new = edit_corpus(old, tmp_path / "new", add=[record, record])
  assert new.manifest.edit.added == 1
  assert new.manifest.dropped == {"duplicate_passage": 1}


def test_the_same_edit_again_leaves_the_output(old, tmp_path, capsys):
  first = edit_corpus(old, tmp_path / "new", remove=[_TITLES[0]])
  marker = tmp_path / "new" / "marker"
  marker.write_text("kept")
  again = edit_corpus(old, tmp_path / "new", remove=[_TITLES[0]])
  assert again.manifest == first.manifest
  assert marker.exists()
  assert "already" in capsys.readouterr().out
  with pytest.raises(errors.UserError, match="output=.*name another folder"):
    edit_corpus(old, tmp_path / "new", remove=[_TITLES[1]])
  assert marker.exists()


def test_sentences_are_not_taken_over(tmp_path, capsys):
  corpus = build_corpus(tmp_path / "in", _RECORDS)
  (tmp_path / "in" / "corpus" / "sentences").mkdir()
  new = edit_corpus(corpus, tmp_path / "new", remove=[_TITLES[0]])
  shown = capsys.readouterr().out
  assert f"annotate_spans --corpus={new.path}" in shown
  assert not (tmp_path / "new" / "sentences").exists()


def mistakes(old, tmp_path):
  """Yields (name, flags of an edit, words of the message)."""
  passage = one_passage(old)
  same = next(p for p in _RECORDS if p[0] == _TITLES[0])
  files = {
    "bad": '{"title": "x", "text": "y"}\nnot JSON\n',
    "number": '{"id": 7, "title": "x", "text": "y"}\n',
    "no_id": '{"id": "", "title": "x", "text": "y"}\n',
    "unknown": '\n{"id": "00", "title": "x", "text": "y"}\n',
    "by_id": json.dumps({"id": passage, "title": "x", "text": "y z."}) + "\n",
    "empty": "",
  }
  paths = {}
  for name, content in files.items():
    paths[name] = str(tmp_path / f"{name}.jsonl")
    (tmp_path / f"{name}.jsonl").write_text(content)
  names = tmp_path / "names.txt"
  names.write_text(f"{passage}\nno such title\n")
  (tmp_path / "nothing.txt").write_text("\n")
  yield "no_flag", {}, ["`add`", "`remove`", "`replace`"]
  yield "unknown_id", {"remove": ["00ff"]}, ["remove=00ff"]
  yield "unknown_in_file", {"remove": [f"@{names}"]}, [f"{names}, line 2"]
  yield "file_without_at", {"remove": [str(names)]}, [f"remove=@{names}"]
  yield "no_names", {"remove": [f"@{tmp_path}/nothing.txt"]}, ["names nothing"]
  yield "no_file", {"remove": ["@/nowhere"]}, ["/nowhere"]
  yield "bad_line", {"add": paths["bad"]}, [paths["bad"], "line 2"]
  yield "missing", {"add": f"{tmp_path}/none.jsonl"}, ["add=", "none.jsonl"]
  other = tmp_path / "names.docx"
  other.write_text("Cat 0\n")
  yield "kind", {"replace": str(other)}, ["replace=", "no known kind"]
  yield "empty_add", {"add": paths["empty"]}, ["`add` holds no text"]
  yield "id_no_text", {"replace": paths["number"]}, ["`id`", "line 1"]
  yield "empty_id", {"replace": paths["no_id"]}, ["`id`", "line 1"]
  yield "unknown_passage", {"replace": paths["unknown"]}, ["line 2", "'00'"]
  yield "unknown_article", {"replace": [("Dog", "x.")]}, ["line 1", "'Dog'"]
  yield "no_passage", {"replace": [(_TITLES[0], "")]}, ["line 1", "`remove`"]
  yield "exists", {"add": [("Dog", "a."), same]}, ["line 2", passage]
  yield (
    "removed_and_replaced",
    {"remove": [passage], "replace": [(_TITLES[0], "x.")]},
    ["line 1", passage, "`remove`"],
  )
  yield (
    "removed_and_added",
    {"remove": [passage], "add": [same]},
    ["line 1", passage, "`remove`"],
  )
  yield (
    "replaced_and_added",
    {"replace": [(_TITLES[0], "x.")], "add": [(_TITLES[0], "x.")]},
    ["add.jsonl, line 1", "`replace`"],
  )
  yield (
    "replaced_twice",
    {"replace": [(_TITLES[0], "x."), (_TITLES[0], "y.")]},
    ["line 2", passage, "`replace`"],
  )
  yield "nothing_left", {"remove": [",".join(_TITLES[:6])]}, ["`remove` names"]


def test_mistakes_are_one_line_and_nothing_is_written(old, tmp_path):
  output = tmp_path / "new"
  for name, flags, words in mistakes(old, tmp_path):
    with pytest.raises(errors.UserError) as caught:
      edit_corpus(old, output, **flags)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
      assert word in message, (name, message)
    assert not list(tmp_path.glob("new")), name
    assert not list(tmp_path.glob("new.partial*")), name


def test_a_replacement_must_be_new(old, tmp_path):
  path = tmp_path / "replace.jsonl"
  title, body = passages_of(old)[-1]
  target = one_passage(old)
  path.write_text(json.dumps({"id": target, "title": title, "text": body}))
  with pytest.raises(errors.UserError, match="line 1 .*has already"):
    edit_corpus(old, tmp_path / "new", replace=str(path))


def test_a_damaged_corpus_is_told(tmp_path):
  corpus = build_corpus(tmp_path / "in", _RECORDS)
  path = tmp_path / "in" / "corpus" / corpus.manifest.shards[0].file
  path.write_bytes(path.read_bytes()[:-20])
  with pytest.raises(errors.UserError, match=path.name):
    edit_corpus(corpus, tmp_path / "new", remove=[_TITLES[0]])
  assert not (tmp_path / "new").exists()


def test_the_command_ends_in_one_line_and_status_2(old, tmp_path):
  done = forked_commands.run(
    "edit_corpus",
    [
      f"--corpus={old.path}",
      "--remove=00ff",
      f"--output={tmp_path / 'new'}",
    ],
  )
  assert done["status"] == 2
  assert done["stderr"] == (
    f"error: --remove=00ff: --corpus={old.path} has no passage of the id and "
    "no article of the title '00ff'.\n"
  )
  assert not (tmp_path / "new").exists()


def metadata_of(corpus):
  """The metadata of each passage, by its text."""
  _, bodies, found = corpus.read_passages(range(corpus.num_passages))
  return dict(zip(bodies, map(passage_metadata.decode, found), strict=True))


def write_objects(path, *records):
  path.write_text("".join(json.dumps(record) + "\n" for record in records))
  return str(path)


def test_metadata_is_kept_added_and_replaced(tmp_path):
  source = write_objects(
    tmp_path / "in.jsonl",
    {"title": "Cat 0", "text": "The cat 0 ran.", "url": "a", "date": "1"},
    {"title": "Cat 1", "text": "The cat 1 ran.", "url": "b", "date": "2"},
    {"title": "Cat 2", "text": "The cat 2 ran.", "url": "c"},
  )
  made = build.BuildOptions(
    inputs=[source],
    output=str(tmp_path / "old"),
    vocab=small_corpora.write_vocabulary(tmp_path),
    num_shards=2,
  )
  build.build(made)
  old = corpus_lib.Corpus.open(made.output)
  new = edit_corpus(
    old,
    tmp_path / "new",
    add=write_objects(
      tmp_path / "add.jsonl",
      {"title": "Cat 3", "text": "The cat 3 ran.", "id": "x"},
    ),
    replace=write_objects(
      tmp_path / "replace.jsonl",
      # Of a passage, what is not said stays. Here the text does.
      {
        **{"title": "Cat 0", "text": "The cat 0 ran.", "url": "new"},
        **{"id": one_passage(old, "Cat 0"), "date": None},
      },
      # An article has its own fields alone.
      {"title": "Cat 1", "text": "The cat 1 sat.", "date": "3"},
    ),
  )
  assert metadata_of(new) == {
    "The cat 0 ran.": {"url": "new"},
    "The cat 1 sat.": {"date": "3"},
    "The cat 2 ran.": {"url": "c"},
    "The cat 3 ran.": {"id": "x"},
  }
  assert new.manifest.metadata_fields == ("date", "id", "url")
  # Where nothing but metadata changes, an index of the old one still fits; but
  # edits of the two are not the same.
  changed = edit_corpus(
    old,
    tmp_path / "changed",
    replace=write_objects(
      tmp_path / "url.jsonl",
      {
        **{"title": "Cat 2", "text": "The cat 2 ran.", "url": "new"},
        "id": one_passage(old, "Cat 2"),
      },
    ),
  )
  assert changed.fingerprint == old.fingerprint
  assert metadata_of(changed)["The cat 2 ran."] == {"url": "new"}
  one = edit_corpus(old, tmp_path / "one", remove=["Cat 1"])
  other = edit_corpus(changed, tmp_path / "other", remove=["Cat 1"])
  assert one.fingerprint == other.fingerprint
  assert one.manifest.source_sha256 != other.manifest.source_sha256


def test_the_choice_of_fields_holds_for_what_is_added(old, tmp_path):
  manifest = tmp_path / "in" / "manifest.json"
  shutil.copytree(old.path, tmp_path / "in")
  manifest.write_text(
    json.dumps(json.loads(manifest.read_text()) | {"metadata_choice": ["url"]})
  )
  record = {"title": "Dog", "text": "The dog.", "url": "u", "date": "d"}
  new = edit_corpus(
    corpus_lib.Corpus.open(str(tmp_path / "in")),
    tmp_path / "new",
    add=write_objects(tmp_path / "add.jsonl", record),
  )
  assert metadata_of(new)["The dog."] == {"url": "u"}


def test_a_folder_of_files_is_added(old, tmp_path, capsys):
  folder = tmp_path / "more"
  folder.mkdir()
  (folder / "Dog.txt").write_text("The dog ran home.")
  (folder / "empty.txt").write_text("")
  (folder / "bad.json").write_text("{\n}")
  (folder / "photo.png").write_text("")
  new = edit_corpus(old, tmp_path / "new", add=str(folder))
  assert metadata_of(new)["The dog ran home."] == {"source": "Dog.txt"}
  printed = capsys.readouterr().out
  assert "empty.txt is empty" in printed
  assert "1 empty_file, 1 no_records, 1 other_kind" in printed
