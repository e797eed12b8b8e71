"""Salient spans by a trained tagger, with dates by rules beside it."""

from collections.abc import Iterable
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tensorflow_text  # noqa: F401 - the export's ops

from realm_tf import absent
from realm_tf import devices
from realm_tf import errors
from realm_tf import files
from realm_tf import saved_models
from realm_tf.text import gazetteers
from realm_tf.text import salient_spans
from realm_tf.text import sentence_splitter

MANIFEST = "manifest.json"
KIND = "span_tagger"
# Where a run of `train_tagger` has its export.
EXPORT_FOLDER = ("exports", "tagger")


def find_export(path: str) -> tuple[str, dict[str, Any]]:
  """Returns the folder of an exported tagger, and its manifest.

  Args:
    path: The folder, or that of the run which exported it.

  Raises:
    errors.UserError: If there is none.
  """
  for folder in (path, tf.io.gfile.join(path, *EXPORT_FOLDER)):
    manifest_path = tf.io.gfile.join(folder, MANIFEST)
    if tf.io.gfile.exists(manifest_path):
      try:
        manifest = files.read_json(manifest_path)
      except ValueError as e:
        raise errors.UserError(f"{manifest_path} is damaged.") from e
      if isinstance(manifest, dict) and manifest.get("kind") == KIND:
        return folder, manifest
  raise absent.tagger(path)


class ModelTagger:
  """Named entities by an exported tagger, dates by rules.

  The texts of a batch are split into sentences, which the export runs through
  the model sorted by length, many at once. Of spans that overlap, the longest
  stays; of equally long ones, the earliest; then a date before an entity.
  """

  name = "model"

  def __init__(
    self,
    path: str,
    gazetteer: Iterable[str] = (),
    numbers: bool = False,
  ):
    """Loads the tagger.

    Args:
      path: As for `find_export`.
      gazetteer: Names that are entities wherever they stand.
      numbers: Whether stand-alone numbers are spans, of type "number".

    Raises:
      errors.UserError: If there is no tagger, or a damaged one.
    """
    folder, _ = find_export(path)
    self._model = saved_models.load(folder)
    self._tag = self._model.signatures["tag"]
    self._gazetteer = gazetteers.Gazetteer(gazetteer)
    self._numbers = numbers

  def tag(
    self, texts: Sequence[str], titles: Sequence[str] | None = None
  ) -> list[list[salient_spans.Span]]:
    """Returns the spans of each text; see `SpanTagger.tag`."""
    del titles  # the model reads sentences alone
    return [
      salient_spans.with_rules(text, entities, self._gazetteer, self._numbers)
      for text, entities in zip(texts, self.entities(texts), strict=True)
    ]

  def entities(self, texts: Sequence[str]) -> list[list[salient_spans.Span]]:
    """Returns the model's entities of each text, without dates, in bytes."""
    rows, offsets, sentences = [], [], []
    for row, text in enumerate(texts):
      raw = text.encode()
      for start, limit in sentence_splitter.sentence_byte_spans(text):
        rows.append(row)
        offsets.append(start)
        sentences.append(raw[start:limit])
    with devices.cpu_products("bfloat16"):
      found_spans = self._tag(texts=tf.constant(sentences, tf.string))
    outputs = {name: value.numpy() for name, value in found_spans.items()}
    found: list[list[salient_spans.Span]] = [[] for _ in texts]
    for i, (row, offset) in enumerate(zip(rows, offsets, strict=True)):
      begin, end = outputs["splits"][i : i + 2]
      found[row] += [
        salient_spans.Span(
          offset + int(outputs["start"][k]),
          offset + int(outputs["limit"][k]),
          outputs["type"][k].decode(),
        )
        for k in range(begin, end)
      ]
    return found
