"""Salient spans by a pipeline of spaCy, with dates by rules beside it."""

import functools
import importlib.util
import threading
from collections.abc import Iterable
from collections.abc import Sequence
from typing import TYPE_CHECKING

from realm_tf import errors
from realm_tf.text import entity_types
from realm_tf.text import gazetteers
from realm_tf.text import salient_spans

if TYPE_CHECKING:
  import spacy

# Before the name of a pipeline's package, as in spacy:en_core_web_sm.
PREFIX = "spacy:"

# OntoNotes's types that are no names, or found by our rules.
_NO_NAMES = (
  *("DATE", "TIME", "PERCENT", "MONEY", "QUANTITY", "ORDINAL", "CARDINAL"),
)
# OntoNotes's other types that `entity_types` does not know; any other name,
# such as those of pipelines for medicine, is MISC.
_PLACES = ("FAC",)
_OTHER_NAMES = "MISC"
# Parts of a pipeline that no entity depends on.
_UNUSED = (
  *("attribute_ruler", "lemmatizer", "morphologizer", "parser", "senter"),
  *("tagger", "textcat", "textcat_multilabel"),
)


def check(tagger: str) -> None:
  """Raises if spaCy or the pipeline is not installed.

  Args:
    tagger: `PREFIX` and the pipeline's package.

  Raises:
    errors.UserError: If so.
  """
  name = tagger.removeprefix(PREFIX)
  if importlib.util.find_spec("spacy") is None:
    raise errors.UserError(
      f"tagger={tagger} needs spaCy, which is not installed: python -m pip "
      "install 'spacy<3.8' (newer ones need a newer NumPy)."
    )
  if not name.isidentifier() or importlib.util.find_spec(name) is None:
    raise errors.UserError(
      f"tagger={tagger}: there is no package {name!r} with a pipeline: install "
      "it, and name it as Python imports it, such as spacy:en_core_web_sm."
    )


def identity(tagger: str) -> dict[str, str]:
  """Returns what the spans of a pipeline depend on.

  Args:
    tagger: As for `check`.

  Raises:
    errors.UserError: As `check`, or if it cannot be loaded.
  """
  meta = load_pipeline(tagger.removeprefix(PREFIX)).meta
  return {"pipeline": f"{meta['lang']}_{meta['name']}-{meta['version']}"}


@functools.cache
def load_pipeline(name: str) -> "spacy.Language":
  """Loads a pipeline, once in a process.

  Args:
    name: Its package.

  Raises:
    errors.UserError: As `check`, or if it cannot be loaded.
  """
  check(PREFIX + name)
  import spacy

  try:
    return spacy.load(name, exclude=_UNUSED)
  except (ImportError, OSError, ValueError) as e:
    reason = str(e).partition("\n")[0]
    raise errors.UserError(
      f"tagger={PREFIX}{name} cannot be loaded: {reason}"
    ) from e


class SpacyTagger:
  """Named entities by a pipeline of spaCy, dates by rules.

  Spans that overlap are chosen as in `salient_spans.with_rules`.
  """

  name = "spacy"

  def __init__(
    self, tagger: str, gazetteer: Iterable[str] = (), numbers: bool = False
  ):
    """Loads the pipeline.

    Args:
      tagger: As for `check`.
      gazetteer: Names that are entities wherever they stand.
      numbers: Whether stand-alone numbers are spans, of type "number".

    Raises:
      errors.UserError: If spaCy or the pipeline is missing.
    """
    self._pipeline = load_pipeline(tagger.removeprefix(PREFIX))
    self._lock = threading.Lock()
    self._gazetteer = gazetteers.Gazetteer(gazetteer)
    self._numbers = numbers

  def tag(
    self, texts: Sequence[str], titles: Sequence[str] | None = None
  ) -> list[list[salient_spans.Span]]:
    """Returns the spans of each text; see `SpanTagger.tag`."""
    del titles  # the pipeline reads texts alone
    with self._lock:  # Beam's threads share the tagger.
      found = [
        [
          (entity.start_char, entity.end_char, entity.label_)
          for entity in document.ents
          if entity.label_ not in _NO_NAMES
        ]
        for document in self._pipeline.pipe(texts)
      ]
    return [
      salient_spans.with_rules(
        text, _in_bytes(text, entities), self._gazetteer, self._numbers
      )
      for text, entities in zip(texts, found, strict=True)
    ]


def _in_bytes(
  text: str, entities: Sequence[tuple[int, int, str]]
) -> list[salient_spans.Span]:
  """Returns spaCy's entities as spans of our types.

  Args:
    text: The text.
    entities: Start, limit and label of each, in characters, in order.
  """
  spans = []
  for start, limit, label in entities:
    # White space at the edges is no part of a name.
    name = text[start:limit]
    start += len(name) - len(name.lstrip())
    limit -= len(name) - len(name.rstrip())
    if start < limit:
      spans.append(salient_spans.Span(start, limit, _type_of(label)))
  return salient_spans.to_bytes(text, spans)


def _type_of(label: str) -> str:
  if label in _PLACES:
    return "LOC"
  return entity_types.map_type(label) or _OTHER_NAMES
