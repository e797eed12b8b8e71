"""A step's process: its status, and the signals that reach it."""

import pathlib
import signal
import subprocess
import sys
import textwrap
import time

from realm_tf.reproduction import processes


def test_the_status_of_a_process_is_its_own():
  assert processes.run(["realm_tf", "no_such_command"]) == 2


def test_a_signal_is_handed_on_and_the_command_may_finish(tmp_path):
  (tmp_path / "patient.py").write_text(
    textwrap.dedent("""
      import pathlib, signal, sys, time
      def end(number, frame):
        time.sleep(0.2)
        pathlib.Path(sys.argv[1], "saved").touch()
        sys.exit(143)
      signal.signal(signal.SIGTERM, end)
      pathlib.Path(sys.argv[1], "ready").touch()
      time.sleep(60)
    """)
  )
  program = (
    "from realm_tf import interruption\n"
    "from realm_tf.reproduction import processes\n"
    "interruption.install()\n"
    "with interruption.in_one_line():\n"
    f"  processes.run(['patient', {str(tmp_path)!r}])\n"
  )
  root = pathlib.Path(processes.__file__).parents[2]
  process = subprocess.Popen(
    [sys.executable, "-c", program],
    env={"PYTHONPATH": f"{root}:{tmp_path}", "PATH": "/usr/bin:/bin"},
    stderr=subprocess.PIPE,
    text=True,
  )
  deadline = time.monotonic() + 60
  while not (tmp_path / "ready").exists() and time.monotonic() < deadline:
    time.sleep(0.1)
  process.send_signal(signal.SIGTERM)
  _, said = process.communicate(timeout=60)
  assert process.returncode == 143
  assert said.splitlines()[-1] == "Interrupted by SIGTERM."
  assert (tmp_path / "saved").exists()
