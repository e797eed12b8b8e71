"""A corpus on disk, from plain texts."""

import json

import numpy as np
import tensorflow as tf

from realm_tf.data import blocks
from realm_tf.data import corpus as corpus_lib
from realm_tf.data import manifest as manifest_lib
from realm_tf.data import passages
from realm_tf.text import tokenizer as tokenizer_lib

_NO_TOKENS = np.zeros([0], np.int32)


def write(path, shards):
  """Writes lists of (title, body) as the shards; returns Corpus and ids."""
  (path / "passages").mkdir(parents=True)
  vocabulary = path / "vocab.txt"
  vocabulary.write_text("\n".join([*tokenizer_lib.SPECIAL_TOKENS, "a"]) + "\n")
  entries, ids = [], []
  for number, shard in enumerate(shards):
    name = f"passages/{number}.tfrecord.gz"
    with tf.io.TFRecordWriter(str(path / name), "GZIP") as writer:
      for title, body in shard:
        passage = blocks.Passage(title, body, _NO_TOKENS, _NO_TOKENS)
        ids.append(passage.id)
        writer.write(passages.encode_passage(passage, "uint16"))
    entries.append(manifest_lib.ShardEntry(name, len(shard), ""))
  tokenizer = tokenizer_lib.Tokenizer.from_file(str(vocabulary))
  manifest = manifest_lib.CorpusManifest(
    format_version=manifest_lib.FORMAT_VERSION,
    passages=len(ids),
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
    fingerprint="written",
    source_sha256="",
  )
  (path / "manifest.json").write_text(json.dumps(manifest.to_json()))
  return corpus_lib.Corpus.open(str(path)), ids
