r"""Compiles the steps of training and refresh for a TPU, without having one.

python -m realm_tf.launch.compile_tpu --config=base --topology=v5e:2x2 \
  --cores=64 --tpu_python=.venv-tpu/bin/python

The real TPU compiler (libtpu) says whether each step compiles, or which
operation is to blame, and how much memory, operations and bytes a core needs.
Status 1 if a step does not compile. docs/tpu.md explains the table.
"""

import sys

from absl import flags

from realm_tf.launch import command
from realm_tf.launch import dry_run
from realm_tf.launch import path_checks
from realm_tf.plans import corpus_size

_CONFIG = flags.DEFINE_string(
  "config",
  None,
  "A preset (tiny, mini, minilm, base) or a JSON file with the fields of a "
  "config.",
  required=True,
)
_TOPOLOGY = flags.DEFINE_string(
  "topology",
  "v5e:2x2",
  "A chip (v4 or v5e) and the shape of a slice of one host; one core of it is "
  "compiled for.",
)
_TPU_PYTHON = flags.DEFINE_string(
  "tpu_python",
  ".venv-tpu/bin/python",
  "A Python that has jax and libtpu; launch/make_tpu_compiler.sh makes one.",
)
_STEPS = flags.DEFINE_list(
  "steps",
  [
    "pretrain",
    "pretrain_device",
    "pretrain_ict",
    "finetune",
    "refresh_index",
  ],
  "Which steps, separated by commas. pretrain_device retrieves on the cores.",
)
_CORES = flags.DEFINE_integer(
  "cores",
  1,
  "Cores that the batch is spread over; a smaller one has a core an example.",
  lower_bound=1,
)
_BATCH_SIZE = flags.DEFINE_integer(
  "batch_size",
  0,
  "Batch of all cores; 0 for the config's. That of refresh_index is its own.",
  lower_bound=0,
)
_PRECISION = flags.DEFINE_enum(
  "precision",
  "",
  ["", "float32", "bfloat16"],
  "Of the encoders; empty for the config's.",
)
_REMAT = flags.DEFINE_bool(
  "remat",
  False,
  "Have trainings keep the inputs of layers alone, as --config.rematerialize "
  "does.",
)
_NUM_PASSAGES = flags.DEFINE_integer(
  "num_passages",
  corpus_size.WIKIPEDIA_PASSAGES,
  "Passages of the index that the cores hold in pretrain_device: Wikipedia's.",
  lower_bound=1,
)
_REFRESH = flags.DEFINE_enum(
  "refresh",
  "external",
  ["external", "inline"],
  "With inline, each step of pretrain_device also embeds passages, as many "
  "as `pretrain --refresh=inline` does.",
)
_FIND_BATCH = flags.DEFINE_bool(
  "find_batch",
  False,
  "Also double or halve each batch until the largest is found that fits.",
)


def main() -> None:
  """Compiles the steps that the flags name."""
  path_checks.tpu_python(_TPU_PYTHON.value)
  if dry_run.shown():
    return
  from realm_tf.tpu import compile_steps

  compiles = compile_steps.run(
    compile_steps.Options(
      config=_CONFIG.value,
      topology=_TOPOLOGY.value,
      python=_TPU_PYTHON.value,
      steps=_STEPS.value,
      cores=_CORES.value,
      batch_size=_BATCH_SIZE.value,
      precision=_PRECISION.value,
      rematerializes=_REMAT.value,
      find_batch=_FIND_BATCH.value,
      num_passages=_NUM_PASSAGES.value,
      refreshes_inline=_REFRESH.value == "inline",
    )
  )
  sys.exit(0 if compiles else 1)


if __name__ == "__main__":
  command.run(main)
