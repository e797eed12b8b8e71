"""A synthetic corpus on disk, as `build_corpus` writes it."""

import os
from collections.abc import Sequence

import tensorflow as tf

from benchmarks import synthetic
from realm_tf import files
from realm_tf.data.corpus import corpora
from realm_tf.data.corpus import corpus_manifest
from realm_tf.data.corpus import passage_record
from realm_tf.data.corpus import passage_table
from realm_tf.text import wordpiece


def write_corpus(
  path: str, num_passages: int, num_shards: int, longest: int
) -> corpora.Corpus:
  """Writes random passages; see `synthetic.make_corpus`.

  Args:
    path: The folder; made.
    num_passages: How many; a multiple of `num_shards`.
    num_shards: Files.
    longest: Wordpieces of a passage at most.
  """
  tokenizer = wordpiece.Tokenizer(synthetic.vocabulary())
  os.makedirs(os.path.join(path, corpus_manifest.PASSAGES_FOLDER))
  files.write_bytes(
    os.path.join(path, corpus_manifest.VOCABULARY_NAME),
    ("\n".join(tokenizer.vocabulary) + "\n").encode(),
  )
  table = synthetic.make_corpus(num_passages, longest).passages
  size = num_passages // num_shards
  entries = []
  for shard in range(num_shards):
    name = f"{corpus_manifest.PASSAGES_FOLDER}/{shard}.tfrecord.gz"
    with tf.io.TFRecordWriter(os.path.join(path, name), "GZIP") as writer:
      for i in range(shard * size, (shard + 1) * size):
        passage = passage_record.Passage(
          title=str(i),
          body="-",  # only its wordpieces are read
          title_token_ids=table.title_ids.row(i),
          body_token_ids=table.body_ids.row(i),
        )
        writer.write(passage_table.encode_passage(passage, "uint16"))
    entries.append(corpus_manifest.ShardEntry(name, size, ""))
  write_manifest(path, tokenizer, entries, longest, "synthetic")
  return corpora.Corpus.open(path)


def write_manifest(
  path: str,
  tokenizer: wordpiece.Tokenizer,
  shards: Sequence[corpus_manifest.ShardEntry],
  longest: int,
  fingerprint: str,
) -> None:
  """Writes a corpus's manifest.

  Args:
    path: The corpus's folder.
    tokenizer: Of its vocabulary.
    shards: Its files; a passage is an article.
    longest: Wordpieces of a passage at most.
    fingerprint: Of the corpus.
  """
  count = sum(shard.passages for shard in shards)
  manifest = corpus_manifest.CorpusManifest(
    format_version=corpus_manifest.FORMAT_VERSION,
    passages=count,
    articles=count,
    documents=count,
    dropped={},
    split_sentences=0,
    token_dtype="uint16",
    max_passage_tokens=longest,
    tokenizer=corpus_manifest.TokenizerEntry(
      tokenizer.sha256, tokenizer.vocab_size, True
    ),
    shards=tuple(shards),
    fingerprint=fingerprint,
    source_sha256="",
  )
  files.write_json(
    os.path.join(path, corpus_manifest.FILE_NAME), manifest.to_json()
  )
