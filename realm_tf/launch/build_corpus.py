r"""Turns documents into the passages of a knowledge corpus.

python -m realm_tf.launch.build_corpus --input=FOLDER --vocab=vocab.txt \
  --output=runs/corpus
python -m realm_tf.launch.build_corpus --input=articles.jsonl.gz \
  --vocab=vocab.txt --output=runs/corpus

Beam's own flags choose another runner, such as --runner=DataflowRunner, or
more processes of this machine: --direct_running_mode=multi_processing
--direct_num_workers=8.
"""

from absl import flags

from realm_tf.launch import beam_flags
from realm_tf.launch import command
from realm_tf.launch import dry_run
from realm_tf.launch import path_checks

_INPUT = flags.DEFINE_multi_string(
  "input",
  None,
  "Folders, files or patterns: JSONL and CSV with `title` and `text`, text, "
  "Markdown, HTML, PDF, WikiExtractor's (.gz, .bz2 too); or `encyclopedia` for "
  "the embedded corpus. Several: repeat the flag, or separate them by commas. "
  "A released REALM's records alone, which are the passages: "
  "block_records.npy; blocks.tfr and titles.tfr; or docs.tfr.gz.",
  required=True,
)
_OUTPUT = flags.DEFINE_string(
  "output", None, "Folder to write the corpus to.", required=True
)
_VOCAB = flags.DEFINE_string(
  "vocab", None, "BERT vocab.txt; learned from --input if not given."
)
_VOCAB_SIZE = flags.DEFINE_integer(
  "vocab_size",
  30522,
  "Most wordpieces of a learned vocabulary.",
  lower_bound=32,
)
_LOWER_CASE = flags.DEFINE_bool(
  "lower_case", True, "Lower-case text and strip its accents."
)
_MAX_PASSAGE_TOKENS = flags.DEFINE_integer(
  "max_passage_tokens",
  288,
  "Most wordpieces of a passage, with title and special tokens.",
)
_NUM_SHARDS = flags.DEFINE_integer(
  "num_shards", None, "Files of passages; by default by the input's size."
)
_METADATA = flags.DEFINE_string(
  "metadata",
  "all",
  "The fields beside title and text that stay with passages, separated by "
  "commas; `all`, or `none`.",
)
_LIST_PAGES = flags.DEFINE_bool(
  "list_pages",
  False,
  "Keep Wikipedia's lists, indexes, outlines and disambiguation pages, which "
  "are known by their titles, and left out as they hold few sentences.",
)
_OVERWRITE = flags.DEFINE_bool(
  "overwrite",
  False,
  "Replace the corpus in --output, which must hold nothing else.",
)


def main(unknown: list[str]) -> None:
  """Builds the corpus that the flags describe.

  Args:
    unknown: Flags that are not this command's own.
  """
  inputs = [part for value in _INPUT.value for part in value.split(",")]
  path_checks.documents("input", inputs)
  path_checks.vocabulary(_VOCAB.value or "")
  path_checks.output(_OUTPUT.value)
  for_beam = beam_flags.take(unknown)
  if dry_run.shown(writes=[_OUTPUT.value]):
    return
  from realm_tf.data.ingest import build

  build.build(
    build.BuildOptions(
      inputs=inputs,
      output=_OUTPUT.value,
      vocab=_VOCAB.value,
      vocab_size=_VOCAB_SIZE.value,
      lower_case=_LOWER_CASE.value,
      max_passage_tokens=_MAX_PASSAGE_TOKENS.value,
      num_shards=_NUM_SHARDS.value,
      metadata=_metadata(_METADATA.value),
      list_pages=_LIST_PAGES.value,
      overwrite=_OVERWRITE.value,
      beam_flags=for_beam,
    )
  )


def _metadata(value: str) -> list[str] | None:
  """Returns the names of fields; None for all."""
  if value == "all":
    return None
  names = [] if value == "none" else value.split(",")
  return [name.strip() for name in names if name.strip()]


if __name__ == "__main__":
  command.run(main, keeps_unknown=True)
