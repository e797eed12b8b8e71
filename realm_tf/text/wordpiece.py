"""WordPiece tokenization in the graph, with right byte offsets."""

import functools
import hashlib
import re
from collections.abc import Sequence

import tensorflow as tf
import tensorflow_text as tf_text

from realm_tf import absent
from realm_tf import errors
from realm_tf import files

PAD = "[PAD]"
UNK = "[UNK]"
CLS = "[CLS]"
SEP = "[SEP]"
MASK = "[MASK]"
SPECIAL_TOKENS = (PAD, UNK, CLS, SEP, MASK)

_CONTINUATION = "##"
_SPECIAL = re.compile(r"\[.*\]")
_UNUSED = re.compile(r"\[unused\d+\]")
# Uncased vocabularies hold a capital or two, of scripts that the text
# normalisation does not know.
_CASED_PART = 0.01


# Of a wordpiece; TF Text takes no longer ones.
_MOST_BYTES = 256
_SHOWN_CHARS = 40


def read_vocabulary(path: str) -> list[str]:
  """Reads a BERT `vocab.txt`: one wordpiece a line, UTF-8.

  Raises:
    errors.UserError: If the file is missing, may not be read, or is not UTF-8.
  """
  try:
    text = files.read_bytes(path).decode("utf-8")
  except tf.errors.OpError as e:
    raise absent.vocabulary(path) from e
  except UnicodeDecodeError as e:
    raise errors.UserError(f"The vocabulary {path} is not UTF-8.") from e
  return text.removesuffix("\n").replace("\r", "").split("\n")


def vocabulary_sha256(vocabulary: Sequence[str]) -> str:
  """Returns the SHA-256 of the wordpieces, one a line."""
  return hashlib.sha256("\n".join(vocabulary).encode()).hexdigest()


