"""Attacks the package, and holds what it does to one rule.

python -m tests.chaos --minutes=30 --seed=0
python -m tests.chaos --disks=20
python -m tests.chaos --kills=130
python -m tests.chaos --swaps=300

The rule: one line that names the file, or the right result; nothing of the
user's lost, nothing half-written taken for whole. By default, damages every
kind of file that is read (`readers.py`, `mutations.py`), prints a table by
reader and outcome, and a command that repeats each breach. --disks runs every
writing command on full disks (`disks.py`, as root), --kills ends trainers and
refreshers at random moments, and --swaps changes the index of one process again
and again. The status is 1 if anything was not as it has to be.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from realm_tf import environment
from tests.chaos import disks
from tests.chaos import file_attack
from tests.chaos import readers
from tests.chaos import report
from tests.chaos import swaps
from tests.chaos import verdicts

_EVERY_SECS = 60
_KILLED = ("test_trainer_kill.py", "test_refresh_kill.py")


def _arguments() -> argparse.Namespace:
  names = [reader.name for reader in readers.READERS]
  writing = [command.name for command in disks.COMMANDS]
  parser = argparse.ArgumentParser(prog="python -m tests.chaos")
  parser.add_argument("--minutes", type=float, default=5)
  parser.add_argument("--seed", type=int, default=0)
  parser.add_argument("--inputs", type=int, help="at most so many")
  parser.add_argument("--workers", type=int, default=2)
  parser.add_argument(
    "--reader", action="append", choices=names, help="by default all"
  )
  parser.add_argument("--case", help="repeat one attack on the one --reader")
  parser.add_argument("--disks", type=int, help="of so many sizes")
  parser.add_argument(
    "--command", action="append", choices=writing, help="with --disks"
  )
  parser.add_argument("--kills", type=int, help="of each kind of process")
  parser.add_argument("--swaps", type=int, help="of an index")
  arguments = parser.parse_args()
  arguments.reader = arguments.reader or names
  if arguments.case and len(arguments.reader) != 1:
    parser.error("--case needs one --reader")
  return arguments


def main() -> int:
  """Attacks; returns the exit status."""
  environment.configure()
  arguments = _arguments()
  if arguments.kills:
    return _kill(arguments.kills)
  with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    if arguments.disks:
      return _fill_disks(arguments, folder)
    if arguments.swaps:
      return swaps.run(arguments.swaps, folder)
    if arguments.case:
      attack = file_attack.repeat(*arguments.reader, arguments.case, folder)
      print(attack)
      return int(attack.verdict in verdicts.BREACHES)
    return _damage_files(arguments, folder)


def _damage_files(arguments: argparse.Namespace, folder: pathlib.Path) -> int:
  attacks: list[verdicts.Attack] = []
  started = shown = time.monotonic()
  for attack in file_attack.run(
    arguments.seed,
    arguments.reader,
    folder,
    until=started + 60 * arguments.minutes,
    most=arguments.inputs,
    workers=arguments.workers,
  ):
    attacks.append(attack)
    if attack.verdict in verdicts.BREACHES:
      print(attack, flush=True)
    if time.monotonic() > shown + _EVERY_SECS:
      shown = time.monotonic()
      print(f"{len(attacks):,} inputs", flush=True)
  print(report.table(attacks))
  found = report.breaches(attacks)
  print(f"\n{found}" if found else "\nNo breach.")
  return 1 if found else 0


def _fill_disks(arguments: argparse.Namespace, folder: pathlib.Path) -> int:
  state = folder / "state"
  state.mkdir()
  disks.make_state(state)
  breaches = []
  print("| command | full | enough room | breaches |\n|---|---|---|---|")
  for command in disks.COMMANDS:
    if command.name not in (arguments.command or [command.name]):
      continue
    found = disks.attack(command, state, folder / "disk", arguments.disks)
    counts = f"{found.refused} | {found.done} | {len(found.breaches)}"
    print(f"| {found.command} | {counts} |", flush=True)
    breaches += [f"{found.command}: {breach}" for breach in found.breaches]
  print("\n" + "\n".join(breaches))
  return int(bool(breaches))


def _kill(kills: int) -> int:
  folder = pathlib.Path(__file__).resolve().parents[1] / "end_to_end"
  return subprocess.run(
    [sys.executable, "-m", "pytest", "-q", *(folder / n for n in _KILLED)],
    env=os.environ | {"REALM_TF_KILLS": str(kills)},
    check=False,
  ).returncode


if __name__ == "__main__":
  sys.exit(main())
