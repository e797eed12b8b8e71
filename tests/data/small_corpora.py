"""Small inputs and vocabularies for tests of corpora."""

import json
import string

from realm_tf.text import wordpiece

WORDS = ("the", "cat", "dog", "sat", "ran", "home", "far", "away")
CHARACTERS = (*string.ascii_lowercase, *string.digits, *".,!?;:()'\"-")
VOCABULARY = (
  *wordpiece.SPECIAL_TOKENS,
  *CHARACTERS,
  *(f"##{c}" for c in string.ascii_lowercase + string.digits),
  *WORDS,
)


def write_vocabulary(folder):
  """Returns the path of a small vocabulary below the folder."""
  path = folder / "small_vocab.txt"
  path.write_text("".join(f"{token}\n" for token in VOCABULARY))
  return str(path)


def write_jsonl(path, records):
  """Writes (title, text) pairs, and returns the path."""
  path.write_text(
    "".join(json.dumps({"title": t, "text": x}) + "\n" for t, x in records)
  )
  return str(path)
