"""The manifest of a corpus: its contents; it exists once all is written."""

import dataclasses
import itertools
from typing import Any

import tensorflow as tf

from realm_tf import absent
from realm_tf import errors
from realm_tf import files
from realm_tf import typed

FORMAT_VERSION = 1
FILE_NAME = "manifest.json"
VOCABULARY_NAME = "vocab.txt"
PASSAGES_FOLDER = "passages"

_MAX_UINT16 = 2**16


@dataclasses.dataclass(frozen=True)
class TokenizerEntry:
  """Which tokenizer made the token ids of a corpus.

  Attributes:
    vocab_sha256: `Tokenizer.sha256`.
    vocab_size: Number of wordpieces.
    lower_case: Whether text is lower-cased and stripped of accents.
  """

  vocab_sha256: str
  vocab_size: int
  lower_case: bool


@dataclasses.dataclass(frozen=True)
class ShardEntry:
  """One file of passages.

  Attributes:
    file: Its path below the corpus.
    passages: How many it holds.
    sha256: Of the file's bytes; "" in a manifest without sums.
  """

  file: str
  passages: int
  sha256: str = ""


@dataclasses.dataclass(frozen=True)
class EditEntry:
  """The origin of a corpus that `edit_corpus` wrote.

  Attributes:
    parent_fingerprint: Of the corpus that was edited.
    added: Passages that `add` brought.
    removed: Passages that `remove` took out.
    replaced: Passages that `replace` took out.
    replacements: Passages that it put in their place.
  """

  parent_fingerprint: str
  added: int
  removed: int
  replaced: int
  replacements: int


@dataclasses.dataclass(frozen=True)
class CorpusManifest:
  """The contents of a corpus, which is complete once this is written.

  Attributes:
    format_version: Of the layout.
    passages: How many there are.
    articles: How many different titles.
    documents: How many records of the input made passages; of an edited
      corpus, as the next two, those of the parent and of the edit together.
    dropped: What was left out, by reason: documents, or, under
      "duplicate_passage", passages.
    split_sentences: Sentences that were longer than a passage, and cut.
    token_dtype: "uint16" or "int32", little-endian.
    max_passage_tokens: Wordpieces of a passage at most, title and the three
      special tokens included.
    tokenizer: Which one made the ids.
    shards: The files, in order; passages are numbered through them.
    fingerprint: Of the passages, their order and the tokenizer.
    source_sha256: Of the input and the settings that it was built with.
    edit: Its origin, if `edit_corpus` wrote it.
    metadata_fields: Names of the fields beside title and text that passages
      have, or had before an edit; sorted.
    metadata_choice: The only fields that were to stay; None for all.
    list_pages: Whether Wikipedia's lists and the like were to stay.
    in_order: Whether the passages are the records of the input, one for one and
      in its order, as rows of vectors that came with them need.
  """

  format_version: int
  passages: int
  articles: int
  documents: int
  dropped: dict[str, int]
  split_sentences: int
  token_dtype: str
  max_passage_tokens: int
  tokenizer: TokenizerEntry
  shards: tuple[ShardEntry, ...]
  fingerprint: str
  source_sha256: str
  edit: EditEntry | None = None
  metadata_fields: tuple[str, ...] = ()
  metadata_choice: tuple[str, ...] | None = None
  list_pages: bool = False
  in_order: bool = False

  def contradiction(self) -> str | None:
    """Returns how the manifest contradicts itself; None if it does not."""
    for shard in self.shards:
      if not files.is_inside(shard.file):
        return f"names the file {shard.file}, which is not in its folder"
    for one, two in itertools.pairwise(shard.file for shard in self.shards):
      if one >= two:
        return f"lists {two} after {one}, though files come in order, and once"
    total = sum(shard.passages for shard in self.shards)
    if self.passages and total != self.passages:
      return (
        f"says that there are {self.passages} passages, but its files add up "
        f"to {total}"
      )
    if self.token_dtype != token_dtype(self.tokenizer.vocab_size):
      return (
        f"says that {self.tokenizer.vocab_size} wordpieces are numbered as "
        f"{self.token_dtype}"
      )
    return None

  def to_json(self) -> dict[str, Any]:
    """Returns the manifest as JSON's types."""
    return dataclasses.asdict(self)

  @classmethod
  def from_json(cls, value: dict[str, Any]) -> "CorpusManifest":
    """Inverse of `to_json`.

    Raises:
      KeyError, TypeError: If a field is missing or of another type.
    """
    value = dict(value)
    value["tokenizer"] = TokenizerEntry(**value["tokenizer"])
    value["shards"] = tuple(ShardEntry(**shard) for shard in value["shards"])
    if value.get("edit") is not None:
      value["edit"] = EditEntry(**value["edit"])
    for name in ("metadata_fields", "metadata_choice"):
      if value.get(name) is not None:
        value[name] = tuple(value[name])
    manifest = cls(**value)
    typed.check(manifest)
    return manifest


def token_dtype(vocab_size: int) -> str:
  """Returns the narrowest type of token ids: "uint16" or "int32"."""
  return "uint16" if vocab_size <= _MAX_UINT16 else "int32"


def read(corpus: str) -> CorpusManifest:
  """Reads the manifest of a corpus.

  Args:
    corpus: The corpus's folder.

  Raises:
    errors.UserError: If there is none, it is none of this version, or it
      contradicts itself.
  """
  path = tf.io.gfile.join(corpus, FILE_NAME)
  try:
    value = files.read_json(path)
  except tf.errors.NotFoundError as e:
    raise absent.corpus(corpus, is_folder=tf.io.gfile.isdir(corpus)) from e
  except tf.errors.OpError as e:
    raise errors.UserError(
      f"corpus={corpus} cannot be read ({e.message}): name the folder that "
      "build_corpus wrote."
    ) from e
  except errors.UserError:
    raise
  except ValueError as e:
    raise errors.UserError(f"`corpus`: {path} is not JSON.") from e
  try:
    version = value["format_version"]
    if version != FORMAT_VERSION:
      raise errors.UserError(
        f"corpus={corpus} has format {version}, but this program reads "
        f"{FORMAT_VERSION}: build it again with build_corpus(overwrite=True)."
      )
    manifest = CorpusManifest.from_json(value)
    contradiction = manifest.contradiction()
  except (KeyError, TypeError) as e:
    raise errors.UserError(
      f"`corpus`: {path} is no manifest of a corpus ({e})."
    ) from e
  if contradiction:
    raise errors.UserError(
      f"`corpus`: {path} {contradiction}. Copy it again, or build the corpus "
      "again with build_corpus(overwrite=True)."
    )
  return manifest
