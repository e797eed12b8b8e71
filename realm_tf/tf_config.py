"""The variable that names the cluster of a process, and its place in it."""

import json
import os

from realm_tf import errors

NAME = "TF_CONFIG"


def count_workers() -> int:
  """Returns how many workers `TF_CONFIG` names; 1 where it names none.

  Raises:
    errors.UserError: If it is damaged, or names processes of other kinds.
  """
  value = os.environ.get(NAME, "")
  if not value:
    return 1
  try:
    found = json.loads(value)
    cluster = found.get("cluster", {})
    tasks = {kind: len(addresses) for kind, addresses in cluster.items()}
    kind, index = "worker", 0
    if tasks:
      kind, index = found["task"]["type"], int(found["task"]["index"])
  except errors.MALFORMED as e:
    raise errors.UserError(
      f"{NAME} is damaged: {e!r}. It is a JSON object with `cluster`, "
      "which lists the addresses of all workers, and `task`, the type and "
      "index of this process."
    ) from e
  if sum(tasks.values()) < 2:
    return 1
  if not {*tasks, kind} <= {"chief", "worker"} or index >= tasks.get(kind, 0):
    raise errors.UserError(
      f"{NAME} names the task {kind}:{index} of a cluster of "
      f"{', '.join(f'{n} {k}' for k, n in tasks.items())}: each process is one "
      "of its workers, the first of which may be called chief."
    )
  return sum(tasks.values())
