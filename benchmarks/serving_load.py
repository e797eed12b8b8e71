r"""A server under load: latency, throughput, and what changes of version cost.

python -m benchmarks.serving_load
python -m benchmarks.serving_load --export=EXPORTS --questions=questions.txt

The first rolls three new versions and a damaged one through a server that 64
clients ask without a pause, for two minutes, then ends it by SIGTERM. The
second measures an export, such as `realm_tf.launch.export` writes, with and
without batching. Server and clients are processes of their own on this machine.
"""

import argparse
import contextlib
import pathlib
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from collections.abc import Sequence
from typing import NamedTuple

from benchmarks import serving_clients
from benchmarks import timing
from realm_tf import environment

_VERSIONS = (2, 3, 4)
_DAMAGED = 5
_BALLAST_KIB = 200 * 1024
_WARM_UP_SECONDS = 2.0


class Server(NamedTuple):
  """A process that serves."""

  process: "subprocess.Popen[str]"
  port: int
  rest_api_port: int


@contextlib.contextmanager
def serving(base: pathlib.Path, *flags: str) -> Iterator[Server]:
  """Serves the model `realm` meanwhile.

  Args:
    base: Folder of its versions.
    *flags: Further flags of `launch.serve`.
  """
  sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
  port, rest_api_port = (one.getsockname()[1] for one in sockets)
  for one in sockets:
    one.close()
  process = subprocess.Popen(
    [
      sys.executable,
      "-m",
      "realm_tf.launch.serve",
      "--model_name=realm",
      f"--model_base_path={base}",
      f"--port={port}",
      f"--rest_api_port={rest_api_port}",
      *flags,
    ],
    stdout=subprocess.PIPE,
    text=True,
  )
  assert process.stdout is not None
  try:
    if not process.stdout.readline():
      raise SystemExit("the server did not start")
    yield Server(process, port, rest_api_port)
  finally:
    process.kill()
    process.communicate()


def roll(clients: int, seconds: float) -> None:
  """Rolls versions through a server under load, and prints what it cost."""
  from benchmarks import serving_models

  asked = serving_clients.Load()
  memory = []
  with tempfile.TemporaryDirectory() as folder:
    base = pathlib.Path(folder)
    serving_models.write_answering(base, 1, ballast=_BALLAST_KIB)
    with serving(base, "--enable_batching") as server:
      port = server.rest_api_port
      memory.append(("version 1 alone", serving_clients.resident_bytes(port)))
      end = time.monotonic() + seconds
      pause = seconds / (len(_VERSIONS) + 2)
      with asked.clients(clients, server.port, port):
        for version in _VERSIONS:
          time.sleep(pause)
          serving_models.write_answering(base, version, ballast=_BALLAST_KIB)
          serving_clients.wait_for_state(port, version - 1, "END")
          memory.append(
            (
              f"version {version - 1} unloaded",
              serving_clients.resident_bytes(port),
            )
          )
        serving_models.write_corrupt(base, _DAMAGED, base / str(_VERSIONS[-1]))
        serving_clients.wait_for_state(port, _DAMAGED, "END")
        time.sleep(max(end - time.monotonic(), 0))
        states = serving_clients.states(port)
        errors = list(asked.errors)
        answered = len(asked.seconds)
        server.process.send_signal(signal.SIGTERM)
        status = server.process.wait(timeout=60)
        asked.end()
  timing.print_table(
    f"{clients} clients for {seconds:.0f} s, versions "
    f"{_VERSIONS} and a damaged one",
    ["", "figure"],
    [
      ["requests answered", f"{answered:,}"],
      ["requests failed", f"{len(errors)}"],
      *(
        [f"answered by version {version}", f"{count:,}"]
        for version, count in sorted(asked.versions.items())
        if version
      ),
      ["p50", milliseconds(asked.seconds, 50)],
      ["p99", milliseconds(asked.seconds, 99)],
      *([f"memory, {when}", f"{size >> 20:,} MiB"] for when, size in memory),
      ["exit status after SIGTERM", str(status)],
      ["answered after SIGTERM", f"{len(asked.seconds) - answered:,}"],
    ],
    [
      f"the weights of a version are {_BALLAST_KIB >> 10} MiB",
      f"version {_DAMAGED}: {states[str(_DAMAGED)]['status']}",
      *(f"error: {error}" for error in errors[:5]),
      *(
        f"after SIGTERM: {e}" for e in sorted(set(asked.errors[len(errors) :]))
      ),
    ],
  )


def measure(
  base: pathlib.Path,
  questions: Sequence[str],
  clients: Sequence[int],
  seconds: float,
) -> None:
  """Prints latency and throughput of an export, batched and not."""
  rows = []
  for batched in (False, True):
    flags = ["--enable_batching"] if batched else []
    with serving(base, *flags) as server:
      for count in clients:
        for pause in (_WARM_UP_SECONDS, seconds):
          asked = serving_clients.Load(questions)
          with asked.clients(count, server.port):
            time.sleep(pause)
        rows.append(
          [
            f"{'batched' if batched else 'one by one'}, {count} clients",
            milliseconds(asked.seconds, 50),
            milliseconds(asked.seconds, 99),
            f"{len(asked.seconds) / seconds:,.1f}",
            str(len(asked.errors)),
          ]
        )
  timing.print_table(
    f"questions to {base}",
    ["", "p50", "p99", "questions/s", "failed"],
    rows,
  )


def milliseconds(seconds: Sequence[float], percent: int) -> str:
  """Returns a percentile, for a table; "-" of too few."""
  if len(seconds) < 2:
    return "-"
  cut = statistics.quantiles(seconds, n=100)[percent - 1]
  return f"{cut * 1000:,.1f} ms"


def main() -> None:
  """Measures what the flags name."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument("--clients", type=int, nargs="*", default=None)
  parser.add_argument("--seconds", type=float, default=None)
  parser.add_argument("--export", type=pathlib.Path, default=None)
  parser.add_argument("--questions", type=pathlib.Path, default=None)
  args = parser.parse_args()
  environment.configure()
  if args.export is None:
    roll((args.clients or [64])[0], args.seconds or 120.0)
    return
  questions = (
    args.questions.read_text(encoding="utf-8").splitlines()
    if args.questions
    else ["who wrote hamlet", "what is the capital of france"]
  )
  measure(
    args.export, questions, args.clients or [1, 16, 64], args.seconds or 15
  )


if __name__ == "__main__":
  main()
