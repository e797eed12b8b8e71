"""Fills disks: each writing command on disks of many sizes, then with room.

A disk is a tmpfs of its own, which only root may mount. On one that is too
small, a command ends in one line and status 2, or 0 where the room was enough;
on the same disk made larger, the same command then ends well, and leaves the
files that it would have left at once.
"""

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from collections.abc import Mapping
from typing import NamedTuple

from tests import forked_commands
from tests.across_stacks import make_files
from tests.checkpoints import formats
from tests.end_to_end import tiny_runs

_LARGE = 1 << 30
_BLOCK = 4096
_SMALL_MODEL = {
  **{"num_layers": 1, "hidden_size": 16, "num_heads": 2, "max_positions": 80},
  **{"intermediate_size": 32, "batch_size": 4, "precision": "float32"},
  **{"train_steps": 4, "checkpoint_every_steps": 2, "warmup_steps": 1},
}
# The model of the run that is fine-tuned.
_OF_REALM = {
  **{"num_layers": 1, "hidden_size": 8, "num_heads": 2, "max_positions": 80},
  **{"intermediate_size": 16, "projection_size": 8, "reader_length": 80},
  **{"query_length": 24, "passage_length": 48, "warmup_steps": 1},
}
_OF_SENTENCES = {"heldout_fraction": 0.4}
_WITH_PASSAGES = _OF_SENTENCES | {"query_length": 24, "passage_length": 40}


class Command(NamedTuple):
  """A command that writes to the disk.

  Attributes:
    name: Its name.
    needs: Files and folders of the state that it reads or changes.
    flags: Its flags; {root} stands for the disk.
  """

  name: str
  needs: tuple[str, ...]
  flags: tuple[str, ...]


def _model(**fields: object) -> tuple[str, ...]:
  return _flags(_SMALL_MODEL | fields)


def _flags(fields: Mapping[str, object]) -> tuple[str, ...]:
  return tuple(f"--config.{name}={value}" for name, value in fields.items())


_CORPUS = "--corpus={root}/corpus"
COMMANDS = (
  Command(
    "build_corpus",
    ("articles.jsonl",),
    (
      *("--input={root}/articles.jsonl", "--output={root}/built"),
      *("--vocab_size=150", "--num_shards=2"),
    ),
  ),
  Command(
    "annotate_spans", ("plain",), ("--corpus={root}/plain", "--tagger=rules")
  ),
  Command(
    "edit_corpus",
    ("corpus", "more.jsonl", "qa", "realm"),
    (
      *(_CORPUS, "--output={root}/edited", "--add={root}/more.jsonl"),
      "--model_dir={root}/qa",
    ),
  ),
  Command(
    "train_tagger",
    ("labelled", "corpus"),
    (
      *("--config=tiny", "--data={root}/labelled", "--model_dir={root}/new"),
      *("--vocab={root}/corpus/vocab.txt", *_model()),
    ),
  ),
  Command(
    "pretrain_mlm",
    ("corpus",),
    (
      *("--config=tiny", _CORPUS, "--model_dir={root}/new"),
      *_model(**_OF_SENTENCES),
    ),
  ),
  Command(
    "pretrain_ict",
    ("corpus",),
    (
      *("--config=tiny", _CORPUS, "--model_dir={root}/new"),
      *_model(**_WITH_PASSAGES),
    ),
  ),
  Command(
    "pretrain",
    ("corpus",),
    (
      *("--config=tiny", _CORPUS, "--model_dir={root}/new", "--refresh=off"),
      *_model(**_WITH_PASSAGES),
    ),
  ),
  Command("refresh_index", ("corpus", "bare"), ("--model_dir={root}/bare",)),
  Command(
    "finetune",
    ("corpus", "realm", "questions.jsonl"),
    (
      *("--config=tiny", "--dataset={root}/questions.jsonl", _CORPUS),
      *("--dev_dataset={root}/questions.jsonl", "--init={root}/realm"),
      *("--model_dir={root}/new", "--config.train_steps=4"),
      *("--config.checkpoint_every_steps=2", "--config.batch_size=4"),
      *_flags(_OF_REALM),
    ),
  ),
  Command(
    "evaluate",
    ("corpus", "realm", "qa", "asked.jsonl"),
    ("--model_dir={root}/qa", "--dataset={root}/asked.jsonl"),
  ),
  Command(
    "export",
    ("corpus", "realm", "qa"),
    ("--model_dir={root}/qa", "--output={root}/out"),
  ),
  Command(
    "import_checkpoint",
    ("bert",),
    ("--source={root}/bert", "--output={root}/new"),
  ),
)


