r"""Embeds the corpus with a run's newest embedder and publishes the index.

python -m realm_tf.launch.refresh_index --model_dir=MODEL_DIR --watch \
  --num_workers=2

Any number of these may work on one run, on any number of machines that share
its folder.
"""

import functools
import os
import sys

from absl import flags

from realm_tf import interruption
from realm_tf.launch import command
from realm_tf.launch import dry_run
from realm_tf.launch import model_dir_flag
from realm_tf.launch import path_checks
from realm_tf.launch import verify_flag
from realm_tf.plans import refresh_plan

_MODEL_DIR = model_dir_flag.define("Folder of the run.")
_CORPUS = flags.DEFINE_string(
  "corpus", "", "Folder of the knowledge corpus; by default the run's."
)
_NUM_WORKERS = flags.DEFINE_integer(
  "num_workers", None, "Processes on this machine.", lower_bound=1
)
_TPU = flags.DEFINE_list(
  "tpu",
  [],
  "A TPU's name or address, or 'local', which embeds; with several workers, "
  "one for each, separated by commas. Empty for GPUs if there are any, else "
  "the CPU.",
)
_WATCH = flags.DEFINE_bool(
  "watch", False, "Take each new export until the run has ended."
)
_STEP = flags.DEFINE_integer(
  "step", None, "The export to embed; by default the newest.", lower_bound=0
)
_EMBED_BATCH_SIZE = flags.DEFINE_integer(
  "embed_batch_size", None, "Passages embedded at once.", lower_bound=1
)
_NUM_LEAVES = flags.DEFINE_integer(
  "num_leaves", None, "Partitions of the tree; 0 chooses.", lower_bound=0
)
_LEAVES_TO_SEARCH = flags.DEFINE_integer(
  "leaves_to_search",
  None,
  "Partitions a query visits; 0 for a tenth.",
  lower_bound=0,
)
_REORDERING_CANDIDATES = flags.DEFINE_integer(
  "reordering_candidates",
  None,
  "Candidates scored again exactly; 0 chooses.",
  lower_bound=0,
)
_VERIFY_INDEX = flags.DEFINE_bool(
  "verify_index", False, "Compare the sums of the versions that are there."
)
_TAKEOVER_SECS = flags.DEFINE_float(
  "takeover_secs",
  60.0,
  "Others embed a worker's shard, too, once it has shown no sign of life for "
  "so long.",
  lower_bound=1.0,
)
_END_WITH_PARENT = flags.DEFINE_bool(
  "end_with_parent", False, "Set by the trainer for the job it starts."
)
_IS_WORKER = flags.DEFINE_bool(
  "is_worker", False, "Set by the job for the processes it starts."
)
verify_flag.define()


def main() -> None:
  """Runs the job that the flags describe."""
  if _END_WITH_PARENT.value or _IS_WORKER.value:
    interruption.end_at_once()
    interruption.end_with_parent()
  path_checks.corpus(_CORPUS.value)
  if not _WATCH.value:  # A run that is watched may begin later.
    path_checks.run(_MODEL_DIR.value)
  verify_flag.apply()
  if dry_run.shown(
    functools.partial(
      refresh_plan.lines,
      _MODEL_DIR.value,
      _CORPUS.value,
      _NUM_WORKERS.value,
      _EMBED_BATCH_SIZE.value,
    ),
    writes=[os.path.join(_MODEL_DIR.value, "index")],
  ):
    return
  from realm_tf.index.job import follow
  from realm_tf.index.job import refresh_job

  options = follow.RefreshOptions(
    model_dir=_MODEL_DIR.value,
    corpus=_CORPUS.value,
    watch=_WATCH.value,
    step=_STEP.value,
    verify_index=_VERIFY_INDEX.value,
    takeover_secs=_TAKEOVER_SECS.value,
    tpus=_TPU.value,
    overrides={
      "num_index_workers": _NUM_WORKERS.value,
      "embed_batch_size": _EMBED_BATCH_SIZE.value,
      "num_leaves": _NUM_LEAVES.value,
      "leaves_to_search": _LEAVES_TO_SEARCH.value,
      "reordering_candidates": _REORDERING_CANDIDATES.value,
    },
  )
  if _IS_WORKER.value:
    sys.exit(refresh_job.run_worker(options))
  module = "realm_tf.launch.refresh_index"
  worker = [sys.executable, "-m", module, *sys.argv[1:], "--is_worker"]
  sys.exit(refresh_job.run(options, worker))


if __name__ == "__main__":
  command.run(main)
