"""Runs the Python programs that the documentation shows."""

import pathlib
import re
import runpy

ROOT = pathlib.Path(__file__).resolve().parents[1]
_PROGRAM = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def files():
  """The documents that hold a program, by their path."""
  paths = [ROOT / "README.md", *ROOT.glob("docs/*.md")]
  return {str(path.relative_to(ROOT)) for path in paths if _programs(path)}


def run(path, folder, monkeypatch, *, with_text="", **replaced):
  """Runs a document's program in a folder; returns what it defines.

  Args:
    path: The document.
    folder: Where it runs.
    monkeypatch: The fixture.
    with_text: What tells the program from others of the document.
    **replaced: `old` and `new`: what is changed in the program.
  """
  (program,) = (p for p in _programs(ROOT / path) if with_text in p)
  if replaced:
    assert replaced["old"] in program
    program = program.replace(replaced["old"], replaced["new"])
  file = folder / "program.py"
  file.write_text(program)
  monkeypatch.chdir(folder)
  return runpy.run_path(str(file))


def _programs(path):
  return _PROGRAM.findall(path.read_text())