class Outcome(NamedTuple):
  """What a command did on disks of many sizes.

  Attributes:
    command: Its name.
    refused: How often it ended in a line on a full disk.
    done: How often the room was enough.
    breaches: What was not as it has to be.
  """

  command: str
  refused: int
  done: int
  breaches: tuple[str, ...]


def make_state(folder: pathlib.Path) -> None:
  """Writes what commands read."""
  with tarfile.open(make_files.FOLDER / "tf2.15.tar.xz") as tar:
    for member in tar.getmembers():
      _, _, path = member.name.partition("/")
      if path:
        tar.extract(member.replace(name=path), folder, filter="data")
  formats.hugging_face(folder / "bert")
  more = {"title": "Rome", "text": "Rome was shown in Oslo in 1900."}
  (folder / "more.jsonl").write_text(json.dumps(more) + "\n")
  # A run without an index, which a refresher makes.
  shutil.copytree(folder / "realm", folder / "bare")
  shutil.rmtree(folder / "bare" / "index")
  # A corpus that is not annotated yet.
  shutil.copytree(folder / "corpus", folder / "plain")
  shutil.rmtree(folder / "plain" / "sentences")
  # Questions that no run was trained on.
  questions = (folder / "questions.jsonl").read_text()
  (folder / "asked.jsonl").write_text(
    questions.replace("where was", "in which town was")
  )


@contextlib.contextmanager
def _disk(folder: pathlib.Path, size: int) -> Iterator[None]:
  folder.mkdir(exist_ok=True)
  _mount(folder, f"size={size}")
  try:
    yield
  finally:
    subprocess.run(["umount", "--lazy", folder], check=True)


def _mount(folder: pathlib.Path, options: str) -> None:
  subprocess.run(
    ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True
  )


def attack(
  command: Command, state: pathlib.Path, disk: pathlib.Path, sizes: int
) -> Outcome:
  """Runs a command on disks of many sizes.

  Args:
    command: The command.
    state: What `make_state` wrote.
    disk: A folder to mount disks on.
    sizes: How many.
  """
  with _disk(disk, _LARGE):
    _copy(command, state, disk)
    before = _used(disk)
    reference = _run(command, disk)
    after, wanted = _used(disk), _files(disk)
  if reference["status"] != 0:
    return Outcome(command.name, 0, 0, (f"fails: {reference['stderr']}",))
  refused = done = 0
  breaches = []
  for number in range(sizes):
    size = before + _BLOCK + (after - before) * number // sizes
    with _disk(disk, size):
      _copy(command, state, disk)
      outcome = _run(command, disk)
      if outcome["status"] == 0:
        done += 1
        continue
      lines = outcome["stderr"].strip().splitlines()
      last = lines[-1] if lines else ""
      is_line = outcome["status"] == 2 and last.startswith("error: ")
      if not is_line or "Traceback" in outcome["stderr"]:
        status = outcome["status"]
        breaches.append(f"{size:,} bytes: status {status}: {last[:300]}")
        continue
      refused += 1
      _mount(disk, f"remount,size={_LARGE}")
      again = _run(command, disk)
      if again["status"] != 0:
        why = again["stderr"].strip()[-300:]
        breaches.append(f"{size:,} bytes, then with room: {why}")
      elif missing := wanted - _files(disk):
        shown = ", ".join(sorted(missing)[:3])
        breaches.append(f"{size:,} bytes, then with room: lacks {shown}")
      elif left := {p for p in _files(disk) if p.endswith(".tmp")}:
        breaches.append(f"{size:,} bytes, then with room: leaves {left}")
  return Outcome(command.name, refused, done, tuple(breaches))


def _copy(command: Command, state: pathlib.Path, disk: pathlib.Path) -> None:
  for name in command.needs:
    source = state / name
    if source.is_dir():
      shutil.copytree(source, disk / name, symlinks=True)
    else:
      shutil.copy(source, disk / name)


def _run(command: Command, disk: pathlib.Path) -> dict:
  flags = [flag.format(root=disk) for flag in command.flags]
  return forked_commands.run(command.name, flags, tiny_runs.environment())


def _used(disk: pathlib.Path) -> int:
  stat = os.statvfs(disk)
  return (stat.f_blocks - stat.f_bfree) * stat.f_frsize


def _files(disk: pathlib.Path) -> set[str]:
  """Returns the files, but for those named after times and processes."""
  found = {str(p.relative_to(disk)) for p in disk.rglob("*") if p.is_file()}
  return {p for p in found if "events.out" not in p and ".lock" not in p}
