"""Plans what an edit does to each shard, after checking that it is valid."""

import collections
import concurrent.futures
import dataclasses
import os
from collections.abc import Collection
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from realm_tf import errors
from realm_tf.data.corpus import corpora
from realm_tf.data.corpus import corpus_manifest
from realm_tf.data.corpus import passage_metadata
from realm_tf.data.corpus import passage_record
from realm_tf.data.corpus import passage_table
from realm_tf.data.corpus import shard_files
from realm_tf.data.ingest import edit_inputs
from realm_tf.data.ingest import passage_maker


@dataclasses.dataclass(frozen=True)
class Place:
  """The place of a passage in the corpus.

  Attributes:
    shard: Number of the shard.
    row: Its row in the shard.
    id: Of the passage.
    title: Of its article.
  """

  shard: int
  row: int
  id: str
  title: str


@dataclasses.dataclass
class ShardEdit:
  """The changes of one shard.

  Attributes:
    dropped_rows: Passages to remove.
    records: Passages to add, ordered as (title, row before which they are
      to stand, number of the change, number within it).
    documents: From how many documents those come.
  """

  dropped_rows: set[int] = dataclasses.field(default_factory=set)
  records: list[shard_files.Record] = dataclasses.field(default_factory=list)
  documents: int = 0


@dataclasses.dataclass(frozen=True)
class EditPlan:
  """A checked edit.

  Attributes:
    kept: The present contents of each shard, in order.
    shards: The changes, by shard; other shards do not change.
    entry: For the manifest.
    duplicates: Passages of one flag that were given more than once.
  """

  kept: list[shard_files.ShardSummary]
  shards: dict[int, ShardEdit]
  entry: corpus_manifest.EditEntry
  duplicates: int


def make_plan(
  corpus: corpora.Corpus,
  removals: Sequence[edit_inputs.Removal],
  changes: Sequence[edit_inputs.Change],
) -> EditPlan:
  """Looks up the passages of an edit, and checks that its parts fit together.

  Args:
    corpus: The corpus to edit; all its ids and titles are read.
    removals: From `remove`.
    changes: From `replace`, then from `add`.

  Raises:
    errors.UserError: If a passage or article is unknown, is there already, is
      named by two flags, or nothing would be left.
  """
  found = _scan(corpus, removals, changes)
  removed = _find_removed(corpus, found, removals)
  replaced = _find_replaced(corpus, found, changes, removed)
  metadata = _read_metadata(
    corpus, [found.passages[c.target] for c in changes if c.target]
  )
  shards: dict[int, ShardEdit] = collections.defaultdict(ShardEdit)
  for place in (*removed.values(), *replaced.values()):
    shards[place.shard].dropped_rows.add(place.row)
  flags: dict[str, str] = {}  # by the new passage's id
  duplicates = 0
  for number, change in enumerate(changes):
    # A passage's replacement stands where it stood; else the end is the place.
    target = found.passages.get(change.target) if change.target else None
    in_place = target is not None and target.title == change.title
    if target is not None and in_place:
      shard, row = target.shard, target.row
    else:
      shard = shard_files.shard_of_title(change.title, len(found.kept))
      row = corpus.manifest.shards[shard].passages
    shards[shard].documents += 1
    for part, passage in enumerate(change.passages):
      if flags.get(passage.id) == change.flag:
        duplicates += 1
        continue
      _check_new(corpus, change, passage, found, removed, replaced, flags)
      flags[passage.id] = change.flag
      if change.target:
        passage = _inheriting(passage, metadata[change.target], change)
      serialized = passage_table.encode_passage(
        passage, corpus.manifest.token_dtype
      )
      order = (passage.title, row, number + 1, part)
      shards[shard].records.append(
        shard_files.Record(order, passage.id, serialized)
      )
  came = collections.Counter(flags.values())
  if len(removed) + len(replaced) == corpus.num_passages and not flags:
    raise errors.UserError(
      f"`remove` names all {corpus.num_passages} passages of "
      f"corpus={corpus.path}: a corpus needs one at least."
    )
  entry = corpus_manifest.EditEntry(
    parent_fingerprint=corpus.fingerprint,
    added=came[edit_inputs.ADD],
    removed=len(removed),
    replaced=len(replaced),
    replacements=came[edit_inputs.REPLACE],
  )
  return EditPlan(found.kept, dict(shards), entry, duplicates)


def _read_metadata(
  corpus: corpora.Corpus, places: Sequence[Place]
) -> dict[str, str]:
  """Returns the metadata of passages, by id."""
  rows = [corpus.shard_offsets[place.shard] + place.row for place in places]
  _, _, metadata = corpus.read_passages(np.array(rows, np.int64))
  ids = [place.id for place in places]
  return dict(zip(ids, metadata, strict=True))


def _inheriting(
  passage: passage_record.Passage, metadata: str, change: edit_inputs.Change
) -> passage_record.Passage:
  """Returns a passage with the metadata of the one that it replaces.

  Args:
    passage: The new one, whose own fields win.
    metadata: Of the old one.
    change: Where the new one is from.
  """
  fields = passage_metadata.decode(metadata) | passage_metadata.decode(
    passage.metadata
  )
  for name in change.removed_fields:
    fields.pop(name, None)
  return dataclasses.replace(passage, metadata=passage_metadata.encode(fields))