class Tokenizer:
  """BERT's tokenizer over a vocabulary: normalise, split, WordPiece.

  Wraps `FastBertTokenizer`, whose byte offsets hold after accented and CJK
  characters, where those of `BertTokenizer` do not.

  Attributes:
    vocabulary: The wordpieces, by id.
    lower_case: Whether text is lower-cased and stripped of accents.
    sha256: Of the vocabulary, one wordpiece a line; tells vocabularies apart.
    pad_id, unk_id, cls_id, sep_id, mask_id: Ids of the special tokens.
  """

  def __init__(
    self,
    vocabulary: Sequence[str],
    *,
    lower_case: bool = True,
    source: str = "the vocabulary",
  ):
    """Builds the tokenizer.

    Args:
      vocabulary: The wordpieces, by id; a continuation starts with "##".
      lower_case: Lower-case the text and strip its accents first.
      source: The vocabulary's file, for error messages.

    Raises:
      errors.UserError: If a special token is missing, a token stands twice,
        or [PAD] does not come first.
    """
    ids = {token: i for i, token in enumerate(vocabulary)}
    missing = [token for token in SPECIAL_TOKENS if token not in ids]
    if missing:
      raise errors.UserError(
        f"{source} has no {', '.join(missing)}: a BERT vocabulary holds "
        f"{' '.join(SPECIAL_TOKENS)}, one wordpiece a line."
      )
    if len(ids) != len(vocabulary):
      twice = next(t for i, t in enumerate(vocabulary) if ids[t] != i)
      raise errors.UserError(f"{source} holds the wordpiece {twice!r} twice.")
    if len(ids) == len(SPECIAL_TOKENS):
      raise errors.UserError(f"{source} holds nothing but special tokens.")
    if ids[PAD] != 0:
      raise errors.UserError(
        f"{source} has {PAD} as number {ids[PAD]}: it must come first, since "
        "0 is what inputs are padded with."
      )
    for number, token in enumerate(vocabulary):
      if "\0" in token or len(token.encode()) > _MOST_BYTES:
        raise errors.UserError(
          f"{source}: wordpiece {number}, {token[:_SHOWN_CHARS]!r}, has a zero "
          f"byte or more than {_MOST_BYTES} bytes: this is no vocabulary."
        )
    self.vocabulary = tuple(vocabulary)
    self.lower_case = lower_case
    self.sha256 = vocabulary_sha256(self.vocabulary)
    self._starts_word = [
      not token.startswith(_CONTINUATION) for token in self.vocabulary
    ]
    self.pad_id, self.unk_id, self.cls_id, self.sep_id, self.mask_id = (
      ids[token] for token in SPECIAL_TOKENS
    )
    self._tokenizer = _fast_tokenizer(self.vocabulary, lower_case)

  @classmethod
  def from_file(
    cls, path: str, *, lower_case: bool | None = True
  ) -> "Tokenizer":
    """Reads a BERT `vocab.txt`: one wordpiece a line, UTF-8.

    Args:
      path: The file.
      lower_case: As for `__init__`; None to tell by the vocabulary: see
        `is_cased`.

    Raises:
      errors.UserError: If the file is missing, not UTF-8 or no vocabulary.
    """
    vocabulary = read_vocabulary(path)
    if lower_case is None:
      lower_case = not is_cased(vocabulary)
    return cls(vocabulary, lower_case=lower_case, source=path)

  def starts_word(self) -> list[bool]:
    """Returns, by id, whether a wordpiece begins a word: "##" continues one."""
    return self._starts_word

  def words(self) -> list[int]:
    """Returns the ids of what is not special, as [CLS] and [unused1] are."""
    return [
      i
      for i, token in enumerate(self.vocabulary)
      if token not in SPECIAL_TOKENS and not _UNUSED.fullmatch(token)
    ]

  @property
  def vocab_size(self) -> int:
    """Number of wordpieces, special tokens included."""
    return len(self.vocabulary)

  def tokenize(self, texts: tf.Tensor) -> tf.RaggedTensor:
    """Returns the wordpiece ids of each text.

    Args:
      texts: <string>[batch], UTF-8.

    Returns:
      <int32>[batch, (tokens)].
    """
    return self._tokenizer.tokenize(texts)

  def tokenize_with_offsets(
    self, texts: tf.Tensor
  ) -> tuple[tf.RaggedTensor, tf.RaggedTensor, tf.RaggedTensor]:
    """Returns ids, and the bytes [start, limit) that each was read from.

    Args:
      texts: <string>[batch], UTF-8.

    Returns:
      Three tensors [batch, (tokens)]: <int32> ids, <int64> byte starts,
      <int64> byte limits.
    """
    return self._tokenizer.tokenize_with_offsets(texts)

  def detokenize(self, ids: Sequence[int]) -> str:
    """Joins wordpieces to readable text, without padding."""
    text = " ".join(self.vocabulary[i] for i in ids if i != self.pad_id)
    return text.replace(" ##", "")


@functools.lru_cache(maxsize=4)
def _fast_tokenizer(
  vocabulary: tuple[str, ...], lower_case: bool
) -> tf_text.FastBertTokenizer:
  """Returns TF Text's tokenizer, which takes a twentieth of a second to make.

  A process opens its corpus, its run and its export with the same vocabulary.
  """
  with tf.init_scope():  # Not a part of any graph.
    return tf_text.FastBertTokenizer(
      list(vocabulary),
      unknown_token=UNK,
      token_out_type=tf.int32,
      lower_case_nfd_strip_accents=lower_case,
    )


def is_cased(vocabulary: Sequence[str]) -> bool:
  """Returns whether a vocabulary has capitals, special tokens aside.

  Google's checkpoints say so in the name of their archive alone; but the
  wordpieces of text as it is written have capitals.
  """
  words = [token for token in vocabulary if not _SPECIAL.fullmatch(token)]
  capitals = sum(token != token.lower() for token in words)
  return capitals > _CASED_PART * len(words)
