"""The index of an edited corpus: what is copied, what is embedded."""

import json
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import errors
from realm_tf import files
from realm_tf.data.corpus import corpora
from realm_tf.data.corpus import corpus_manifest
from realm_tf.data.corpus import passage_record
from realm_tf.data.corpus import passage_table
from realm_tf.data.ingest import build
from realm_tf.data.ingest import corpus_edit
from realm_tf.index.build import batching
from realm_tf.index.build import embedding_engine
from realm_tf.index.build import embedding_reuse
from realm_tf.index.build import publish
from realm_tf.index.job import index_edit
from realm_tf.index.versions import index_store
from tests.index import fake_run
from tests.launch import suggested

_STEP = 100


def articles(numbers, salt=0):
  """Articles of a few passages of random words."""
  made = []
  for number in numbers:
    rng = np.random.default_rng([number, salt])
    sentences = (
      " ".join(f"w{i}" for i in rng.integers(0, 95, rng.integers(5, 15)))
      for _ in range(rng.integers(1, 8))
    )
    made.append({"title": f"w{number}", "text": ". ".join(sentences) + "."})
  return made


def write_jsonl(path, records):
  path.write_text("".join(json.dumps(r) + "\n" for r in records))
  return str(path)


def build_corpus(folder, records):
  """A corpus of the words that `fake_run`'s embedders know."""
  vocabulary = folder.with_suffix(".txt")
  vocabulary.write_text("\n".join(fake_run.VOCABULARY) + "\n")
  build.build(
    build.BuildOptions(
      inputs=[write_jsonl(folder.with_suffix(".jsonl"), records)],
      output=str(folder),
      vocab=str(vocabulary),
      max_passage_tokens=fake_run.PASSAGE_LENGTH,
      num_shards=3,
    )
  )
  return corpora.Corpus.open(str(folder))


def write_run(folder, corpus, **config):
  model_dir = fake_run.write_run(folder, corpus, **config)
  fake_run.write_export(model_dir, _STEP)
  fake_run.refresh(model_dir)
  return model_dir


@pytest.fixture(scope="module")
def made(tmp_path_factory):
  """A corpus, and a run with an index of it."""
  root = tmp_path_factory.mktemp("made")
  corpus = build_corpus(root / "old", articles(range(12)))
  return corpus, write_run(root / "indexed", corpus)


@pytest.fixture
def old(made):
  return made[0]


@pytest.fixture
def run_dir(made, tmp_path):
  return shutil.copytree(made[1], str(tmp_path / "indexed"))


@pytest.fixture
def embedded(monkeypatch):
  """How many texts were embedded, by signature."""
  counts = {"passage": 0, "query": 0}
  make = embedding_engine.make

  class Counted:
    def __init__(self, export_path, signature="passage", **options):
      self._signature = signature
      self._engine = make(export_path, signature, **options)

    def embed(self, inputs):
      def count(shard):
        counts[self._signature] += len(shard)
        return shard

      return self._engine.embed(map(count, inputs))

  monkeypatch.setattr(embedding_engine, "make", Counted)
  return counts


def options(tmp_path, corpus, name="new", **flags):
  """`add` and `replace` are articles."""
  for flag in ("add", "replace"):
    if flag in flags:
      path = tmp_path / f"{name}.{flag}.jsonl"
      flags[flag] = [write_jsonl(path, flags[flag])]
  return corpus_edit.EditOptions(corpus.path, str(tmp_path / name), **flags)


def edit_both(tmp_path, corpus, run_dir, name="new", **flags):
  """Edits corpus and index; returns the new ones."""
  index_edit.run(options(tmp_path, corpus, name, **flags), run_dir)
  new = corpora.Corpus.open(str(tmp_path / name))
  return new, open_version(run_dir, new)


def open_version(run_dir, corpus):
  store = index_store.find_store(run_dir, corpus.fingerprint, _STEP)
  return store.open(_STEP, corpus.fingerprint, corpus.num_passages, verify=True)


def by_id(corpus, version):
  """Returns each passage's embedding, by id."""
  ids = [i.decode() for i in corpus.load_passages().ids]
  rows = version.load_matrix()
  return dict(zip(ids, rows, strict=True))


_EDIT = {
  "add": articles([20, 21]),
  "remove": ["w1,w2"],
  "replace": articles([3], salt=1),
}


