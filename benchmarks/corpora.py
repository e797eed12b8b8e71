"""A synthetic corpus on disk, as `build_corpus` writes it."""

import os

import tensorflow as tf

from benchmarks import synthetic
from realm_tf import files
from realm_tf.data import blocks
from realm_tf.data import corpus as corpus_lib
from realm_tf.data import manifest as manifest_lib
from realm_tf.data import passages as passages_lib
from realm_tf.text import tokenizer as tokenizer_lib


def write_corpus(
  path: str, num_passages: int, num_shards: int, longest: int
) -> corpus_lib.Corpus:
  """Writes random passages; see `synthetic.make_corpus`.

  Args:
    path: The folder; made.
    num_passages: How many; a multiple of `num_shards`.
    num_shards: Files.
    longest: Wordpieces of a passage at most.
  """
  tokenizer = tokenizer_lib.Tokenizer(synthetic.vocabulary())
  os.makedirs(os.path.join(path, manifest_lib.PASSAGES_FOLDER))
  files.write_bytes(
    os.path.join(path, manifest_lib.VOCABULARY_NAME),
    ("\n".join(tokenizer.vocabulary) + "\n").encode(),
  )
  table = synthetic.make_corpus(num_passages, longest).passages
  size = num_passages // num_shards
  entries = []
  for shard in range(num_shards):
    name = f"{manifest_lib.PASSAGES_FOLDER}/{shard}.tfrecord.gz"
    with tf.io.TFRecordWriter(os.path.join(path, name), "GZIP") as writer:
      for i in range(shard * size, (shard + 1) * size):
        passage = blocks.Passage(
          title=str(i),
          body="-",  # only its wordpieces are read
          title_token_ids=table.title_ids.row(i),
          body_token_ids=table.body_ids.row(i),
        )
        writer.write(passages_lib.encode_passage(passage, "uint16"))
    entries.append(manifest_lib.ShardEntry(name, size, ""))
  manifest = manifest_lib.CorpusManifest(
    format_version=manifest_lib.FORMAT_VERSION,
    passages=num_passages,
    articles=num_passages,
    documents=num_passages,
    dropped={},
    split_sentences=0,
    token_dtype="uint16",
    max_passage_tokens=longest,
    tokenizer=manifest_lib.TokenizerEntry(
      tokenizer.sha256, tokenizer.vocab_size, True
    ),
    shards=tuple(entries),
    fingerprint="synthetic",
    source_sha256="",
  )
  files.write_json(
    os.path.join(path, manifest_lib.FILE_NAME), manifest.to_json()
  )
  return corpus_lib.Corpus.open(path)
