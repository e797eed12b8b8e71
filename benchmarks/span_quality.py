"""Precision and recall of taggers on sentences labelled by hand.

python -m benchmarks.span_quality --corpus=runs/wiki --tagger=rules \
  [--tagger=runs/tagger/export ...]
"""

import argparse
from collections.abc import Sequence

from benchmarks import timing
from realm_tf import errors
from realm_tf.data.corpus import corpora
from realm_tf.data.corpus import passage_table
from realm_tf.data.sentences import annotate_shards
from realm_tf.evaluation import span_quality
from realm_tf.launch import command
from realm_tf.text import salient_spans

_LABELS = "benchmarks/span_labels/squad_wiki.jsonl"


def main() -> None:
  """Reads the labels, runs each tagger, and prints one table."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument(
    "--corpus", required=True, help="folder; see span_labels/README.md"
  )
  parser.add_argument(
    "--tagger",
    action="append",
    help="as of annotate_spans; may be given several times; default: rules",
  )
  parser.add_argument("--labels", default=_LABELS, help="JSONL of the labels")
  parser.add_argument(
    "--errors", action="store_true", help="print what each tagger gets wrong"
  )
  arguments = parser.parse_args()
  with command.mistakes_in_one_line():
    _run(arguments)


def _run(arguments: argparse.Namespace) -> None:
  labels = span_quality.read_labels(arguments.labels)
  corpus = corpora.Corpus.open(arguments.corpus)
  passages = _read_passages(corpus, labels)
  rows = []
  for name in arguments.tagger or ["rules"]:
    tagger = annotate_shards.TaggerSettings(name).make(corpus.shard_paths)
    tagged = span_quality.tag_sentences(tagger, labels, passages)
    if arguments.errors:
      _print_errors(name, labels, tagged, passages)
    rows += _rows(name, labels, tagged)
  timing.print_table(
    f"Spans of {len(labels)} sentences against labels by hand",
    ["", "labels", "found", "P", "R", "F1", "P overlap", "R overlap", "F1 o."],
    rows,
    [
      "P, R, F1: both ends agree; overlap: one byte in common is enough",
      "PER to MISC: recall alone, whatever type the tagger gives",
    ],
  )


def _read_passages(
  corpus: corpora.Corpus, labels: Sequence[span_quality.LabelledSentence]
) -> dict[int, tuple[str, str]]:
  """Returns title and body of the labelled passages by fingerprint."""
  wanted = {sentence.passage for sentence in labels}
  passages = {}
  for path in corpus.shard_paths:
    titles, texts = passage_table.read_shard_texts(path)
    uids = passage_table.passage_uid(titles, texts).numpy()
    for uid, title, text in zip(uids, titles, texts, strict=True):
      if uid in wanted:
        passages[int(uid)] = (title.decode(), text.decode())
  if len(passages) < len(wanted):
    raise errors.UserError(
      f"--corpus: {corpus.path} lacks {len(wanted) - len(passages)} of the "
      f"{len(wanted)} labelled passages; build it as "
      "benchmarks/span_labels/README.md says."
    )
  return passages


def _rows(
  name: str,
  labels: Sequence[span_quality.LabelledSentence],
  tagged: Sequence[Sequence[salient_spans.Span]],
) -> list[list[str]]:
  dates = [_of_type(spans, salient_spans.DATE) for spans in tagged]
  entities = [
    [span[:2] for span in spans if span.type != salient_spans.DATE]
    for spans in tagged
  ]
  wanted_dates = [_of_type(s.spans, span_quality.DATE_LABEL) for s in labels]
  wanted_entities = [
    _of_type(s.spans, *span_quality.ENTITY_LABELS) for s in labels
  ]
  rows = [
    _row(f"{name}: entities", entities, wanted_entities),
    _row(f"{name}: dates", dates, wanted_dates),
  ]
  for label in span_quality.ENTITY_LABELS:
    row = _row(
      f"{name}: {label}", entities, [_of_type(s.spans, label) for s in labels]
    )
    for column in (2, 3, 5, 6, 8):
      row[column] = "-"
    rows.append(row)
  return rows


def _of_type(
  spans: Sequence[salient_spans.Span], *types: str
) -> list[span_quality.Place]:
  return [(s.start, s.limit) for s in spans if s.type in types]


def _row(
  name: str,
  found: Sequence[Sequence[span_quality.Place]],
  wanted: Sequence[Sequence[span_quality.Place]],
) -> list[str]:
  exact = span_quality.score(found, wanted)
  overlap = span_quality.score(found, wanted, overlap=True)
  figures = [
    f"{value:.3f}"
    for score in (exact, overlap)
    for value in (score.precision, score.recall, score.f1)
  ]
  return [name, str(exact.wanted), str(exact.found), *figures]


def _print_errors(
  name: str,
  labels: Sequence[span_quality.LabelledSentence],
  tagged: Sequence[Sequence[salient_spans.Span]],
  passages: dict[int, tuple[str, str]],
) -> None:
  """Prints the sentences whose spans differ, with what differs."""
  for sentence, spans in zip(labels, tagged, strict=True):
    text = passages[sentence.passage][1].encode()
    ours = {(s.start, s.limit, s.type == salient_spans.DATE) for s in spans}
    theirs = {
      (s.start, s.limit, s.type == span_quality.DATE_LABEL)
      for s in sentence.spans
    }
    if ours == theirs:
      continue
    print(f"{name}: {text[sentence.start : sentence.limit].decode()}")
    for what, places in (("missed", theirs - ours), ("wrong", ours - theirs)):
      for start, limit, _ in sorted(places):
        print(f"  {what}: {text[start:limit].decode()}")


if __name__ == "__main__":
  main()
