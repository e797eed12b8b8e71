"""A corpus on disk, from passages as they are, without Beam."""

import json
import pathlib
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from realm_tf import files
from realm_tf.data import blocks
from realm_tf.data import corpus as corpus_lib
from realm_tf.data import corpus_folder
from realm_tf.data import manifest as manifest_lib
from realm_tf.data import passages
from realm_tf.data import shard_files
from realm_tf.text import tokenizer as tokenizer_lib

_NO_TOKENS = np.zeros([0], np.int32)


def write(
  path: pathlib.Path,
  shards: Sequence[Sequence[blocks.Passage]],
  vocabulary: Sequence[str] = (*tokenizer_lib.SPECIAL_TOKENS, "a"),
) -> corpus_lib.Corpus:
  """Writes passages as the shards of a corpus, and opens it."""
  (path / "passages").mkdir(parents=True)
  (path / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
  entries = []
  for number, shard in enumerate(shards):
    name = f"passages/passages-{number:05d}-of-{len(shards):05d}.tfrecord.gz"
    with tf.io.TFRecordWriter(str(path / name), "GZIP") as writer:
      for passage in shard:
        writer.write(passages.encode_passage(passage, "uint16"))
    entries.append(
      manifest_lib.ShardEntry(name, len(shard), files.sha256(str(path / name)))
    )
  tokenizer = tokenizer_lib.Tokenizer(vocabulary)
  manifest = manifest_lib.CorpusManifest(
    format_version=manifest_lib.FORMAT_VERSION,
    passages=sum(map(len, shards)),
    articles=1,
    documents=1,
    dropped={},
    split_sentences=0,
    token_dtype="uint16",
    max_passage_tokens=80,
    tokenizer=manifest_lib.TokenizerEntry(
      tokenizer.sha256, tokenizer.vocab_size, True
    ),
    shards=tuple(entries),
    fingerprint=corpus_folder.fingerprint(
      [shard_files.id_digest(p.id for p in shard) for shard in shards],
      tokenizer,
    ),
    source_sha256="",
  )
  (path / "manifest.json").write_text(json.dumps(manifest.to_json()))
  return corpus_lib.Corpus.open(str(path))


def write_texts(
  path: pathlib.Path, shards: Sequence[Sequence[tuple[str, str]]]
) -> tuple[corpus_lib.Corpus, list[str]]:
  """Writes (title, body), without tokens; returns the ids too, in order."""
  made = [
    [blocks.Passage(*texts, _NO_TOKENS, _NO_TOKENS) for texts in shard]
    for shard in shards
  ]
  return write(path, made), [p.id for shard in made for p in shard]
