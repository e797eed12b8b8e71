"""Writes the files of this stack, which the tests read on both.

python -m tests.across_stacks.make_files

On each of the two stacks; needed anew only where a format changes.
"""

import json
import pathlib
import tarfile
import tempfile

from realm_tf import environment

environment.configure()

import tensorflow as tf  # noqa: E402

from tests.across_stacks import observed  # noqa: E402
from tests.across_stacks import world  # noqa: E402

FOLDER = pathlib.Path(__file__).resolve().parent
EXPECTED = "expected.json"


def main() -> None:
  """Writes `tf2.15.tar.xz` or `tf2.20.tar.xz`, beside this file."""
  release = ".".join(tf.__version__.split(".")[:2])
  with tempfile.TemporaryDirectory() as folder:
    root = pathlib.Path(folder) / f"tf{release}"
    root.mkdir()
    world.write(root)
    # Of a training that was not interrupted.
    seen = {"checkpoint": observed.losses(root / "finished")}
    world.prune(root)
    for kind in observed.KINDS:
      name = kind.__name__
      seen[name] = seen.get(name) or kind(root)
    (root / EXPECTED).write_text(json.dumps(seen, indent=1) + "\n")
    with tarfile.open(FOLDER / f"tf{release}.tar.xz", "w:xz", preset=9) as tar:
      tar.add(root, root.name)


if __name__ == "__main__":
  main()
