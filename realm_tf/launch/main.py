"""The script `realm`: lists the commands, and runs one of them.

`realm pretrain ...` is `python -m realm_tf.launch.pretrain ...`.
"""

import ast
import difflib
import pathlib
import runpy
import shutil
import signal
import sys
import textwrap

import realm_tf
from realm_tf import errors
from realm_tf.launch import command
from realm_tf.launch import help_text

# In the order in which they are met.
COMMANDS = (
  "demo",
  "build_corpus",
  "edit_corpus",
  "annotate_spans",
  "train_tagger",
  "import_checkpoint",
  "pretrain_mlm",
  "pretrain_ict",
  "pretrain",
  "refresh_index",
  "finetune",
  "evaluate",
  "ask",
  "export",
  "serve",
  "drqa",
  "graph_retriever",
  "path_retriever",
  "t5",
  "knn_lm",
  "reproduce",
)
_VERSION = ("-version", "--version")


def main() -> None:
  """Runs the command that the arguments name, or lists all commands."""
  name = sys.argv[1] if len(sys.argv) > 1 else "help"
  if name in COMMANDS:
    _run(name)
  elif name == "help" or help_text.is_wanted(sys.argv[:2]):
    # A reader such as `head` may close the pipe early.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    print(_help())
  elif name in _VERSION:
    print(f"realm_tf {realm_tf.__version__}")
  else:
    with command.mistakes_in_one_line():
      raise _unknown(name)


def _run(name: str) -> None:
  """Does what `python -m` does, with the arguments that follow the name."""
  module = f"realm_tf.launch.{name}"
  sys.argv = [module, *sys.argv[2:]]
  runpy.run_module(module, run_name="__main__", alter_sys=True)


def _help() -> str:
  width = shutil.get_terminal_size((80, 24)).columns
  longest = max(map(len, COMMANDS))
  lines = [realm_tf.__doc__ or "", "", "realm COMMAND --FLAG=VALUE ...", ""]
  for name in COMMANDS:
    lines += textwrap.wrap(
      f"  {name:{longest}}  {_summary(name)}",
      max(width, 2 * longest),
      subsequent_indent=" " * (longest + 4),
    )
  lines += ["", "`realm COMMAND --help` lists the flags of a command."]
  return "\n".join(lines)


def _summary(name: str) -> str:
  """Returns the first line of a command's docstring, without importing it."""
  source = pathlib.Path(__file__).with_name(f"{name}.py")
  tree = ast.parse(source.read_text(encoding="utf-8"))
  return (ast.get_docstring(tree) or "").partition("\n")[0]


def _unknown(name: str) -> errors.UserError:
  close = difflib.get_close_matches(name.lower(), COMMANDS, n=1, cutoff=0.5)
  hint = f"Did you mean {close[0]}?" if close else "`realm` lists all."
  return errors.UserError(f"There is no command {name!r}. {hint}")
