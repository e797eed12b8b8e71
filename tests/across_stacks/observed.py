"""What is seen in the files of `world`: by one function for each kind.

Each takes the folder and returns JSON's types, to be compared with what was
seen on the stack that wrote them.
"""

import pathlib
import shutil
import tempfile
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf.answering import asking
from realm_tf.checkpoints import reading
from realm_tf.data.corpus import corpora
from realm_tf.data.sentences import annotated_corpus
from realm_tf.index.build import embedding_engine
from realm_tf.index.search import vector_index
from realm_tf.index.versions import index_store
from realm_tf.index.versions import index_version
from realm_tf.runs import exports
from realm_tf.serving.server import servables
from realm_tf.text import model_tagger
from tests.across_stacks import world
from tests.end_to_end import tiny_runs

_QUESTIONS = ["where was Ada born?", "where was Hugo born?"]
_IDS = np.array([[2, 8, 30, 9, 3, 0], [2, 40, 41, 3, 50, 3]], np.int32)


def corpus(root: pathlib.Path) -> Any:
  """The passages, their texts and wordpieces."""
  opened = corpora.Corpus.open(str(root / "corpus"))
  passages = opened.load_passages()
  return [
    opened.fingerprint,
    opened.num_passages,
    [int(x) for x in passages.body_ids.row(3)],
    opened.tokenizer.sha256,
  ]


def sentences(root: pathlib.Path) -> Any:
  """The annotation."""
  opened = corpora.Corpus.open(str(root / "corpus"))
  loaded = annotated_corpus.load(str(root / "corpus"), opened.tokenizer)
  return [
    loaded.num_sentences,
    loaded.uids.tolist(),
    loaded.span_starts.tolist(),
    loaded.span_limits.tolist(),
  ]


def checkpoint(root: pathlib.Path) -> Any:
  """The losses of the steps that an interrupted training has left."""
  with tempfile.TemporaryDirectory() as folder:
    copy = pathlib.Path(folder)
    for name in ("corpus", "realm"):
      shutil.copytree(root / name, copy / name)
    world.pretrain(copy, copy / "realm")
    return losses(copy / "realm")


def losses(model_dir: pathlib.Path) -> list[float]:
  """The losses after the kill."""
  found = tiny_runs.scalars(model_dir, "train")["loss"]
  return [found[step] for step in sorted(found) if step > world.KILLED_BEFORE]


def weights(root: pathlib.Path) -> Any:
  """The sums of the weights that another run would start from."""
  source = reading.read(str(root / "realm"))
  return {
    name: float(np.abs(array).sum()) for name, array in source.variables.items()
  }


def embedder(root: pathlib.Path) -> Any:
  """The embeddings of an export."""
  path = exports.path(str(root / "realm"), 0)
  return [
    embedding.tolist()
    for signature in ("query", "passage")
    for embedding in embedding_engine.make(
      path, signature, batch_size=len(_IDS)
    ).embed([_IDS])
  ]


def index(root: pathlib.Path) -> Any:
  """The results of a version's searcher, a tree."""
  opened = corpora.Corpus.open(str(root / "corpus"))
  version = index_store.IndexStore(str(root / "realm")).open(
    0, opened.fingerprint, opened.num_passages, verify=True
  )
  queries = version.load_matrix()[:3].astype(np.float32)
  searcher = version.load_searcher()
  assert not searcher.is_exact
  found = [part.numpy().tolist() for part in searcher.search(queries, 4)]
  # As a program without realm_tf reads it.
  saved = tf.saved_model.load(f"{version.path}/{index_version.SEARCHER_FOLDER}")
  rows = saved.signatures["search"](queries=tf.constant(queries))["rows"]
  assert rows.numpy()[:, :4].tolist() == found[1]
  return found


def vectors(root: pathlib.Path) -> Any:
  """The results of an index of the user's own vectors, an exact one."""
  loaded = vector_index.Searcher.load(str(root / "vectors"))
  scores, names = loaded(np.eye(4, dtype=np.float32), k=3)
  return [scores.numpy().tolist(), _text(names.numpy())]


def masks(root: pathlib.Path) -> Any:
  """What a run of `pretrain` fills in."""
  filled = asking.load(str(root / "realm"), count=2)("[MASK] was born in Oslo.")
  return [
    [
      [mask.tokens[0].text, mask.tokens[0].probability] for mask in filled.masks
    ],
    [passage.posterior for passage in filled.passages],
  ]


def answers(root: pathlib.Path) -> Any:
  """What a run of `finetune` answers."""
  asker = asking.load(str(root / "qa"), count=2)
  return [
    [answer.text, answer.probability, answer.evidence.passage.id]
    for answer in map(asker, _QUESTIONS)
  ]


def served(root: pathlib.Path) -> Any:
  """What an exported SavedModel answers."""
  model = servables.Servable("realm", 1, str(root / "served" / "1"))
  found = model.run(
    model.signature("serving_default"),
    {"question": np.array(_QUESTIONS, object)},
    ["answer", "probability", "passage_id"],
  )
  model.close()
  return [
    _text(found["answer"]),
    found["probability"].tolist(),
    _text(found["passage_id"]),
  ]


def tagger(root: pathlib.Path) -> Any:
  """The names that an exported tagger finds."""
  loaded = model_tagger.ModelTagger(str(root / "tagger"))
  spans = loaded.tag(["ann sat in oslo.", "the cat ran to ann."])
  return [[[s.start, s.limit, s.type] for s in found] for found in spans]


KINDS = (
  corpus,
  sentences,
  checkpoint,
  weights,
  embedder,
  index,
  vectors,
  masks,
  answers,
  served,
  tagger,
)


def _text(strings: np.ndarray) -> Any:
  return [
    _text(s) if isinstance(s, np.ndarray) else s.decode("utf-8", "replace")
    for s in strings
  ]
