"""A passage: one record of a corpus."""

import dataclasses
import hashlib

import numpy as np


@dataclasses.dataclass(frozen=True)
class Passage:
  """One passage of the knowledge corpus.

  Attributes:
    title: The title of its article.
    body: A slice of the article's text, whole sentences.
    title_token_ids: <int32>[title tokens].
    body_token_ids: <int32>[body tokens].
    metadata: A JSON object, from `passage_metadata.encode`; "" for none.
  """

  title: str
  body: str
  title_token_ids: np.ndarray
  body_token_ids: np.ndarray
  metadata: str = ""

  @property
  def id(self) -> str:
    """16 hexadecimal digits that depend on title and body alone."""
    content = f"{self.title}\0{self.body}"
    return hashlib.sha1(content.encode()).hexdigest()[:16]
