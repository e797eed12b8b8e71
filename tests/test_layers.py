"""Rooms import only rooms below them, and no files each other in circles."""

import ast
import graphlib
import pathlib

import realm_tf

_ROOT = pathlib.Path(realm_tf.__file__).parent

# From the lowest room to the highest, as docs/architecture.md draws them; what
# stands in one line has no order. A package stands for its subpackages, but for
# those that have a line of their own.
_ROOMS = (
  "errors",
  "dataset_options files interruption progress typed",
  "environment stack tf_config",
  "absent devices lazy saved_models",
  "encyclopedia",
  "configs",
  "runs suggestions text",
  "data.formats data.block_records data.beam_runs data.mapped_arrays",
  "data.tfrecords",
  "data.documents data.jsonl",
  "data.corpus",
  "data.ingest",
  "data.sentences",
  "data.examples",
  "data.questions",
  "data.tagging",
  "models",
  "checkpoints",
  "export",
  "index.search",
  "index.device",
  "index.versions",
  "index.build",
  "index.job",
  "plans",
  "answering.retrievers",
  "answering",
  "evaluation",
  "training.init",
  "training",
  "training.tasks",
  "training.recipes",
  "tpu",
  "baselines",
  "serving.client serving.server",
  "serving.export",
  "serving",
  "demo",
  "reproduction",
  "launch",
  "__main__",
)


def _modules():
  """Returns the paths of all modules by name, less the leading realm_tf."""
  paths = {}
  for path in _ROOT.rglob("*.py"):
    parts = path.relative_to(_ROOT).with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    paths[".".join(parts)] = path
  return paths


def _imports():
  """Returns which modules each module imports."""
  paths = _modules()
  found = {}
  for name, path in paths.items():
    found[name] = set()
    for node in ast.walk(ast.parse(path.read_text())):
      if not isinstance(node, ast.ImportFrom) or not node.module:
        continue
      package, _, module = node.module.partition(".")
      if package != "realm_tf":
        continue
      for alias in node.names:
        whole = f"{module}.{alias.name}".strip(".")
        found[name].add(whole if whole in paths else module)
  return found


def _level(module):
  """Returns the number of the room that a module is in."""
  levels = {
    room: level for level, line in enumerate(_ROOMS) for room in line.split()
  }
  while module not in levels:
    assert module, "a room is missing in _ROOMS"
    module = module.rpartition(".")[0]
  return levels[module], module


def test_no_import_runs_up():
  up = []
  for module, imported in _imports().items():
    # The packages' own files hand names on: docs/api.md.
    if not module or _modules()[module].name == "__init__.py":
      continue
    level, room = _level(module)
    for other in imported - {""}:  # realm_tf itself, for its version
      other_level, other_room = _level(other)
      if other_level > level or (other_level == level and other_room != room):
        up.append(f"{module} imports {other}")
  assert not up


def test_no_files_import_each_other():
  graphlib.TopologicalSorter(_imports()).prepare()  # raises at a circle


def test_estimator_is_imported_in_one_module():
  users = [
    name
    for name, path in _modules().items()
    if "estimator" in path.read_text() and "tf.estimator" in path.read_text()
  ]
  assert users == ["index.build.embed_estimator"]
