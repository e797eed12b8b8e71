"""Files as `torch.save` writes them, without torch."""

import struct
import zipfile

import numpy as np

STORAGES = {"f4": "FloatStorage", "f2": "HalfStorage", "i8": "LongStorage"}
TENSOR = b"ctorch._utils\n_rebuild_tensor_v2\n"


def text(value):
  """The opcode of a text."""
  raw = value.encode()
  return b"X" + struct.pack("<I", len(raw)) + raw


def integers(values):
  """The opcodes of a tuple of numbers."""
  return b"(" + b"".join(number(v) for v in values) + b"t"


def number(value):
  """The opcode of a number."""
  return b"J" + struct.pack("<i", value)


def tensor(key, array, count=None):
  """The opcodes of a tensor.

  Args:
    key: Of its bytes.
    array: The tensor.
    count: Of numbers that the file announces; None for the tensor's.
  """
  kind = STORAGES[array.dtype.str[1:]].encode()
  count = array.size if count is None else count
  steps = [
    step // array.itemsize
    for step in np.empty(array.shape, array.dtype).strides
  ]
  return (
    TENSOR
    + b"(("
    + text("storage")
    + b"ctorch\n"
    + kind
    + b"\n"
    + text(key)
    + text("cpu")
    + number(count)
    + b"tQ"
    + number(0)
    + integers(array.shape)
    + integers(steps)
    + b"\x89ccollections\nOrderedDict\n)RtR"
  )


def pickled(arrays):
  """The pickle of a dict of tensors, whose keys are numbers in order."""
  items = b"".join(
    text(name) + tensor(str(key), array)
    for key, (name, array) in enumerate(arrays.items())
  )
  return b"\x80\x02}(" + items + b"u."


def write(path, arrays, program=None):
  """Writes a file.

  Args:
    path: The file.
    arrays: By name.
    program: The pickle; None for that of the arrays.
  """
  with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
    archive.writestr("archive/data.pkl", program or pickled(arrays))
    archive.writestr("archive/version", "3\n")
    for key, array in enumerate(arrays.values()):
      archive.writestr(f"archive/data/{key}", np.ascontiguousarray(array))
