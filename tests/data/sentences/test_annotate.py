import json
import pathlib
import shutil

import pytest
import tensorflow as tf

from realm_tf import errors
from realm_tf.data.corpus import sentence_folder
from realm_tf.data.ingest import build
from realm_tf.data.sentences import annotate
from realm_tf.data.sentences import annotate_shards
from realm_tf.data.sentences import sentence_records
from tests import planted_tagger
from tests.launch import suggested

_ARTICLES = [
  ("Zürich", "Zürich lies in Switzerland. It grew after 12 May 1850. Dr. Émile "
   "Zola came in 1871 and saw gold."),
  ("Gold", "Gold is a metal. The people of Peru had gold before 1532. It is "
   "heavy."),
  ("Tokyo", "The name 東京 means eastern capital. In the 1920s Tokyo burned."),
  ("Peru", "In Peru, people pay with the sol. Lima is its capital."),
]  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> pathlib.Path:
  folder = tmp_path_factory.mktemp("built")
  lines = [json.dumps({"title": t, "text": x}) for t, x in _ARTICLES]
  (folder / "in.jsonl").write_text("\n".join(lines))
  vocab = sorted({c for t, x in _ARTICLES for c in (t + x).lower()})
  pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *vocab]
  pieces += [f"##{c}" for c in vocab]
  pieces = [p for p in pieces if p.strip()]
  (folder / "vocab.txt").write_text("\n".join(pieces) + "\n")
  build.build(
    build.BuildOptions(
      inputs=[str(folder / "in.jsonl")],
      output=str(folder / "corpus"),
      vocab=str(folder / "vocab.txt"),
      num_shards=3,
    )
  )
  return folder / "corpus"


@pytest.fixture
def corpus(built, tmp_path) -> pathlib.Path:
  """A corpus of its own for each test."""
  copy = tmp_path / "corpus"
  (copy / "passages").mkdir(parents=True)
  for path in built.rglob("*"):
    if path.is_file():
      (copy / path.relative_to(built)).write_bytes(path.read_bytes())
  return copy


def _options(corpus: pathlib.Path, **kwargs) -> annotate.AnnotateOptions:
  return annotate.AnnotateOptions(corpus=str(corpus), **kwargs)


def _records(corpus: pathlib.Path) -> dict[str, tuple[list[str], list[str]]]:
  """Returns sentences and spans of each title."""
  paths = sorted(map(str, (corpus / "sentences").glob("*.tfrecord.gz")))
  assert len(paths) == 3
  dataset = tf.data.TFRecordDataset(paths, "GZIP").batch(8)
  result = {}
  for batch in dataset.map(sentence_records.parse):
    for i, text in enumerate(batch["text"].numpy()):

      def slices(kind, i=i, text=text, batch=batch):
        starts = batch[f"{kind}_byte_start"][i].numpy()
        limits = batch[f"{kind}_byte_limit"][i].numpy()
        return [text[a:b].decode() for a, b in zip(starts, limits, strict=True)]

      title = batch["title"][i].numpy().decode()
      result[title] = slices("sentence"), slices("span")
  return result


def test_records_come_back_as_they_were_written():
  records = [
    sentence_records.encode(b"A", "Zürich. B".encode(), [(0, 8), (9, 10)], []),
    sentence_records.encode(b"", b"", [], []),
    sentence_records.encode(b"C", b"In 1914 x", [(0, 9)], [(3, 7)]),
  ]
  parsed = tf.function(sentence_records.parse)(tf.constant(records))
  assert parsed["title"].numpy().tolist() == [b"A", b"", b"C"]
  assert parsed["text"].numpy().tolist()[0] == "Zürich. B".encode()
  assert parsed["sentence_byte_start"].to_list() == [[0, 9], [], [0]]
  assert parsed["sentence_byte_limit"].to_list() == [[8, 10], [], [9]]
  assert parsed["span_byte_start"].to_list() == [[], [], [3]]
  assert parsed["span_byte_limit"].to_list() == [[], [], [7]]
  assert parsed["span_byte_limit"].dtype == tf.int64


def test_annotates_all_passages_with_byte_offsets(corpus):
  manifest = annotate.annotate(_options(corpus))
  records = _records(corpus)
  assert {t for t, _ in _ARTICLES} == set(records)
  assert records["Zürich"][0] == [
    "Zürich lies in Switzerland.",
    "It grew after 12 May 1850.",
    "Dr. Émile Zola came in 1871 and saw gold.",
  ]
  assert records["Zürich"][1] == [
    "Zürich", "Switzerland", "12 May 1850", "Émile Zola", "1871",
  ]  # fmt: skip
  assert records["Tokyo"][1] == ["1920s", "Tokyo"]
  assert manifest["tagger"] == "rules"
  assert manifest["passages"] == 4
  assert manifest["sentences"] == 10
  assert manifest["spans"]["date"] == 4
  assert sum(shard["passages"] for shard in manifest["shards"]) == 4
  on_disk = json.loads((corpus / "sentences/manifest.json").read_text())
  assert on_disk == manifest
  assert not list((corpus / "sentences").glob("*.tmp"))


