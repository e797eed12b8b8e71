"""What is attacked: readers of files, each with good files to damage.

A reader makes its files once, and returns what it reads as plain values, which
are compared with those of the files as they were.
"""

import bz2
import dataclasses
import gzip
import hashlib
import json
import pathlib
import shutil
import tarfile
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.across_stacks import make_files
from tests.across_stacks import observed
from tests.checkpoints import formats
from tests.checkpoints import realm_folders
from tests.checkpoints import sentence_folders
from tests.checkpoints import torch_files
from tests.data import written_pdf

_Make = Callable[[pathlib.Path], None]
_Read = Callable[[pathlib.Path], Any]

_ARTICLES = [
  {"title": f"Town {n}", "text": f"Town {n} has {n} bridges. Ann built one."}
  for n in range(8)
]
_QUESTIONS = [
  {"id": f"q{n}", "question": f"Who built bridge {n}?", "answer": ["Ann", "B"]}
  for n in range(6)
]


@dataclasses.dataclass(frozen=True)
class Reader:
  """A reader and its files.

  Attributes:
    name: Of the reader, for the table.
    make: Writes good files into an empty folder.
    read: Reads them; returns what can be compared.
    damaged: Patterns of the files that are damaged, from the folder on.
    sealed: Ends of files with check sums: what is read of one that was changed
      must be what it was, or be refused.
    is_listed: Whether something names the files that there have to be.
    weight: How often it is chosen; less for those that take long.
  """

  name: str
  make: _Make
  read: _Read
  damaged: tuple[str, ...] = ("**/*",)
  sealed: tuple[str, ...] = ()
  is_listed: bool = True
  weight: float = 1.0


def digest(value: Any) -> str:
  """Returns what tells two values apart."""
  hashed = hashlib.sha256()

  def add(part: Any) -> None:
    if isinstance(part, np.ndarray):
      hashed.update(f"{part.dtype} {part.shape}".encode())
      hashed.update(part.tobytes())
    elif isinstance(part, dict):
      for key in sorted(part):
        add(key)
        add(part[key])
    elif isinstance(part, list | tuple):
      hashed.update(f"{len(part)}:".encode())
      for inner in part:
        add(inner)
    else:
      hashed.update(repr(part).encode("utf-8", "surrogatepass"))

  add(value)
  return hashed.hexdigest()


# Text.


def _lines(records: list[dict[str, Any]]) -> bytes:
  return "".join(json.dumps(record) + "\n" for record in records).encode()


def _make_documents(folder: pathlib.Path) -> None:
  body = _lines(_ARTICLES)
  texts = {
    "a.jsonl": body,
    "b.jsonl.gz": gzip.compress(body),
    "c.jsonl.bz2": bz2.compress(body),
    "d.txt": b"A town\n\nIt has two bridges.\n",
    "e.md": b"---\ntitle: Rivers\n---\n# Elbe\n*Long*. [a](b)\n\n```x```\n",
    "f.html": b"<html><title>T</title><body><p>One &amp; two</p></body></html>",
    "g.pdf": written_pdf.write([["One page.", "Two lines."]], "A title"),
    "wiki_00": b'<doc id="1" url="u" title="Rome">\nRome\n\nA city.\n</doc>\n',
  }
  for name, content in texts.items():
    (folder / name).write_bytes(content)


def _read_documents(folder: pathlib.Path) -> Any:
  from realm_tf.data.ingest import sources

  found = {}
  # Each alone, as a broken file of a folder is left out.
  for path in sorted(folder.iterdir()):
    documents = []
    for source in sources.resolve([str(path)]):
      documents += [(d.title, d.text) for d in source.read()]
    for title, text in documents:
      _check_text(title)
      _check_text(text)
    found[path.name] = documents
  return found


def _check_text(text: Any) -> None:
  assert isinstance(text, str), f"{text!r} is no text"
  text.encode()


def _make_questions(folder: pathlib.Path) -> None:
  (folder / "q.jsonl").write_bytes(_lines(_QUESTIONS))
  (folder / "r.jsonl.gz").write_bytes(gzip.compress(_lines(_QUESTIONS)))
  (folder / "s.csv").write_text(
    'id,question,answer\n1,who?,Ann\n2,"what, then?","[""a"", ""b""]"\n'
  )
  patterns = [q | {"answer": [r"Ann|An+e", r"\bB\b"]} for q in _QUESTIONS]
  patterns = [q | {"answer_type": "regex"} for q in patterns]
  (folder / "t.jsonl").write_bytes(_lines(patterns))
  (folder / "u.txt").write_text("who was it?\nwhere is it?\n")


def _read_questions(folder: pathlib.Path) -> Any:
  from realm_tf.data.questions import qa_splits
  from realm_tf.evaluation import answer_matching

  found = {}
  for path in sorted(folder.iterdir()):
    loaded = qa_splits.load(str(path), "test", unanswered=True)
    for example in loaded.examples:
      _check_text(example.question)
      for answer in example.answers:
        _check_text(answer)
      if example.answers:
        answer_matching.AnswerSet.of(example).is_right("aaaaaaaaaaaaaaaa!")
    found[path.name] = [dataclasses.astuple(e) for e in loaded.examples]
  return found


