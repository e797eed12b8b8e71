"""A training whose disk takes no more, and goes on once it does."""

import subprocess
import sys

from tests.end_to_end import tiny_runs

# Bytes; the weights have more. Set in the process that becomes the command, as
# a fork of one with TensorFlow's threads may hang.
_LIMITED = """
import os, resource, sys
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
os.execv(sys.executable, sys.argv[1:])
"""


def test_a_full_disk_is_one_line_and_the_same_command_goes_on_with_room(
  tmp_path,
):
  corpus = tiny_runs.build_corpus(tmp_path / "corpus", tiny_runs.articles(30))
  model_dir = tmp_path / "run"
  flags = [
    "--config=tiny",
    f"--corpus={corpus}",
    f"--model_dir={model_dir}",
    *tiny_runs.config_flags(train_steps=3),
  ]
  failed = subprocess.run(
    [sys.executable, "-c", _LIMITED, *tiny_runs.argv("pretrain_ict", *flags)],
    env=tiny_runs.environment(),
    capture_output=True,
    text=True,
    timeout=300,
  )
  assert failed.returncode == 2, failed.stderr
  last = failed.stderr.splitlines()[-1]
  assert last.startswith("error: No room to write: ")
  assert str(model_dir) in last
  assert "Traceback" not in failed.stderr
  assert not list(model_dir.rglob("ckpt-*.index"))

  printed = tiny_runs.run("pretrain_ict", *flags)
  assert f"Wrote {model_dir}: step 3" in printed
