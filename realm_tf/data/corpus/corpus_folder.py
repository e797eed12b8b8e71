"""The folder of a corpus: its fingerprint, and its replacement as a whole."""

import contextlib
import hashlib
import uuid
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence

import tensorflow as tf

from realm_tf import errors
from realm_tf import files
from realm_tf.data import mapped_arrays
from realm_tf.data.corpus import corpus_manifest
from realm_tf.data.corpus import sentence_folder
from realm_tf.data.corpus import shard_files
from realm_tf.text import wordpiece


def fingerprint(
  id_digests: Sequence[str], tokenizer: wordpiece.Tokenizer
) -> str:
  """Returns a hash of a corpus's passages, their order and the tokenizer.

  Args:
    id_digests: `shard_files.id_digest` of each shard, in order.
    tokenizer: Made the token ids.
  """
  digest = hashlib.sha256()
  for part in (*id_digests, tokenizer.sha256, tokenizer.lower_case):
    digest.update(f"{part}\n".encode())
  return digest.hexdigest()


def existing(
  output: str, source_sha256: str, advice: str
) -> corpus_manifest.CorpusManifest | None:
  """Returns the manifest of an output that already is this corpus.

  Args:
    output: The folder that is to be written.
    source_sha256: Checksum of everything that the corpus depends on.
    advice: What the user should do if the folder holds something else.

  Returns:
    None if there is nothing.

  Raises:
    errors.UserError: If there is something else.
  """
  if _is_free(output):
    return None
  # A corpus that cannot be read is something else, too.
  with contextlib.suppress(errors.UserError):
    manifest = corpus_manifest.read(output)
    if manifest.source_sha256 == source_sha256:
      return manifest
  raise errors.UserError(
    f"output={output} holds something else already: {advice}."
  )


def check_replaceable(output: str) -> None:
  """Raises if an output exists and is not a corpus, or holds other files.

  Args:
    output: The folder that is to be written.

  Raises:
    errors.UserError: If there is something that is not ours to remove.
  """
  if _is_free(output):
    return
  found = list(files.below(output))
  is_shard = _shard_test(output)
  if corpus_manifest.FILE_NAME not in found or not any(map(is_shard, found)):
    raise errors.UserError(
      f"output={output} holds something that is no corpus: name another "
      "folder, or remove it yourself."
    )
  for name in foreign(output):
    raise errors.UserError(
      f"output={output} holds {name}, which is no part of the corpus: move "
      "it elsewhere, or name another folder."
    )


def foreign(corpus: str) -> list[str]:
  """Returns the files in a corpus's folder that are not the corpus's.

  Args:
    corpus: The folder.

  Returns:
    Names, as `files.below` gives them.
  """
  is_shard = _shard_test(corpus)
  sentences = f"{sentence_folder.NAME}/"
  return [
    name
    for name in files.below(corpus)
    if not (
      name
      in (corpus_manifest.FILE_NAME, corpus_manifest.VOCABULARY_NAME, sentences)
      or is_shard(name)
      or mapped_arrays.is_own(name)
      or name.startswith(sentences)
      and sentence_folder.is_own(name.removeprefix(sentences))
    )
  ]


def _shard_test(corpus: str) -> Callable[[str], object]:
  """Returns a predicate that matches a corpus's files of passages.

  They are those that its manifest names; if that is damaged, those that are
  named as we name them.
  """
  try:
    manifest = corpus_manifest.read(corpus)
  except errors.UserError:
    return shard_files.NAME.fullmatch
  return {shard.file for shard in manifest.shards}.__contains__


def _is_free(output: str) -> bool:
  """Whether nothing is there, or an empty folder; an error for a file."""
  if not tf.io.gfile.exists(output):
    return True
  if not tf.io.gfile.isdir(output):
    raise errors.UserError(f"output={output} is a file, not a folder.")
  return not tf.io.gfile.listdir(output)


@contextlib.contextmanager
def staged(output: str) -> Iterator[str]:
  """Gives a temporary folder to write to, and removes it at the end.

  Args:
    output: The folder that `publish` writes.

  Raises:
    errors.UserError: If it cannot be written to.
  """
  staging = _sibling(files.resolve(output), "partial")
  try:
    yield staging
  except tf.errors.OpError as e:
    raise errors.UserError(f"Cannot write output={output}: {e.message}.") from e
  finally:
    if tf.io.gfile.exists(staging):
      files.remove_tree(staging)


def publish(
  staging: str,
  output: str,
  tokenizer: wordpiece.Tokenizer,
  manifest: corpus_manifest.CorpusManifest,
) -> None:
  """Moves a staged corpus to the output, complete.

  Args:
    staging: A folder with the passages, from `staged`.
    output: What it becomes; a corpus that is there is replaced. Where it is a
      link, that holds of the folder that it leads to.
    tokenizer: Made the token ids.
    manifest: Of the staged corpus.

  Raises:
    errors.UserError: If there is something that is not ours to remove.
  """
  vocab = "".join(f"{token}\n" for token in tokenizer.vocabulary)
  files.write_bytes(
    tf.io.gfile.join(staging, corpus_manifest.VOCABULARY_NAME), vocab.encode()
  )
  check_replaceable(output)  # A build takes long: look again.
  output = files.resolve(output.rstrip("/"))
  is_object_store = "://" in output
  if not is_object_store:
    files.write_json(
      tf.io.gfile.join(staging, corpus_manifest.FILE_NAME), manifest.to_json()
    )
  retired = None
  if tf.io.gfile.exists(output):
    retired = _sibling(output, "replaced")
    tf.io.gfile.rename(output, retired)
  try:
    tf.io.gfile.rename(staging, output)
  except tf.errors.OpError:
    if retired and not tf.io.gfile.exists(output):
      tf.io.gfile.rename(retired, output)
    raise
  if is_object_store:
    # There a folder is moved file by file, so that only a manifest written
    # afterwards is written last.
    files.write_json(
      tf.io.gfile.join(output, corpus_manifest.FILE_NAME), manifest.to_json()
    )
  if retired:
    files.remove_tree(retired)


def _sibling(path: str, purpose: str) -> str:
  """Returns a new name beside a folder, to write it or put it aside."""
  return f"{path.rstrip('/')}.{purpose}-{uuid.uuid4().hex[:8]}"
