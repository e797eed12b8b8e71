r"""Finds the sentences of a corpus and their salient spans: dates, names.

python -m realm_tf.launch.annotate_spans --corpus=runs/corpus --tagger=rules
python -m realm_tf.launch.annotate_spans --corpus=runs/corpus \
  --tagger=MODEL_DIR_OF_TRAIN_TAGGER

Beam's own flags choose another runner, such as --runner=DataflowRunner, or
more processes of this machine: --direct_running_mode=multi_processing
--direct_num_workers=8.
"""

import os

from absl import flags

from realm_tf.launch import beam_flags
from realm_tf.launch import command
from realm_tf.launch import dry_run
from realm_tf.launch import path_checks
from realm_tf.launch import verify_flag

_CORPUS = flags.DEFINE_string(
  "corpus", None, "Folder of the corpus.", required=True
)
_TAGGER = flags.DEFINE_string(
  "tagger",
  "rules",
  "What finds names: `rules`; the --model_dir of train_tagger or the folder of "
  "an exported tagger; or spacy:PACKAGE, a pipeline of spaCy's such as "
  "spacy:en_core_web_sm. Dates are found by rules always.",
)
_GAZETTEER = flags.DEFINE_enum(
  "gazetteer",
  None,
  ["titles"],
  "`titles`: the corpus's titles are entities in lower case too.",
)
_NUMBERS = flags.DEFINE_bool(
  "numbers", False, "Stand-alone numbers are spans too."
)
_LIMIT = flags.DEFINE_integer(
  "limit", None, "Annotate the first so many passages.", lower_bound=1
)
_PREVIEW = flags.DEFINE_integer(
  "preview",
  0,
  "Print so many sentences, their spans underlined, and write nothing.",
  lower_bound=0,
)
_OVERWRITE = flags.DEFINE_bool(
  "overwrite", False, "Replace an annotation that is there."
)
verify_flag.define()


def main(unknown: list[str]) -> None:
  """Annotates the corpus that the flags name.

  Args:
    unknown: Flags that are not this command's own.
  """
  verify_flag.apply()
  path_checks.tagger(_TAGGER.value)
  path_checks.corpus(_CORPUS.value)
  for_beam = beam_flags.take(unknown)
  target = "" if _PREVIEW.value else os.path.join(_CORPUS.value, "sentences")
  if dry_run.shown(writes=[target]):
    return
  from realm_tf.data.sentences import annotate
  from realm_tf.data.sentences import annotate_shards

  annotate.annotate(
    annotate.AnnotateOptions(
      corpus=_CORPUS.value,
      tagger=annotate_shards.TaggerSettings(
        tagger=_TAGGER.value,
        gazetteer=_GAZETTEER.value or "",
        numbers=_NUMBERS.value,
      ),
      limit=_LIMIT.value,
      preview=_PREVIEW.value,
      overwrite=_OVERWRITE.value,
      beam_flags=for_beam,
    )
  )


if __name__ == "__main__":
  command.run(main, keeps_unknown=True)