def test_titles_as_gazetteer(corpus):
  tagger = annotate_shards.TaggerSettings(gazetteer="titles")
  annotate.annotate(_options(corpus, tagger=tagger))
  assert _records(corpus)["Zürich"][1][-1] == "gold"


def test_a_restart_keeps_finished_shards(corpus):
  annotate.annotate(_options(corpus))
  folder = corpus / "sentences"
  expected = _records(corpus)
  shards = sorted(folder.glob("*.tfrecord.gz"))
  times = [path.stat().st_mtime_ns for path in shards]
  # As if killed in the second shard: no counts, half a file, no manifest.
  (folder / "manifest.json").unlink()
  (folder / "sentences-00001-of-00003.json").unlink()
  (folder / "sentences-00001-of-00003.ab12cd34.tmp").write_bytes(b"half")
  manifest = annotate.annotate(_options(corpus))
  again = [path.stat().st_mtime_ns for path in shards]
  assert again[0] == times[0]
  assert again[2] == times[2]
  assert again[1] > times[1]
  assert _records(corpus) == expected
  assert manifest["passages"] == 4
  assert not list(folder.glob("*.tmp"))


def test_other_settings_need_overwrite(corpus):
  annotate.annotate(_options(corpus))
  numbers = annotate_shards.TaggerSettings(numbers=True)
  with pytest.raises(errors.UserError, match="overwrite=True"):
    annotate.annotate(_options(corpus, tagger=numbers))
  manifest = annotate.annotate(_options(corpus, tagger=numbers, overwrite=True))
  assert manifest["settings"]["numbers"]


def test_annotations_are_told_apart(corpus):
  annotate.annotate(_options(corpus))
  first = sentence_folder.fingerprint(str(corpus))
  annotate.annotate(_options(corpus, overwrite=True))
  assert sentence_folder.fingerprint(str(corpus)) == first
  numbers = annotate_shards.TaggerSettings(numbers=True)
  annotate.annotate(_options(corpus, tagger=numbers, overwrite=True))
  assert sentence_folder.fingerprint(str(corpus)) not in ("", first)


def test_a_killed_overwrite_goes_on_where_it_was(corpus, monkeypatch):
  annotate.annotate(_options(corpus))
  folder = corpus / "sentences"
  numbers = annotate_shards.TaggerSettings(numbers=True)
  options = _options(corpus, tagger=numbers, overwrite=True)
  with monkeypatch.context() as patched:
    written = []

    def write(path, records):
      if written:
        raise tf.errors.ResourceExhaustedError(None, None, "no space left")
      written.append(path)
      sentence_records_write(path, records)

    sentence_records_write = sentence_records.write
    patched.setattr(sentence_records, "write", write)
    with pytest.raises(errors.UserError, match="Cannot write .*no space left"):
      annotate.annotate(options)
  assert not (folder / "manifest.json").exists()
  (finished,) = folder.glob("*.json")
  shard = finished.with_suffix(".tfrecord.gz")
  before = shard.stat().st_mtime_ns
  assert annotate.annotate(options)["settings"]["numbers"]
  assert shard.stat().st_mtime_ns == before
  assert annotate.annotate(options)["passages"] == 4
  assert shard.stat().st_mtime_ns > before


def test_an_unknown_runner_costs_no_annotation(corpus):
  manifest = annotate.annotate(_options(corpus))
  options = _options(corpus, overwrite=True, beam_flags=["--runner=Foo"])
  with pytest.raises(errors.UserError, match="runner=Foo"):
    annotate.annotate(options)
  assert annotate.annotate(_options(corpus)) == manifest


@pytest.mark.parametrize("overwrite", [False, True])
def test_files_of_others_are_left_alone(corpus, overwrite):
  folder = corpus / "sentences"
  folder.mkdir()
  theirs = folder / "wikipedia-00000-of-00020.tfrecord.gz"
  theirs.write_bytes(b"theirs")
  unfinished = folder / "sentences-00000-of-00003.json"
  unfinished.write_text("{}")
  with pytest.raises(errors.UserError, match=theirs.name):
    annotate.annotate(_options(corpus, overwrite=overwrite))
  assert theirs.read_bytes() == b"theirs"
  assert unfinished.exists()


def test_damaged_json_of_an_annotation(corpus):
  annotate.annotate(_options(corpus))
  manifest = corpus / "sentences" / "manifest.json"
  manifest.write_text("{")
  with pytest.raises(errors.UserError, match="manifest.json is damaged"):
    annotate.annotate(_options(corpus))
  assert annotate.annotate(_options(corpus, overwrite=True))["passages"] == 4
  # A shard whose counts are damaged is not finished.
  manifest.unlink()
  (corpus / "sentences/sentences-00000-of-00003.json").write_text("[")
  (corpus / "sentences/sentences-00001-of-00003.json").write_text("[]")
  assert annotate.annotate(_options(corpus))["passages"] == 4