def _make_predictions(folder: pathlib.Path) -> None:
  (folder / "questions.jsonl").write_bytes(_lines(_QUESTIONS))
  predictions = [
    {
      **{"id": q["id"], "question": q["question"], "answer": "Ann"},
      **{"passage_id": "p1", "passage_title": "T", "passage_text": "Ann."},
      **{"span": [0, 3], "scores": {"total": 0.5}, "retrieved": ["p1", "p2"]},
      **{"probability": 0.25, "passages": []},
    }
    for q in _QUESTIONS
  ]
  (folder / "predictions.jsonl").write_bytes(_lines(predictions))


def _read_predictions(folder: pathlib.Path) -> Any:
  from realm_tf.evaluation import evaluate
  from realm_tf.evaluation import evaluation_options

  output = folder.with_name(f"{folder.name}.output")
  scores = evaluate.score_file(
    evaluation_options.Options(
      predictions=str(folder / "predictions.jsonl"),
      dataset=str(folder / "questions.jsonl"),
      output=str(output),
    )
  )
  assert (output / evaluate.SUMMARY_NAME).exists()
  json.loads(
    (output / evaluate.SUMMARY_NAME).read_text(), parse_constant=_refuse
  )
  return {name: figure.value for name, figure in scores.figures.items()}


def _refuse(constant: str) -> None:
  raise AssertionError(f"{constant} is no JSON")


def _make_vocabulary(folder: pathlib.Path) -> None:
  (folder / "vocab.txt").write_text("\n".join(formats.VOCABULARY) + "\n")


def _read_vocabulary(folder: pathlib.Path) -> Any:
  from realm_tf.text import wordpiece

  tokenizer = wordpiece.Tokenizer.from_file(str(folder / "vocab.txt"))
  return [tokenizer.vocab_size, tokenizer.sha256]


def _make_labels(folder: pathlib.Path) -> None:
  lines = ["-DOCSTART- -X- O O", "", "Ann NNP I-NP B-PER", "ran VB I-VP O"]
  lines += ["", "New NNP I-NP B-LOC", "York NNP I-NP I-LOC", ". . O O", ""]
  (folder / "train.conll").write_text("\n".join(lines))


def _read_labels(folder: pathlib.Path) -> Any:
  from realm_tf.data.tagging import conll

  file = conll.read(str(folder / "train.conll"))
  return [tuple(sentence) for sentence in file.sentences]


def _make_config(folder: pathlib.Path) -> None:
  from realm_tf.configs import loading

  config = dataclasses.asdict(loading.load("pretrain", "tiny", {}))
  (folder / "config.json").write_text(json.dumps(config))


def _read_config(folder: pathlib.Path) -> Any:
  from realm_tf.configs import loading

  config = loading.load("pretrain", str(folder / "config.json"), {})
  return dataclasses.asdict(config)


# Weights.


def _weights(make: Callable[[pathlib.Path], Any]) -> tuple[_Make, _Read]:
  def make_inside(folder: pathlib.Path) -> None:
    make(folder / "weights")

  def read(folder: pathlib.Path) -> Any:
    from realm_tf.checkpoints import reading

    source = reading.read(str(folder / "weights"))
    for name, array in source.variables.items():
      assert np.isfinite(array).all(), f"{name} is not finite"
    source.tokenizer()
    return [dict(source.variables), source.vocabulary, source.lower_case]

  return make_inside, read


def _make_pickled(folder: pathlib.Path) -> None:
  formats.hugging_face(folder)
  (folder / "model.safetensors").unlink()
  torch_files.write(folder / "pytorch_model.bin", formats.weights())


def _make_sentence_encoder(folder: pathlib.Path) -> None:
  folder.mkdir()
  sentence_folders.write(folder)


def _make_realm(folder: pathlib.Path) -> None:
  realm_folders.write(folder, realm_folders.reader())


def _make_blocks(folder: pathlib.Path) -> None:
  blocks = np.array([f"Block {n} of text.".encode() for n in range(50)], object)
  np.save(folder / "block_records.npy", blocks, allow_pickle=True)


def _read_blocks(folder: pathlib.Path) -> Any:
  from realm_tf.data import block_records

  return list(block_records.find(str(folder / "block_records.npy")).read())


# Corpora and runs: those that one stack wrote for the other.


def _unpack(*names: str) -> _Make:
  def make(folder: pathlib.Path) -> None:
    archive = make_files.FOLDER / "tf2.15.tar.xz"
    with tarfile.open(archive) as tar:
      for member in tar.getmembers():
        root, _, path = member.name.partition("/")
        if path.split("/")[0] in names:
          tar.extract(member.replace(name=path), folder, filter="data")

  return make