@dataclasses.dataclass(frozen=True)
class _Found:
  """Corpus passages matched by the edit.

  Attributes:
    kept: Of each shard, in order.
    passages: By id, of those that the edit names or brings.
    articles: The passages of each article that the edit names, by title.
  """

  kept: list[shard_files.ShardSummary]
  passages: dict[str, Place]
  articles: dict[str, list[Place]]


def _scan(
  corpus: corpora.Corpus,
  removals: Sequence[edit_inputs.Removal],
  changes: Sequence[edit_inputs.Change],
) -> _Found:
  """Reads ids and titles of all shards, several at a time."""
  names = [removal.name for removal in removals]
  ids = {
    *names,
    *(change.target for change in changes if change.target),
    *(passage.id for change in changes for passage in change.passages),
  }
  titles = {
    *map(passage_maker.normalize_title, names),
    *(
      change.title
      for change in changes
      if change.flag == edit_inputs.REPLACE and not change.target
    ),
  }
  found = _Found([], {}, collections.defaultdict(list))
  with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
    scanned = pool.map(
      lambda shard: _scan_shard(corpus, shard, ids, titles),
      range(len(corpus.shard_paths)),
    )
    for summary, named, of_articles in scanned:
      found.kept.append(summary)
      found.passages.update((place.id, place) for place in named)
      for place in of_articles:
        found.articles[place.title].append(place)
  return found


def _scan_shard(
  corpus: corpora.Corpus,
  shard: int,
  wanted_ids: Collection[str],
  wanted_titles: Collection[str],
) -> tuple[shard_files.ShardSummary, list[Place], list[Place]]:
  """Returns a shard's size, and its passages that match the edit."""
  ids, titles = corpus.read_keys(shard)

  def place(row: int) -> Place:
    return Place(shard, row, ids[row].decode(), titles[row].decode())

  encoded = np.array([name.encode() for name in sorted(wanted_ids)], bytes)
  encoded_titles = {title.encode() for title in wanted_titles}
  summary = shard_files.ShardSummary(
    entry=corpus.manifest.shards[shard],
    articles=len(set(titles)),
    documents=0,
    counts={},
    id_digest=shard_files.id_digest(ids.astype(str)),
  )
  return (
    summary,
    [place(int(row)) for row in np.flatnonzero(np.isin(ids, encoded))],
    [place(row) for row, t in enumerate(titles) if t in encoded_titles],
  )


def _find_removed(
  corpus: corpora.Corpus,
  found: _Found,
  removals: Sequence[edit_inputs.Removal],
) -> dict[str, Place]:
  """Returns the passages that `remove` names, by id."""
  removed: dict[str, Place] = {}
  for removal in removals:
    places = found.articles.get(passage_maker.normalize_title(removal.name), [])
    if removal.name in found.passages:
      places = [found.passages[removal.name]]
    if not places:
      hint = ""
      if tf.io.gfile.exists(removal.name):
        hint = f" What a file lists is removed by remove=@{removal.name}."
      raise errors.UserError(
        f"{removal.where}: corpus={corpus.path} has no passage of the id and "
        f"no article of the title {removal.name!r}.{hint}"
      )
    removed.update((place.id, place) for place in places)
  return removed


def _find_replaced(
  corpus: corpora.Corpus,
  found: _Found,
  changes: Sequence[edit_inputs.Change],
  removed: dict[str, Place],
) -> dict[str, Place]:
  """Returns the passages that `replace` replaces, by id."""
  replaced: dict[str, Place] = {}
  for change in changes:
    if change.flag != edit_inputs.REPLACE:
      continue
    if change.target:
      what = f"passage of the id {change.target!r}"
      known = found.passages.get(change.target)
      places = [known] if known else []
    else:
      what = f"article of the title {change.title!r}"
      places = found.articles.get(change.title, [])
    if not places:
      raise errors.UserError(
        f"{change.where}: corpus={corpus.path} has no {what} to replace; "
        "what is new belongs into `add`."
      )
    for place in places:
      for others, flag in ((removed, "`remove`"), (replaced, "`replace`")):
        if place.id in others:
          raise errors.UserError(
            f"{change.where}: passage {place.id} of {place.title!r} is to be "
            f"replaced, but {flag} names it already. Name it once."
          )
    replaced.update((place.id, place) for place in places)
  return replaced


def _check_new(
  corpus: corpora.Corpus,
  change: edit_inputs.Change,
  passage: passage_record.Passage,
  found: _Found,
  removed: dict[str, Place],
  replaced: dict[str, Place],
  flags: dict[str, str],
) -> None:
  """Raises if an added passage already exists.

  Raises:
    errors.UserError: If it is.
  """
  what = f"{change.where} makes passage {passage.id} of {passage.title!r}, "
  if passage.id in flags:
    raise errors.UserError(
      f"{what}which `{flags[passage.id]}` makes too. Leave one of them out."
    )
  if passage.id in removed:
    raise errors.UserError(
      f"{what}which `remove` takes out. Leave one of them out."
    )
  takes_turns = change.flag == edit_inputs.REPLACE and passage.id in replaced
  if passage.id in found.passages and not takes_turns:
    raise errors.UserError(
      f"{what}which corpus={corpus.path} has already. Leave it out, or "
      "change the article with `replace`."
    )