@pytest.mark.parametrize("preview", [0, 3])
def test_a_damaged_file_of_passages_is_named(corpus, preview):
  (path, *_) = sorted((corpus / "passages").iterdir())
  path.write_bytes(path.read_bytes()[:-20])
  with pytest.raises(errors.UserError, match=f"{path} (cannot be r|is not)"):
    annotate.annotate(_options(corpus, preview=preview))


@pytest.mark.parametrize("name", ["manifest.json.bak", "sentences-00001.mine"])
def test_overwrite_leaves_files_of_others(corpus, name):
  folder = corpus / "sentences"
  folder.mkdir()
  (folder / "manifest.json").write_text("{}")
  (folder / name).write_text("the user's")
  with pytest.raises(errors.UserError, match=f"holds {name}, which"):
    annotate.annotate(_options(corpus, overwrite=True))
  assert (folder / name).read_text() == "the user's"
  assert (folder / "manifest.json").exists()


def test_shards_of_other_settings_are_made_anew(corpus):
  annotate.annotate(_options(corpus, limit=1))
  (corpus / "sentences/manifest.json").unlink()
  assert annotate.annotate(_options(corpus))["passages"] == 4


def test_limit_counts_passages_through_the_shards(corpus):
  assert annotate.annotate(_options(corpus, limit=3))["passages"] == 3


def test_preview_underlines_and_writes_nothing(corpus, capsys):
  assert annotate.annotate(_options(corpus, preview=3)) is None
  lines = capsys.readouterr().out.splitlines()
  assert len(lines) == 6
  assert any(set(line.strip()) == {"^"} for line in lines[1::2])
  assert not (corpus / "sentences").exists()


def test_preview_counts_passages_through_the_shards(corpus, capsys):
  annotate.annotate(_options(corpus, limit=2, preview=100))
  shown = capsys.readouterr().out.splitlines()[::2]
  annotate.annotate(_options(corpus, limit=2))
  assert shown == [
    s for sentences, _ in _records(corpus).values() for s in sentences
  ]


def test_underlines_characters_not_bytes():
  shown = annotate.underlined("In Łódź, 東京.".encode(), [(3, 10)])
  assert shown.splitlines() == ["In Łódź, 東京.", "   ^^^^"]


@pytest.fixture(scope="module")
def export(tmp_path_factory) -> str:
  return planted_tagger.save(tmp_path_factory.mktemp("tagger") / "export")


def test_a_trained_tagger_takes_the_place_of_the_rules(corpus, export, capsys):
  tagger = annotate_shards.TaggerSettings(tagger=export)
  manifest = annotate.annotate(_options(corpus, tagger=tagger))
  records = _records(corpus)
  assert records["Zürich"][1] == ["Zürich", "12 May 1850", "1871"]
  assert records["Tokyo"][1] == ["東京", "1920s"]
  assert manifest["tagger"] == "model"
  assert manifest["spans"] == {"LOC": 2, "date": 4}
  shown = capsys.readouterr().out
  assert "sentences/s" in shown
  flags = suggested.check(shown, "pretrain_ict")
  assert {f"--corpus={corpus}", f"--model_dir={corpus.parent}/ict"} <= {*flags}


def test_a_trained_tagger_is_known_by_its_weights(corpus, export, tmp_path):
  def settings(path):
    return annotate_shards.TaggerSettings(tagger=str(path))

  first = annotate.annotate(_options(corpus, tagger=settings(export)))
  # Where it lies does not matter.
  copy = tmp_path / "copy"
  shutil.copytree(export, copy)
  again = annotate.annotate(_options(corpus, tagger=settings(copy)))
  assert again == first
  manifest = json.loads((copy / "manifest.json").read_text())
  (copy / "manifest.json").write_text(
    json.dumps(manifest | {"fingerprint": "of other weights"})
  )
  with pytest.raises(errors.UserError, match="overwrite=True"):
    annotate.annotate(_options(corpus, tagger=settings(copy)))


def test_preview_with_a_trained_tagger(corpus, export, capsys):
  tagger = annotate_shards.TaggerSettings(tagger=export)
  annotate.annotate(_options(corpus, tagger=tagger, preview=10))
  lines = capsys.readouterr().out.splitlines()
  at = lines.index("Zürich lies in Switzerland.")
  assert lines[at + 1] == "^^^^^^"


def test_mistakes_are_named(corpus, tmp_path):
  unknown = annotate_shards.TaggerSettings(tagger="oracle")
  with pytest.raises(errors.UserError, match="tagger=oracle"):
    annotate.annotate(_options(corpus, tagger=unknown))
  with pytest.raises(errors.UserError, match="`corpus`|corpus=.*nowhere"):
    annotate.annotate(_options(tmp_path / "nowhere"))
  with pytest.raises(errors.UserError, match="gazetteer="):
    annotate_shards.TaggerSettings(gazetteer="x").check()
