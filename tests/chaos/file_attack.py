"""Attacks readers with damaged files, in processes that may hang or die."""

import collections
import concurrent.futures
import json
import os
import pathlib
import queue
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

from tests.chaos import readers
from tests.chaos import verdicts

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_HANG_SECS = 20
_PATIENT_SECS = 60  # a second time, as others may use the processor
# For imports, and what is read of a reader's good files when it comes first.
_START_SECS = 200
# Root may read what no one may, unless it gives that up.
_AS_ANYONE = (
  *("setpriv", "--bounding-set=-dac_override,-dac_read_search"),
  "--inh-caps=-dac_override,-dac_read_search",
)


class _Worker:
  """A process that attacks; see `worker.py`."""

  def __init__(self, good: pathlib.Path, working: pathlib.Path):
    is_root = os.geteuid() == 0 and shutil.which("setpriv")
    self._process = subprocess.Popen(
      [
        *(_AS_ANYONE if is_root else ()),
        *(sys.executable, "-m", "tests.chaos.worker", good, working),
      ],
      stdin=subprocess.PIPE,
      stdout=subprocess.PIPE,
      cwd=_ROOT,
      text=True,
    )
    self._lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=self._read, daemon=True).start()
    self._next_line(_START_SECS)  # ready

  def attack(self, reader: str, case: str, secs: float) -> verdicts.Attack:
    """Returns what came of an attack; a hang after so many seconds."""
    order = json.dumps({"reader": reader, "case": case})
    self._process.stdin.write(order + "\n")
    self._process.stdin.flush()
    damage = ""
    try:
      damage = self._next_line(_START_SECS)["damage"]
      return verdicts.Attack(**self._next_line(secs))
    except TimeoutError:
      verdict, message = verdicts.HANG, f"{secs:.0f} s"
    except EOFError:
      self._process.wait()
      verdict, message = verdicts.DIED, f"status {self._process.returncode}"
    self.end()
    return verdicts.Attack(reader, case, damage, verdict, message)

  def _next_line(self, secs: float) -> Any:
    """Returns what the next line holds.

    Raises:
      TimeoutError: If none has come after so many seconds.
      EOFError: If the process has ended.
    """
    try:
      line = self._lines.get(timeout=secs)
    except queue.Empty:
      raise TimeoutError from None
    if not line:
      raise EOFError
    return json.loads(line)

  def _read(self) -> None:
    with self._process.stdout as lines:
      for line in lines:
        self._lines.put(line)
    self._lines.put("")

  def end(self) -> None:
    """Ends the process."""
    self._process.kill()
    self._process.wait()
    self._process.stdin.close()


def make_good_files(folder: pathlib.Path, names: Sequence[str]) -> None:
  """Writes the good files of each reader, into a folder of its name."""
  for reader in readers.READERS:
    if reader.name in names:
      (folder / reader.name).mkdir(parents=True)
      reader.make(folder / reader.name)


def cases(seed: int, names: Sequence[str]) -> Iterator[tuple[str, str]]:
  """Yields readers and cases without end."""
  rng = random.Random(seed)
  chosen = [reader for reader in readers.READERS if reader.name in names]
  counts = collections.Counter[str]()
  while True:
    (reader,) = rng.choices(chosen, [reader.weight for reader in chosen])
    counts[reader.name] += 1
    yield reader.name, f"{seed}-{counts[reader.name]}"


def run(
  seed: int,
  names: Sequence[str],
  folder: pathlib.Path,
  *,
  until: float = float("inf"),
  most: int | None = None,
  workers: int = 2,
) -> Iterator[verdicts.Attack]:
  """Attacks until a moment, or so many times; yields what came of each.

  Args:
    seed: The same one attacks in the same ways.
    names: Of the readers.
    folder: For all files; it must exist.
    until: As `time.monotonic` tells it.
    most: How often.
    workers: How many processes.
  """
  good, working = folder / "good", folder / "working"
  working.mkdir()
  make_good_files(good, names)
  orders = cases(seed, names)
  given = 0
  with concurrent.futures.ThreadPoolExecutor(workers) as pool:
    hands = [_Hand(good, working) for _ in range(workers)]
    running = {}
    try:
      while True:
        while hands and time.monotonic() < until and given != most:
          given += 1
          hand = hands.pop()
          running[pool.submit(hand.attack, *next(orders))] = hand
        if not running:
          return
        done, _ = concurrent.futures.wait(
          running, return_when=concurrent.futures.FIRST_COMPLETED
        )
        for future in done:
          hands.append(running.pop(future))
          yield future.result()
    finally:
      for hand in [*hands, *running.values()]:
        hand.end()


def repeat(reader: str, case: str, folder: pathlib.Path) -> verdicts.Attack:
  """Repeats an attack; returns what came of it."""
  make_good_files(folder / "good", [reader])
  (folder / "working").mkdir()
  hand = _Hand(folder / "good", folder / "working")
  try:
    return hand.attack(reader, case)
  finally:
    hand.end()


class _Hand:
  """Attacks with a worker, and takes a new one after a hang or a death."""

  def __init__(self, good: pathlib.Path, working: pathlib.Path):
    self._folders = good, working
    self._worker: _Worker | None = None

  def attack(self, reader: str, case: str) -> verdicts.Attack:
    """Returns what came of an attack, tried again if it hung."""
    for secs in (_HANG_SECS, _PATIENT_SECS):
      self._worker = self._worker or _Worker(*self._folders)
      found = self._worker.attack(reader, case, secs)
      if found.verdict in (verdicts.HANG, verdicts.DIED):
        self._worker = None
      if found.verdict != verdicts.HANG:
        break
    return found

  def end(self) -> None:
    """Ends the worker."""
    if self._worker is not None:
      self._worker.end()
