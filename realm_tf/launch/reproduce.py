r"""Runs the rows of the paper's Table 1 or 2, and reports beside its figures.

python -m realm_tf.launch.reproduce --table=2 --seeds=0,1,2 \
  --output=runs/tables

Every row is a list of this package's commands, which --dry_run prints. What is
finished is not run again: the same command goes on after an interruption, and
rows, seeds and the other table may be added later.
"""

import dataclasses

from absl import flags

from realm_tf import errors
from realm_tf.configs import schema
from realm_tf.launch import command
from realm_tf.launch import dry_run
from realm_tf.launch import path_checks
from realm_tf.launch import question_flags
from realm_tf.reproduction import plan
from realm_tf.reproduction import scales
from realm_tf.reproduction import tables

_OUTPUT = flags.DEFINE_string(
  "output", None, "Folder of all that is written.", required=True
)
_TABLE = flags.DEFINE_enum(
  "table",
  None,
  ["1", "2"],
  "1 compares systems for open-domain questions, 2 takes parts of REALM away.",
  required=True,
)
_ROWS = flags.DEFINE_list(
  "rows",
  [],
  "Names of rows, separated by commas; all if empty. Of table 1: "
  f"{', '.join(row.name for row in tables.get(1).rows)}; of table 2: "
  f"{', '.join(row.name for row in tables.get(2).rows)}.",
)
_SCALE = flags.DEFINE_enum(
  "scale",
  scales.TINY,
  scales.NAMES,
  "tiny: the embedded encyclopedia, minutes a row on two cores; paper: "
  "Wikipedia, with --config=base.",
)
_SEEDS = flags.DEFINE_list(
  "seeds", ["0"], "Of all trainings, separated by commas."
)
_TPU = flags.DEFINE_string(
  "tpu",
  "",
  "A TPU's name or address, or 'local'; empty for GPUs if there are any, else "
  "the CPU.",
)
_SOURCES = {
  "wikipedia": "Of --scale=paper: articles, as build_corpus reads them.",
  "cc_news": "Of --scale=paper: other text to learn from, in Table 1.",
  "bert": "Of --scale=paper: public weights of BERT-base with its vocab.txt.",
  "conll": "Of --scale=paper: folder of CoNLL-2003, for the tagger.",
}
for _name, _about in _SOURCES.items():
  flags.DEFINE_string(_name, None, _about)


def main() -> None:
  """Runs the rows that the flags name, or prints their commands."""
  table = tables.get(int(_TABLE.value))
  rows = tables.select(table, _ROWS.value)
  given = {name: flags.FLAGS[name].value for name in _SOURCES}
  sources = dataclasses.replace(
    scales.Sources(), **{k: v for k, v in given.items() if v}
  )
  scale = scales.get(_SCALE.value, sources)
  path_checks.reproduction(_OUTPUT.value)
  question_flags.check_paths()
  where = {k: v for k, v in question_flags.where().items() if v}
  planners = [
    plan.Planner(scale, seed, _OUTPUT.value, tpu=_TPU.value, where=where)
    for seed in _seeds(_SEEDS.value)
  ]
  if dry_run.is_wanted():
    print(tables.commands(rows, planners))
    return
  if scale.name == scales.PAPER:
    scales.check_given(sources)
    path_checks.documents("wikipedia", [sources.wikipedia])
    path_checks.documents("cc_news", [sources.cc_news])
    path_checks.weights("bert", sources.bert)
    path_checks.there("conll", [sources.conll])
  from realm_tf.reproduction import reproduce

  reproduce.run(table, rows, planners, _OUTPUT.value)


def _seeds(values: list[str]) -> list[int]:
  """Returns the seeds, each once.

  Raises:
    errors.UserError: If one is no seed.
  """
  for value in values:
    if not (value.isdecimal() and int(value) <= schema.MOST_SEED):
      raise errors.UserError(
        f"seeds={value} is no seed: give whole numbers from 0 to "
        f"{schema.MOST_SEED}, separated by commas."
      )
  if not values:
    raise errors.UserError("`seeds` is empty: give one at least.")
  return list(dict.fromkeys(map(int, values)))


if __name__ == "__main__":
  command.run(main)