def _read_corpus(folder: pathlib.Path) -> Any:
  from realm_tf.data.corpus import corpora

  corpus = corpora.Corpus.open(str(folder / "corpus"))
  corpus.check_files()
  passages = corpus.load_passages()
  bodies = [passages.body_ids.row(i) for i in range(corpus.num_passages)]
  for ids in bodies:
    assert len(ids) == 0 or 0 <= ids.min() <= ids.max() < (
      corpus.tokenizer.vocab_size
    )
  texts = corpus.read_texts(np.arange(corpus.num_passages))
  return [bodies, list(texts)]


def _read_sentences(folder: pathlib.Path) -> Any:
  return observed.sentences(folder)


def _read_run(folder: pathlib.Path) -> Any:
  from realm_tf.answering.retrievers import hybrid_settings
  from realm_tf.runs import run_config
  from realm_tf.runs import run_state

  path = str(folder / "run")
  run = run_config.read(path)
  state = run_state.RunState(path)
  known = hybrid_settings.read(path, run, "b" * 64)
  return [
    run.to_json(),
    state.state(),
    state.evaluated_step(),
    state.has_checkpoint(),
    None if known is None else dataclasses.astuple(known),
  ]


def _make_run(folder: pathlib.Path) -> None:
  from realm_tf.answering.retrievers import hybrid_settings

  _unpack("qa")(folder)
  (folder / "run").mkdir()
  for name in ("config.json", "run_state.json"):
    (folder / "run" / name).write_bytes((folder / "qa" / name).read_bytes())
  shutil.rmtree(folder / "qa")
  settings = hybrid_settings.HybridSettings(
    weight=0.5, method="convex", source="chosen"
  )
  choice = hybrid_settings.Choice(settings=settings, step=3, recall={0.5: 0.7})
  hybrid_settings.write(str(folder / "run"), "b" * 64, choice)


def _read_served(folder: pathlib.Path) -> Any:
  from realm_tf import errors
  from realm_tf.serving.server import model_config
  from realm_tf.serving.server import served_versions
  from realm_tf.serving.server import server_metrics

  (config,) = model_config.single("realm", str(folder / "served"))
  versions = served_versions.Versions(config, server_metrics.Metrics())
  if not versions.update():
    told = [status.message for status in versions.status().values()]
    raise errors.UserError("; ".join(told) or f"{folder} holds no version.")
  versions.close()
  return observed.served(folder)


READERS = (
  Reader(
    "documents",
    _make_documents,
    _read_documents,
    sealed=(".gz", ".bz2"),
    is_listed=False,
  ),
  Reader(
    "questions",
    _make_questions,
    _read_questions,
    sealed=(".gz",),
    is_listed=False,
  ),
  Reader("predictions", _make_predictions, _read_predictions),
  Reader("vocabulary", _make_vocabulary, _read_vocabulary),
  Reader("labels", _make_labels, _read_labels),
  Reader("config", _make_config, _read_config),
  Reader("run", _make_run, _read_run),
  Reader("block records", _make_blocks, _read_blocks),
  Reader("safetensors", *_weights(formats.hugging_face)),
  Reader("pytorch_model.bin", *_weights(_make_pickled)),
  Reader(
    "google's bert", *_weights(formats.google), sealed=(".data-00000-of-00001",)
  ),
  Reader(
    "model garden",
    *_weights(formats.model_garden),
    sealed=(".data-00000-of-00001",),
  ),
  Reader("tf hub", *_weights(formats.hub), weight=0.3),
  Reader("sentence encoder", *_weights(_make_sentence_encoder)),
  Reader("realm's reader", *_weights(_make_realm)),
  Reader(
    "corpus",
    _unpack("corpus"),
    _read_corpus,
    ("corpus/*", "corpus/passages/*"),
    (".tfrecord.gz",),
  ),
  Reader(
    "sentences",
    _unpack("corpus"),
    _read_sentences,
    ("corpus/sentences/*",),
    (".tfrecord.gz",),
  ),
  Reader(
    "index",
    _unpack("corpus", "realm"),
    observed.index,
    ("realm/index/0/**/*",),
    ("",),
    0.3,
  ),
  Reader("own vectors", _unpack("vectors"), observed.vectors, weight=0.3),
  Reader(
    "embedder",
    _unpack("realm"),
    observed.embedder,
    ("realm/exports/embedder/**/*",),
    (".data-00000-of-00001",),
    0.2,
  ),
  Reader(
    "a run's weights",
    _unpack("realm", "corpus"),
    observed.weights,
    ("realm/exports/best/*", "realm/config.json"),
    (".data-00000-of-00001",),
  ),
  Reader(
    "a run that answers",
    _unpack("qa", "realm", "corpus"),
    observed.answers,
    ("qa/exports/best/*", "qa/index/0/**/*", "qa/*.json"),
    weight=0.1,
  ),
  Reader("tagger", _unpack("tagger"), observed.tagger, weight=0.2),
  Reader(
    "served model",
    _unpack("served"),
    _read_served,
    ("served/1/**/*",),
    (),
    0.2,
  ),
)
