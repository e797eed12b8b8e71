"""What signals do to a command, with Python alone: no TensorFlow."""

import signal
import subprocess
import sys

import pytest

# Each function says when it is ready, then waits.
_PROGRAM = """
import signal, sys, threading
from realm_tf import interruption

def wait():
  print("ready", flush=True)
  threading.Event().wait()

def cleans_up():
  try:
    wait()
  finally:
    print("cleaned up", flush=True)

def swallows():
  try:
    wait()
  except KeyboardInterrupt as e:
    raise ImportError("numpy is broken") from None

def fails_to_save():
  try:
    wait()
  except KeyboardInterrupt:
    raise OSError("no room")

def defers():
  with interruption.deferred():
    print("ready", flush=True)
    sys.stdin.readline()
    print("done", flush=True)
  print("never", flush=True)

def fails():
  with interruption.deferred():
    print("ready", flush=True)
    sys.stdin.readline()
    sys.exit(2)

def child():
  interruption.end_at_once()
  wait()

interruption.install()
with interruption.in_one_line():
  globals()[sys.argv[1]]()
"""


@pytest.fixture
def start():
  """Starts the program's functions, and leaves none behind."""
  processes = []

  def start_function(name, *, by=()):
    process = subprocess.Popen(
      [*by, sys.executable, "-c", _PROGRAM, name],
      stdin=subprocess.PIPE,
      stdout=subprocess.PIPE,
      stderr=subprocess.PIPE,
      text=True,
    )
    processes.append(process)
    assert process.stdout.readline() == "ready\n"
    return process

  yield start_function
  for process in processes:
    process.kill()
    process.communicate()


@pytest.mark.parametrize(
  "number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
)
def test_a_signal_ends_a_command_with_a_line_and_its_status(start, number):
  process = start("cleans_up")
  process.send_signal(number)
  assert process.communicate() == (
    "cleaned up\n",
    f"Interrupted by {number.name}.\n",
  )
  assert process.returncode == 128 + number


def test_an_error_that_a_signal_causes_is_told_as_the_signal(start):
  process = start("swallows")
  process.send_signal(signal.SIGTERM)
  assert process.communicate()[1] == "Interrupted by SIGTERM.\n"
  assert process.returncode == 128 + signal.SIGTERM


def test_an_error_in_what_a_signal_makes_necessary_is_not_hidden(start):
  process = start("fails_to_save")
  process.send_signal(signal.SIGTERM)
  assert "OSError: no room" in process.communicate()[1]
  assert process.returncode == 1


def test_what_defers_signals_is_finished(start):
  process = start("defers")
  process.send_signal(signal.SIGTERM)
  out, said = process.communicate("go on\n")
  assert (out, said) == ("done\n", "Interrupted by SIGTERM.\n")
  assert process.returncode == 128 + signal.SIGTERM


def test_an_error_of_what_defers_signals_comes_first(start):
  process = start("fails")
  process.send_signal(signal.SIGTERM)
  assert process.communicate("go on\n")[1] == ""
  assert process.returncode == 2


def test_a_second_signal_ends_at_once_what_defers_the_first(start):
  process = start("defers")
  process.send_signal(signal.SIGINT)
  # Twice at the same moment is once: so does `timeout`.
  process.send_signal(signal.SIGINT)
  with pytest.raises(subprocess.TimeoutExpired):
    process.wait(timeout=1)
  process.send_signal(signal.SIGTERM)
  assert process.wait(timeout=60) == 128 + signal.SIGTERM
  assert process.stdout.read() == ""


def test_a_signal_that_the_caller_ignores_is_ignored(start):
  like_nohup = ("sh", "-c", 'trap "" HUP && exec "$@"', "sh")
  for name in ("cleans_up", "child"):
    process = start(name, by=like_nohup)
    process.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
      process.wait(timeout=1)


def test_a_process_that_is_looked_after_is_ended_by_the_signal_itself(start):
  for number in (signal.SIGINT, signal.SIGTERM):
    process = start("child")
    process.send_signal(number)
    assert process.communicate()[1] == ""
    assert process.returncode == -number


def test_a_child_ends_with_its_parent_even_before_it_has_tensorflow():
  program = (
    "import sys, time\n"
    "from realm_tf import interruption\n"
    "interruption.end_with_parent()\n"
    "print('tensorflow' in sys.modules, flush=True)\n"
    "time.sleep(600)\n"
  )
  with subprocess.Popen(
    [sys.executable, "-c", program],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    text=True,
  ) as child:
    assert child.stdout.readline() == "False\n"
    child.stdin.close()
    assert child.wait(timeout=60) == 1
