"""Reads the inputs of an edit: documents cut into passages, and ids."""

import dataclasses
from collections.abc import Iterator
from collections.abc import Sequence
from typing import NamedTuple

from realm_tf import errors
from realm_tf.data import formats
from realm_tf.data.corpus import passage_record
from realm_tf.data.corpus import shard_files
from realm_tf.data.ingest import passage_maker
from realm_tf.data.ingest import sources

ADD = "add"
REPLACE = "replace"


@dataclasses.dataclass(frozen=True)
class Removal:
  """A passage or article to remove.

  Attributes:
    name: A passage's id, or an article's title.
    where: The flag, or file and line, for errors.
  """

  name: str
  where: str


@dataclasses.dataclass(frozen=True)
class Change:
  """One document of `add` or `replace`.

  Attributes:
    flag: `ADD` or `REPLACE`.
    target: Id of the passage that it replaces, whose metadata it keeps where
      it has none of its own; "" for the whole article of its title. Unused in
      `add`.
    where: File and record, for errors.
    passages: What it makes, in order; at least one.
    removed_fields: Fields that are not kept, as it says they are null.
  """

  flag: str
  target: str
  where: str
  passages: list[passage_record.Passage]
  removed_fields: tuple[str, ...] = ()

  @property
  def title(self) -> str:
    """The title of its passages."""
    return self.passages[0].title


def read_removals(values: Sequence[str]) -> list[Removal]:
  """Reads the names of passages and articles to remove.

  Args:
    values: Names separated by commas, or "@FILE" with one a line, gzip or
      bzip2 if its name says so.

  Raises:
    errors.UserError: If a file cannot be read or names nothing.
  """
  removals = []
  for value in filter(None, values):
    if value.startswith("@"):
      found = [
        Removal(line.strip(), f"{value[1:]}, line {number}")
        for number, line in formats.read_lines(value[1:])
        if line.strip()
      ]
      if not found:
        raise errors.UserError(f"remove={value}: the file names nothing.")
    else:
      names = (name.strip() for name in value.split(","))
      found = [Removal(name, f"remove={name}") for name in names if name]
    removals.extend(found)
  return removals


def read_changes(
  flag: str, found: Sequence[sources.Source], maker: passage_maker.PassageMaker
) -> list[Change]:
  """Reads the documents of `add` or `replace`, and cuts them into passages.

  Args:
    flag: `ADD` or `REPLACE`.
    found: Its files.
    maker: Cuts and counts as the corpus was cut.

  Raises:
    errors.UserError: If a record is wrong, no document of the flag makes a
      passage, or one of `replace` makes none.
  """
  changes = []
  progress = shard_files.Progress()
  for source in found:
    # Of the batch under way: its documents are known by their positions.
    labels: dict[tuple[int, int], _Label] = {}
    for batch in sources.batches(_documents(source, flag, labels, maker)):
      made = []
      for document, passages in maker.make(batch):
        label = labels.pop(document.position)
        removed = [n for n, value in document.fields.items() if value is None]
        made.append(
          Change(flag, label.target, label.where, passages, tuple(removed))
        )
      if labels and flag == REPLACE:
        where = next(iter(labels.values())).where
        raise errors.UserError(
          f"{where} makes no passage, because of its title or its empty text: "
          "what is to go without a replacement belongs into `remove`."
        )
      labels.clear()
      changes.extend(made)
      progress.add(len(batch), sum(len(change.passages) for change in made))
  if found and not changes:
    reasons = ", ".join(f"{n} {why}" for why, n in sorted(maker.counts.items()))
    raise errors.UserError(
      f"`{flag}` holds no text for passages"
      + (f": left out {reasons}." if reasons else "; it is empty.")
    )
  return changes


class _Label(NamedTuple):
  """What a document replaces, and its file and record for errors."""

  target: str
  where: str


def _documents(
  source: sources.Source,
  flag: str,
  labels: dict[tuple[int, int], _Label],
  maker: passage_maker.PassageMaker,
) -> Iterator[sources.Document]:
  """Yields documents, and notes the label of each by its position."""
  if source.kind == "jsonl":
    labelled = formats.unfit_at_first(_of_objects(source, flag))
  else:
    labelled = (
      (_Label("", f"{source.path}, record {number}"), document)
      for number, document in enumerate(source.read(), start=1)
    )
  try:
    for label, document in labelled:
      labels[document.position] = label
      yield document
  except formats.UnfitFile as e:
    if source.is_named:
      raise
    sources.warn_of_left_out([str(e)])
    maker.counts[e.reason] += 1


def _of_objects(
  source: sources.Source, flag: str
) -> Iterator[tuple[_Label, sources.Document]]:
  """Yields the documents of a JSONL file."""
  for number, (where, found) in enumerate(formats.read_objects(source.path)):
    target = ""
    if flag == REPLACE and "id" in found:
      target = formats.string(found, "id", where)
      if not target:
        raise errors.UserError(
          f"{where}: `id` is empty. Give a passage's id, or leave it out to "
          "replace the article."
        )
      found = {name: value for name, value in found.items() if name != "id"}
    title, text, fields = formats.to_record(found, where)
    position = (source.index, number)
    yield _Label(target, where), sources.Document(title, text, position, fields)
