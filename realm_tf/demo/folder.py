"""The demo's folder: removes what an earlier demo has left."""

import os
import re

from realm_tf import absent
from realm_tf import errors
from realm_tf import files
from realm_tf.data.corpus import corpus_folder

MARKER = "demo.json"

_CORPUS = "corpus"
_OWN = re.compile(
  rf"{re.escape(MARKER)}|questions\.jsonl|report\.(md|json)|{_CORPUS}"
  r"|(mlm|ict|realm|qa)(/(config\.json|run_state\.json|refresher\.log"
  r"|\.trainer\.lock|\.refresher\.lock|(checkpoints|exports|index"
  r"|index_in_use|corpora|evaluation|tensorboard)(/.*)?))?"
  r"|served(/(\d+|\.\d+-\w+)(/.*)?)?"
)


def make_room(output: str) -> None:
  """Empties a folder of an earlier demo, or makes it.

  Args:
    output: The folder; where it is a link, the folder that it leads to.

  Raises:
    errors.UserError: If it holds anything that no demo has written.
  """
  if os.path.isdir(output) and os.listdir(output):
    if not os.path.exists(os.path.join(output, MARKER)):
      raise absent.demo(output)
    for name in _foreign(output):
      raise errors.UserError(
        f"output={output} holds {name}, which is no part of the demo: move "
        "it elsewhere, or give another folder."
      )
    # The marker last: a demo that is killed before can begin again.
    for name in sorted(os.listdir(output), key=MARKER.__eq__):
      path = os.path.join(output, name)
      (files.remove_tree if os.path.isdir(path) else os.remove)(path)
  try:
    os.makedirs(output, exist_ok=True)
  except OSError as e:
    raise errors.UserError(
      f"output={output} cannot be made ({e.strerror}): give another folder."
    ) from e


def _foreign(output: str) -> list[str]:
  """Returns the files in the folder that no demo has written."""
  corpus = os.path.join(output, _CORPUS)
  in_corpus = f"{_CORPUS}/"
  names = [
    name
    for name in files.below(output)
    if not name.startswith(in_corpus) and not _OWN.fullmatch(name.rstrip("/"))
  ]
  if os.path.isdir(corpus):
    names += [in_corpus + name for name in corpus_folder.foreign(corpus)]
  return names
