"""Runs steps, each once: what is finished is known by a record of its own."""

import logging
import os
import time
from typing import Any

from realm_tf import errors
from realm_tf import files
from realm_tf.reproduction import plan
from realm_tf.reproduction import processes

_log = logging.getLogger(__name__)

_RECORDS = "steps"


class Runner:
  """Runs the steps of a folder."""

  def __init__(self, output: str, run: processes.RunFunction = processes.run):
    """Takes the folder.

    Args:
      output: Where the steps write, and their records are kept.
      run: Runs a command.
    """
    self._output = output
    self._run = run

  def is_done(self, step: plan.Step) -> bool:
    """Returns whether a step is finished, and all its files are there.

    Raises:
      errors.UserError: If another command made what is there.
    """
    record = self._record(step)
    if record and record["command"] != step.line:
      raise errors.UserError(
        f"output={self._output} holds {step.name} of another command: "
        f"{record['command']}. Name another folder, or remove "
        f"{self._path(step)} and what that command has written."
      )
    has_files = all(os.path.exists(path) for path in step.files)
    return bool(record and record["done"] and has_files)

  def secs(self, step: plan.Step) -> float:
    """Returns how long a step took, over all its starts."""
    record = self._record(step)
    return record["secs"] if record else 0.0

  def run(self, step: plan.Step) -> None:
    """Runs a step, unless it is done.

    Raises:
      errors.UserError: If the command fails, or leaves a file out.
    """
    if self.is_done(step):
      return
    _log.info(f"\n$ {step.line}")
    before, started = self.secs(step), time.monotonic()

    def record(done: bool) -> None:
      taken = before + time.monotonic() - started
      os.makedirs(os.path.dirname(self._path(step)), exist_ok=True)
      files.write_json(
        self._path(step),
        {"command": step.line, "done": done, "secs": round(taken, 1)},
      )

    is_done = False
    try:
      status = self._run(step.argv)
      if status:
        raise errors.UserError(
          f"{step.command} ended with status {status}, in the step "
          f"{step.name}; it says why above. The same command goes on there."
        )
      missing = [path for path in step.files if not os.path.exists(path)]
      if missing:
        raise errors.UserError(
          f"{step.command} has not written {missing[0]}, in the step "
          f"{step.name}."
        )
      is_done = True
    finally:
      record(is_done)

  def _record(self, step: plan.Step) -> dict[str, Any] | None:
    """Returns what is known of a step; None before its first start.

    Raises:
      errors.UserError: If the record is damaged.
    """
    path = self._path(step)
    if not os.path.exists(path):
      return None
    try:
      record = files.read_json(path)
      return {
        "command": str(record["command"]),
        "done": bool(record["done"]),
        "secs": float(record["secs"]),
      }
    except errors.MALFORMED as e:
      raise errors.UserError(
        f"{path} is damaged: {e!r}. Remove it; its command goes on."
      ) from e

  def _path(self, step: plan.Step) -> str:
    return os.path.join(self._output, _RECORDS, f"{step.name}.json")
