"""Damages files: by their bytes, lines, JSON, arrays, and what a path is.

A mutation takes a file and a generator of random numbers, changes the file, and
says in a few words what it did. `damage` chooses one that fits.
"""

import bz2
import gzip
import io
import json
import os
import pathlib
import random
import re
import shutil
import zlib
from collections.abc import Callable

import numpy as np

from realm_tf import files

_Rng = random.Random
_Mutation = Callable[[pathlib.Path, _Rng], str]

_JSON = (".json", ".jsonl")
_LINES = (".jsonl", ".conll", ".csv", ".txt", ".md", ".html", "wiki_00")
_COMPRESSED = {".gz": gzip, ".bz2": bz2}
# What a field of JSON becomes. Strings of digits and paths look harmless.
_VALUES = (
  *(None, True, False, 0, -1, 1, 2**31, 2**63, 10**400, 0.5, -0.0, 1e308),
  *("", "0", "../../../etc/passwd", "/etc/passwd", "gs://x/y", "\ud800"),
  *("a\x00b", "x" * 70_000, "\u202e", "{}", [], {}, [[]], [None], {"": {}}),
  *(float("nan"), float("inf"), float("-inf"), "NaN", "é" * 300),
)
_SCALARS = (2**31 - 1, 10**9, 1_000_000, 7, 3, 2, "float16", "int64", "bert")
_SNIPPETS = (
  *(b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\r\n", b"\n\n"),
  *(b"\x1f\x8b", b"BZh9", b"PK\x03\x04", b"\x80\x04.", b"<", b"{", b"]", b'"'),
  *(b"[" * 100_000, b"\t" * 50, b",,,,", b"%s%n", b"<doc id=", b"</doc>"),
  *(b"(a+)+$", b"O" * 70_000, b" B-PER", b"\xe2\x80\xa8", b"#" * 2000),
)


def damage(path: pathlib.Path, rng: _Rng) -> str:
  """Damages a file in one of the ways that fit it.

  Args:
    path: The file; it is changed, replaced or removed.
    rng: Chooses.

  Returns:
    What was done.
  """
  fitting: list[_Mutation] = [rng.choice(_OF_BYTES), rng.choice(_OF_PATHS)]
  weights = [4, 1]
  name = path.name.removesuffix(".gz").removesuffix(".bz2")
  for suffixes, mutations, weight in _OF_KINDS:
    if name.endswith(suffixes):
      fitting.append(rng.choice(mutations))
      weights.append(weight)
  mutation = rng.choices(fitting, weights)[0]
  packed = path.suffix in _COMPRESSED and mutation not in _OF_PATHS
  # Bytes are damaged inside half of the time.
  if packed and (mutation not in _OF_BYTES or rng.random() < 0.5):
    return _inside(path, mutation, rng)
  return mutation(path, rng)


def _inside(path: pathlib.Path, mutation: _Mutation, rng: _Rng) -> str:
  """Damages what a compressed file holds."""
  module = _COMPRESSED[path.suffix]
  plain = path.with_name(path.name.removesuffix(path.suffix) + ".plain")
  try:
    plain.write_bytes(module.decompress(path.read_bytes()))
  except (OSError, EOFError, zlib.error):  # It was damaged before.
    return _flip(path, rng)
  try:
    told = mutation(plain, rng)
    path.write_bytes(module.compress(plain.read_bytes()))
  finally:
    plain.unlink(missing_ok=True)
  return f"packed: {told}"


def _change(path: pathlib.Path, change: Callable[[bytes], bytes]) -> None:
  path.write_bytes(change(path.read_bytes()))


# Bytes.


def _truncate(path: pathlib.Path, rng: _Rng) -> str:
  size = path.stat().st_size
  kept = rng.choice([rng.randrange(size + 1), max(size - 1, 0), min(size, 10)])
  _change(path, lambda content: content[:kept])
  return f"cut after {kept} of {size} bytes"


def _empty(path: pathlib.Path, rng: _Rng) -> str:
  path.write_bytes(b"")
  return "emptied"


def _flip(path: pathlib.Path, rng: _Rng) -> str:
  content = bytearray(path.read_bytes())
  places = [rng.randrange(8 * len(content)) for _ in range(rng.randint(1, 4))]
  for place in places:
    content[place // 8] ^= 1 << place % 8
  path.write_bytes(content)
  return f"flipped bits {places}"


def _overwrite(path: pathlib.Path, rng: _Rng) -> str:
  content = bytearray(path.read_bytes())
  start = rng.randrange(len(content) + 1)
  part = rng.randbytes(rng.choice([1, 4, 64, 1024]))
  content[start : start + len(part)] = part
  path.write_bytes(content)
  return f"random bytes [{start}, {start + len(part)})"


def _zero(path: pathlib.Path, rng: _Rng) -> str:
  content = bytearray(path.read_bytes())
  start = rng.randrange(len(content) + 1)
  limit = min(len(content), start + rng.choice([1, 16, 512, 4096]))
  content[start:limit] = bytes(limit - start)
  path.write_bytes(content)
  return f"zeros [{start}, {limit})"


def _insert(path: pathlib.Path, rng: _Rng) -> str:
  part = rng.choice(_SNIPPETS)
  content = path.read_bytes()
  start = rng.choice([0, len(content), rng.randrange(len(content) + 1)])
  path.write_bytes(content[:start] + part + content[start:])
  return f"{part[:12]!r} x {len(part)} put in at {start}"


def _cut_out(path: pathlib.Path, rng: _Rng) -> str:
  content = path.read_bytes()
  start = rng.randrange(len(content) + 1)
  limit = min(len(content), start + rng.choice([1, 2, 8, 100, 5000]))
  path.write_bytes(content[:start] + content[limit:])
  return f"cut out [{start}, {limit})"


def _repeat(path: pathlib.Path, rng: _Rng) -> str:
  _change(path, lambda content: content + content)
  return "written twice, one after the other"


def _swap(path: pathlib.Path, rng: _Rng) -> str:
  content = path.read_bytes()
  middle = rng.randrange(len(content) + 1)
  path.write_bytes(content[middle:] + content[:middle])
  return f"turned around at {middle}"


_OF_BYTES = (
  *(_truncate, _truncate, _empty, _flip, _flip, _overwrite),
  *(_zero, _insert, _cut_out, _repeat, _swap),
)


# What a path is.


def _remove(path: pathlib.Path, rng: _Rng) -> str:
  path.unlink()
  return "removed"


def _folder(path: pathlib.Path, rng: _Rng) -> str:
  path.unlink()
  path.mkdir()
  return "a folder"


def _link_to_itself(path: pathlib.Path, rng: _Rng) -> str:
  path.unlink()
  path.symlink_to(path)
  return "a link to itself"


def _broken_link(path: pathlib.Path, rng: _Rng) -> str:
  path.unlink()
  path.symlink_to(path.with_name("nothing"))
  return "a broken link"


def _pipe(path: pathlib.Path, rng: _Rng) -> str:
  path.unlink()
  os.mkfifo(path)
  path.chmod(0o644)
  return "a pipe"


def _forbid(path: pathlib.Path, rng: _Rng) -> str:
  path.chmod(0)
  return "may not be read"


def _linked(path: pathlib.Path, rng: _Rng) -> str:
  """A link to the file, which is no damage."""
  target = path.with_name(f"{path.name}.target")
  shutil.move(path, target)
  path.symlink_to(target)
  return "a link to itself elsewhere"


_OF_PATHS = (
  *(_remove, _folder, _link_to_itself, _broken_link, _pipe, _forbid, _linked),
)


# Lines.


def _lines(path: pathlib.Path) -> list[bytes]:
  return path.read_bytes().split(b"\n")


def _drop_line(path: pathlib.Path, rng: _Rng) -> str:
  lines = _lines(path)
  number = rng.randrange(len(lines))
  path.write_bytes(b"\n".join(lines[:number] + lines[number + 1 :]))
  return f"line {number + 1} left out"


def _swap_lines(path: pathlib.Path, rng: _Rng) -> str:
  lines = _lines(path)
  one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
  lines[one], lines[other] = lines[other], lines[one]
  path.write_bytes(b"\n".join(lines))
  return f"lines {one + 1} and {other + 1} exchanged"


def _repeat_line(path: pathlib.Path, rng: _Rng) -> str:
  lines = _lines(path)
  number = rng.randrange(len(lines))
  path.write_bytes(b"\n".join([*lines, lines[number]]))
  return f"line {number + 1} again at the end"


def _encode(path: pathlib.Path, rng: _Rng) -> str:
  encoding = rng.choice(["utf-16", "utf-8-sig", "utf-32", "cp037"])
  text = path.read_bytes().decode("utf-8", "replace")
  path.write_bytes(text.encode(encoding, "replace"))
  return f"as {encoding}"


def _line_ends(path: pathlib.Path, rng: _Rng) -> str:
  end = rng.choice([b"\r\n", b"\r", b"\x0b", b"\n \n"])
  _change(path, lambda content: content.replace(b"\n", end))
  return f"lines end in {end!r}"


_OF_LINES = (_drop_line, _swap_lines, _repeat_line, _encode, _line_ends)


# JSON.


def _json_places(value: object, place: tuple = ()) -> list[tuple]:
  """Returns the places in a value, each as the keys that lead to it."""
  places = [place]
  if isinstance(value, dict):
    for key, inner in value.items():
      places += _json_places(inner, (*place, key))
  elif isinstance(value, list):
    for number, inner in enumerate(value[:20]):
      places += _json_places(inner, (*place, number))
  return places


def _edit_json(
  path: pathlib.Path, rng: _Rng, edit: Callable[[object, object], str]
) -> str:
  """Edits the container and key of a random place in a file's JSON."""
  lines = _lines(path) if path.stem.endswith("jsonl") else None
  lines = _lines(path) if ".jsonl" in path.name else lines
  filled = [n for n, line in enumerate(lines or []) if line.strip()]
  number = rng.choice(filled) if filled else 0
  text = lines[number] if lines else path.read_bytes()
  try:
    value = json.loads(text)
  except (ValueError, RecursionError):  # Damaged once already.
    return _flip(path, rng)
  holder = [value]
  place = (0, *rng.choice(_json_places(value)))
  container: object = holder
  for key in place[:-1]:
    container = container[key]  # type: ignore[index]
  told = edit(container, place[-1])
  # Longer than Python writes by default.
  changed = (json.dumps(holder[0]) if holder else "").encode(
    "utf-8", "surrogatepass"
  )
  if lines:
    lines[number] = changed
    changed = b"\n".join(lines)
  path.write_bytes(changed)
  return f"{'.'.join(map(str, place[1:])) or 'all'}: {told}"


def _set_value(path: pathlib.Path, rng: _Rng) -> str:
  value = rng.choice(_VALUES + _SCALARS)

  def edit(container, key):
    container[key] = value
    return repr(value)[:60]

  return _edit_json(path, rng, edit)


def _drop_key(path: pathlib.Path, rng: _Rng) -> str:
  def edit(container, key):
    del container[key]
    return "left out"

  return _edit_json(path, rng, edit)


def _wrap_value(path: pathlib.Path, rng: _Rng) -> str:
  def edit(container, key):
    container[key] = rng.choice([[container[key]], {"a": container[key]}])
    return "wrapped"

  return _edit_json(path, rng, edit)


def _scale_number(path: pathlib.Path, rng: _Rng) -> str:
  def edit(container, key):
    value = container[key]
    if type(value) not in (int, float):
      container[key] = str(value)[: rng.randrange(4)]
    else:
      container[key] = rng.choice([value + 1, value - 1, -value, value * 1000])
    return repr(container[key])[:60]

  return _edit_json(path, rng, edit)


def _nest(path: pathlib.Path, rng: _Rng) -> str:
  depth = rng.choice([500, 5000, 100_000])
  content = b'{"a":' * depth + b"1" + b"}" * depth
  if ".jsonl" in path.name:
    content = path.read_bytes() + content + b"\n"
  path.write_bytes(content)
  return f"nested {depth} deep"


def _digits(path: pathlib.Path, rng: _Rng) -> str:
  """A number of more digits than Python reads."""

  def longer(content):
    return re.sub(rb"\d+", lambda match: match[0] * 5000, content, count=1)

  _change(path, longer)
  return "a number 5,000 times as long"


_OF_JSON = (
  *(_set_value, _set_value, _set_value, _drop_key, _wrap_value),
  *(_scale_number, _nest, _digits),
)


# Arrays.


def _edit_array(path: pathlib.Path, rng: _Rng) -> str:
  try:
    array = np.load(path, allow_pickle=False)
  except files.NO_ARRAY:  # Damaged once already.
    return _flip(path, rng)
  name = rng.choice(
    ["nan", "inf", "dtype", "rows", "columns", "rank", "objects", "order"]
  )
  flat = array.reshape(-1)
  if name in ("nan", "inf") and array.dtype.kind == "f":
    flat[rng.randrange(len(flat))] = float(name)
  elif name == "dtype":
    dtypes = ["float64", "int8", "complex64", ">f4", "bool"]
    array = array.astype(rng.choice(dtypes if array.dtype.kind != "U" else "O"))
  elif name == "rows":
    array = array[:-1] if rng.random() < 0.5 else np.concatenate([array] * 2)
  elif name == "columns" and array.ndim > 1:
    array = array[:, :-1]
  elif name == "rank":
    array = rng.choice([array[None], array.reshape(-1), array[0]])
  elif name == "objects":
    array = array.astype(object)
  else:
    array = np.asfortranarray(array)
  content = io.BytesIO()
  np.save(content, array, allow_pickle=True)
  path.write_bytes(content.getvalue())
  return f"array with other {name}"


def _edit_safetensors(path: pathlib.Path, rng: _Rng) -> str:
  content = path.read_bytes()
  start = 8 + int.from_bytes(content[:8], "little")
  try:
    header = json.loads(content[8:start])
  except ValueError:  # Damaged once already.
    return _flip(path, rng)
  name = rng.choice([n for n in header if n != "__metadata__"])
  entry = header[name]
  kind = rng.choice(
    ["offsets", "dtype", "shape", "overlap", "nan", "length", "gone", "key"]
  )
  body = bytearray(content[start:])
  low = entry["data_offsets"][0]
  if kind == "offsets":
    entry["data_offsets"] = rng.choice([[-4, 0], [0, 2**40], [8, 4], ["a", 1]])
  elif kind == "dtype":
    entry["dtype"] = rng.choice(["F64", "I32", "F16", "X9", 5, None])
  elif kind == "shape":
    entry["shape"] = rng.choice([[-1], [2**31, 2**31], ["a"], [], 7])
  elif kind == "overlap":
    entry["data_offsets"][0] = max(low - 4, 0)
  elif kind == "nan":
    value = np.float32(rng.choice([np.nan, np.inf, 1e38])).tobytes()
    body[low : low + 4] = value
  elif kind == "gone":
    del header[name]
  elif kind == "key":
    header[rng.choice(["", "x" * 5000, "bert.embeddings"])] = header.pop(name)
  text = json.dumps(header).encode()
  size = len(text) if kind != "length" else rng.choice([0, 2**63, 2**20])
  path.write_bytes(size.to_bytes(8, "little") + text + bytes(body))
  return f"{name}: other {kind}"


_OF_KINDS: tuple[tuple[tuple[str, ...], tuple[_Mutation, ...], int], ...] = (
  (_JSON, _OF_JSON, 8),
  (_LINES, _OF_LINES, 3),
  ((".npy",), (_edit_array,), 5),
  ((".safetensors",), (_edit_safetensors,), 6),
)
