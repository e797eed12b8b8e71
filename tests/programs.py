"""Programs of their own, for tests that set up devices."""

import json
from typing import Any

from tests import forked_commands


def run(
  module: str, *arguments: str, timeout_secs: int = 300
) -> dict[str, Any]:
  """Runs a module to its end, however that comes.

  Returns:
    What `forked_commands.run` returns.
  """
  return forked_commands.run_module(
    module, arguments, timeout_secs=timeout_secs
  )


def result_of(module: str, *arguments: str, timeout_secs: int = 300) -> Any:
  """Runs a module to its good end; returns the JSON of its last line."""
  done = run(module, *arguments, timeout_secs=timeout_secs)
  assert done["status"] == 0, done["stderr"][-3000:]
  return json.loads(done["stdout"].splitlines()[-1])