def test_what_stays_is_copied_and_the_rest_embedded(
  tmp_path, old, run_dir, embedded, capsys
):
  before = by_id(old, open_version(run_dir, old))
  new, version = edit_both(tmp_path, old, run_dir, **_EDIT)
  after = by_id(new, version)
  stayed, came = set(before) & set(after), set(after) - set(before)
  assert stayed
  assert came
  for passage in stayed:
    assert before[passage].tobytes() == after[passage].tobytes()
  assert embedded == {"passage": len(came), "query": 0}
  shown = capsys.readouterr().out
  assert f"{len(stayed)} copied and {len(came)} embedded in" in shown
  flags = suggested.check(shown, "finetune")
  assert {f"--corpus={new.path}", f"--init={run_dir}"} <= {*flags}


def test_it_is_the_index_that_embedding_all_gives(tmp_path, old, run_dir):
  new, version = edit_both(tmp_path, old, run_dir, **_EDIT)
  anew = open_version(write_run(tmp_path / "anew", new), new)
  for found, wanted in zip(
    version.load_embeddings(), anew.load_embeddings(), strict=True
  ):
    assert found.dtype == wanted.dtype == np.float16
    np.testing.assert_allclose(found, wanted, rtol=2e-3, atol=2e-3)
  by_hand = np.concatenate(
    [
      fake_run.embed(
        batching.shard_inputs(new, shard, fake_run.PASSAGE_LENGTH), _STEP
      )
      for shard in range(3)
    ]
  )
  found = version.load_matrix()
  np.testing.assert_allclose(found, by_hand, rtol=2e-3, atol=2e-3)
  manifest, wanted = version.manifest, anew.manifest
  assert manifest.recall == wanted.recall == 1.0
  assert (manifest.step, manifest.rows) == (_STEP, new.num_passages)
  assert manifest.searcher == wanted.searcher
  assert set(manifest.files) == set(wanted.files)


def test_the_searcher_finds_what_was_added_and_not_what_was_removed(
  tmp_path, old, run_dir
):
  new, version = edit_both(tmp_path, old, run_dir, **_EDIT)
  titles, _ = new.read_texts()
  queries = version.load_matrix().astype(np.float32)
  _, rows, valid = version.load_searcher().search(
    tf.constant(queries), new.num_passages
  )
  assert np.all(valid)
  for found in rows.numpy():
    assert sorted(found) == list(range(new.num_passages))
  assert {"w20", "w21"} <= set(titles)
  assert not {"w1", "w2"} & set(titles)


def test_a_tree_is_measured_with_queries(tmp_path, embedded):
  large = build_corpus(tmp_path / "large", articles(range(50)))
  run_dir = write_run(
    tmp_path / "tree", large, exact_search_below=1, index_dtype="float32"
  )
  embedded.update(passage=0, query=0)
  new, version = edit_both(tmp_path, large, run_dir, add=articles([60]))
  assert embedded["passage"] == new.num_passages - large.num_passages
  assert embedded["query"] > 0
  assert not version.manifest.searcher.exact
  assert version.manifest.dtype == "float32"


def test_taking_out_embeds_nothing(tmp_path, old, run_dir, embedded):
  edit_both(tmp_path, old, run_dir, remove=["w1"])
  assert embedded == {"passage": 0, "query": 0}


def test_edits_of_edits(tmp_path, old, run_dir, embedded, capsys):
  first, _ = edit_both(tmp_path, old, run_dir, "first", add=articles([20]))
  embedded.update(passage=0)
  second, version = edit_both(
    tmp_path, first, run_dir, "second", add=articles([21])
  )
  assert embedded["passage"] == second.num_passages - first.num_passages
  assert version.manifest.corpus_fingerprint == second.fingerprint
  # Both are there, and the run's own.
  for corpus in (old, first, second):
    open_version(run_dir, corpus)
  assert index_store.IndexStore(run_dir).versions() == [_STEP]
  capsys.readouterr()
  back, version = edit_both(
    tmp_path, second, run_dir, "back", remove=["w20,w21"]
  )
  assert back.fingerprint == old.fingerprint
  own = f"{run_dir}/index/{_STEP}"
  assert version.path == own
  assert f"is there: {own}" in capsys.readouterr().out


def test_the_refresh_job_goes_on_as_before(tmp_path, old, run_dir):
  edit_both(tmp_path, old, run_dir, **_EDIT)
  fake_run.write_export(run_dir, 200)
  assert fake_run.refresh(run_dir, verify_index=True) == 0
  store = index_store.find_store(run_dir, old.fingerprint)
  assert store.versions() == [100, 200]


