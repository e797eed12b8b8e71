"""Runs the Python programs that the documentation shows."""

import pathlib
import re
import runpy

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_PROGRAM = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def files():
  """The documents that hold a program, by their path."""
  paths = [_ROOT / "README.md", *_ROOT.glob("docs/*.md")]
  return {str(path.relative_to(_ROOT)) for path in paths if _programs(path)}


def run(path, folder, monkeypatch):
  """Runs a document's program in a folder; returns what it defines."""
  (program,) = _programs(_ROOT / path)
  file = folder / "program.py"
  file.write_text(program)
  monkeypatch.chdir(folder)
  return runpy.run_path(str(file))


def _programs(path):
  return _PROGRAM.findall(path.read_text())
