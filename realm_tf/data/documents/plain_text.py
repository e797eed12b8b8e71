"""Plain text files."""

import codecs

from realm_tf.data import formats
from realm_tf.data.documents import parts

UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read(content: bytes, path: str) -> parts.Parts:
  """Reads plain text, which has no title.

  Raises:
    formats.UnfitFile: If it is no text.
  """
  return parts.Parts("", [decode(content, path)], {})


def decode(content: bytes, path: str) -> str:
  """Returns a file's text.

  Args:
    content: UTF-8, or UTF-16 that begins with a byte order mark.
    path: The file, for errors.

  Raises:
    formats.UnfitFile: If it is no text in these encodings.
  """
  encoding = "utf-16" if content.startswith(UTF_16_MARKS) else "utf-8-sig"
  try:
    text = content.decode(encoding)
  except UnicodeDecodeError as e:
    raise formats.UnfitFile(
      formats.NOT_TEXT,
      f"{path} is no text in UTF-8 (byte {e.start + 1}): if it is text, save "
      "it as UTF-8.",
    ) from e
  if "\0" in text:
    raise formats.UnfitFile(
      formats.NOT_TEXT, f"{path} holds zero bytes: it is no text."
    )
  return text