def test_a_job_killed_after_the_corpus_is_taken_up_again(
  tmp_path, old, run_dir, monkeypatch, embedded
):
  chosen = options(tmp_path, old, **_EDIT)

  def killed(*args):
    raise KeyboardInterrupt

  with monkeypatch.context() as patch:
    patch.setattr(publish, "publish", killed)
    with pytest.raises(KeyboardInterrupt):
      index_edit.run(chosen, run_dir)
  new = corpora.Corpus.open(chosen.output)
  with pytest.raises(errors.UserError, match="index of another corpus"):
    open_version(run_dir, new)
  written = pathlib.Path(chosen.output, corpus_manifest.FILE_NAME)
  before = written.stat().st_mtime_ns
  embedded.update(passage=0)
  index_edit.run(chosen, run_dir)
  assert written.stat().st_mtime_ns == before
  assert embedded["passage"] == 0  # The finished shards were kept.
  assert open_version(run_dir, new).manifest.rows == new.num_passages


def test_a_killed_edit_leaves_no_corpus(tmp_path, old, run_dir, monkeypatch):
  chosen = options(tmp_path, old, **_EDIT)

  def killed(*args, **kwargs):
    raise KeyboardInterrupt

  monkeypatch.setattr(corpus_edit.shard_files, "write_shard", killed)
  with pytest.raises(KeyboardInterrupt):
    index_edit.run(chosen, run_dir)
  assert not list(tmp_path.glob("new")) + list(tmp_path.glob("new.partial*"))
  assert not pathlib.Path(run_dir, "corpora").exists()


def test_without_a_run_the_corpus_alone_is_written(tmp_path, old, capsys):
  index_edit.run(options(tmp_path, old, **_EDIT), "")
  corpora.Corpus.open(str(tmp_path / "new"))
  shown = capsys.readouterr().out
  assert "the same command with `model_dir`" in shown
  flags = suggested.check(shown, "annotate_spans")
  assert flags == [f"--corpus={tmp_path}/new"]


def refused(tmp_path, corpus, run_dir):
  before = sorted(pathlib.Path(run_dir).rglob("*"))
  with pytest.raises(errors.UserError) as error:
    index_edit.run(options(tmp_path, corpus, **_EDIT), run_dir)
  assert not (tmp_path / "new").exists()
  assert sorted(pathlib.Path(run_dir).rglob("*")) == before
  return str(error.value)


def test_a_run_that_cannot_be_updated_is_refused_first(tmp_path, old, run_dir):
  bare = fake_run.write_run(tmp_path / "bare", old)
  assert f"model_dir={bare} has no index" in refused(tmp_path, old, bare)
  assert "is no run" in refused(tmp_path, old, str(tmp_path))
  other = build_corpus(tmp_path / "other", articles(range(5)))
  assert "index of another corpus" in refused(tmp_path, other, run_dir)
  shutil.rmtree(pathlib.Path(run_dir, "exports"))
  assert "rebuild_index=True" in refused(tmp_path, old, run_dir)


def hand_written(path, wordpieces):
  """A corpus of one shard and two passages, of the given wordpieces."""
  (path / "passages").mkdir(parents=True)
  name = "passages/0.tfrecord.gz"
  with tf.io.TFRecordWriter(str(path / name), "GZIP") as writer:
    for body, ids in zip(("one", "two"), wordpieces, strict=True):
      passage = passage_record.Passage("t", body, np.array([7]), np.array(ids))
      writer.write(passage_table.encode_passage(passage, "uint16"))
  sha256 = files.sha256(str(path / name))
  fake_run.write_corpus(path / "for_the_rest")
  manifest = json.loads((path / "for_the_rest/manifest.json").read_text())
  entry = {"file": name, "passages": 2, "sha256": sha256}
  manifest |= {"passages": 2, "shards": [entry]}
  (path / "manifest.json").write_text(json.dumps(manifest))
  shutil.copy(path / "for_the_rest/vocab.txt", path)
  return corpora.Corpus.open(str(path))


def test_a_passage_of_the_same_id_and_other_wordpieces_is_embedded(tmp_path):
  before = hand_written(tmp_path / "a", [[8, 9], [10]])
  after = hand_written(tmp_path / "b", [[8, 9, 9], [10]])
  embeddings = np.array([[1, 2], [3, 4]], np.float16)

  class Version:
    def load_embeddings(self):
      return [embeddings]

  reuse = embedding_reuse.Reuse(Version(), before, after)
  assert (reuse.num_known, reuse.num_missing) == (1, 1)
  found, missing = reuse.take(0)
  np.testing.assert_array_equal(missing, [0])
  np.testing.assert_array_equal(found[1], embeddings[1])
