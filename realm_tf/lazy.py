"""Lazy packages: a public name is loaded on first use.

So importing a package costs nothing: TensorFlow, which takes seconds, comes
with the first name that needs it.
"""

import importlib
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any


def attach(
  package: str, modules: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
  """Returns a package's `__getattr__` and `__dir__`.

  Args:
    package: Its `__name__`.
    modules: The module that each public name is in, or is, where the module's
      last part is the name.
  """

  def getattr_(name: str) -> Any:
    if name not in modules:
      raise AttributeError(f"module {package!r} has no attribute {name!r}")
    from realm_tf import environment

    environment.configure()  # before TensorFlow is imported
    module = importlib.import_module(modules[name])
    if modules[name].rpartition(".")[2] == name:
      return module
    return getattr(module, name)

  return getattr_, lambda: sorted(modules)
