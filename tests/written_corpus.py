"""A corpus on disk, from passages as they are, without Beam."""

import json
import pathlib
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from realm_tf import files
from realm_tf.data.corpus import corpora
from realm_tf.data.corpus import corpus_folder
from realm_tf.data.corpus import corpus_manifest
from realm_tf.data.corpus import passage_record
from realm_tf.data.corpus import passage_table
from realm_tf.data.corpus import shard_files
from realm_tf.text import wordpiece

_NO_TOKENS = np.zeros([0], np.int32)


def write(
  path: pathlib.Path,
  shards: Sequence[Sequence[passage_record.Passage]],
  vocabulary: Sequence[str] = (*wordpiece.SPECIAL_TOKENS, "a"),
) -> corpora.Corpus:
  """Writes passages as the shards of a corpus, and opens it."""
  (path / "passages").mkdir(parents=True)
  (path / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
  entries = []
  for number, shard in enumerate(shards):
    name = f"passages/passages-{number:05d}-of-{len(shards):05d}.tfrecord.gz"
    with tf.io.TFRecordWriter(str(path / name), "GZIP") as writer:
      for passage in shard:
        writer.write(passage_table.encode_passage(passage, "uint16"))
    entries.append(
      corpus_manifest.ShardEntry(
        name, len(shard), files.sha256(str(path / name))
      )
    )
  tokenizer = wordpiece.Tokenizer(vocabulary)
  manifest = corpus_manifest.CorpusManifest(
    format_version=corpus_manifest.FORMAT_VERSION,
    passages=sum(map(len, shards)),
    articles=1,
    documents=1,
    dropped={},
    split_sentences=0,
    token_dtype="uint16",
    max_passage_tokens=80,
    tokenizer=corpus_manifest.TokenizerEntry(
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
  return corpora.Corpus.open(str(path))


def write_texts(
  path: pathlib.Path, shards: Sequence[Sequence[tuple[str, str]]]
) -> tuple[corpora.Corpus, list[str]]:
  """Writes (title, body), without tokens; returns the ids too, in order."""
  made = [
    [passage_record.Passage(*texts, _NO_TOKENS, _NO_TOKENS) for texts in shard]
    for shard in shards
  ]
  return write(path, made), [p.id for shard in made for p in shard]
