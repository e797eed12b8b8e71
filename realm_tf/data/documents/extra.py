"""The packages that read documents, an extra of the installation."""

import importlib.util

from realm_tf import errors

# What must be importable for each kind of files.
_MODULES = {
  "markdown": ("markdown_it", "bs4", "lxml"),
  "html": ("bs4", "lxml"),
  "pdf": ("pypdfium2",),
}


def check(kind: str, path: str) -> None:
  """Raises if files of a kind cannot be read.

  Args:
    kind: One of `read_document.KINDS`.
    path: A file of it, for the message.

  Raises:
    errors.UserError: If a package is missing.
  """
  for module in _MODULES.get(kind, ()):
    if importlib.util.find_spec(module) is None:
      raise errors.UserError(
        f"{path} is {kind}, which the extra `documents` reads: run 'python -m "
        "pip install realm_tf[documents]'."
      )
