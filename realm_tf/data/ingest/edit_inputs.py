"""Reads the inputs of an edit: documents cut into passages, and ids."""

import dataclasses
from collections.abc import Iterator
from collections.abc import Sequence

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
    target: Id of the passage that it replaces; "" for the whole article of its
      title. Unused in `add`.
    where: File and record, for errors.
    passages: What it makes, in order; at least one.
  """

  flag: str
  target: str
  where: str
  passages: list[passage_record.Passage]

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
    labels: dict[tuple[int, int], tuple[str, str]] = {}
    for batch in sources.batches(_documents(source, flag, labels)):
      made = [
        Change(flag, *labels.pop(document.position), passages)
        for document, passages in maker.make(batch)
      ]
      if labels and flag == REPLACE:
        _, where = next(iter(labels.values()))
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


def _documents(
  source: sources.Source,
  flag: str,
  labels: dict[tuple[int, int], tuple[str, str]],
) -> Iterator[sources.Document]:
  """Yields documents, and records (target, where) of each by its position."""
  if source.kind != "jsonl":
    for number, document in enumerate(source.read(), start=1):
      labels[document.position] = ("", f"{source.path}, record {number}")
      yield document
    return
  for number, (where, record) in enumerate(formats.read_objects(source.path)):
    replaces_passage = flag == REPLACE and "id" in record
    target = formats.string(record, "id", where) if replaces_passage else ""
    if replaces_passage and not target:
      raise errors.UserError(
        f"{where}: `id` is empty. Give a passage's id, or leave it out to "
        "replace the article."
      )
    labels[source.index, number] = (target, where)
    yield sources.Document(
      formats.string(record, "title", where),
      formats.string(record, "text", where),
      (source.index, number),
    )
