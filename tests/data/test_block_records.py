import pickle

import numpy as np
import pytest

from realm_tf import errors
from realm_tf.data import block_records

RECORDS = [b"one", b"", "caf\u00e9".encode(), b"x" * 300, b"y" * 70_000, b"."]


def array_of(records):
  found = np.empty(len(records), object)
  found[:] = records
  return found


def write(path, array, pickled=None, announced=None):
  """Writes an array as np.save does; `pickled` in place of its pickle."""
  header = np.lib.format.header_data_from_array_1_0(array)
  header["shape"] = (len(array) if announced is None else announced,)
  with open(path, "wb") as f:
    np.lib.format.write_array_header_1_0(f, header)
    f.write(pickle.dumps(array, protocol=3) if pickled is None else pickled)
  return str(path)


def refusal(path):
  with pytest.raises(errors.UserError) as error:
    block_records.find(str(path))
  assert "\n" not in str(error.value)
  assert str(path) in str(error.value)
  return str(error.value)


def test_records_are_those_that_numpy_saved(tmp_path):
  np.save(tmp_path / "r.npy", array_of(RECORDS))
  found = block_records.find(str(tmp_path / "r.npy"))
  assert len(found) == len(RECORDS)
  assert list(found.read()) == RECORDS
  assert list(found.part(2, 4).read()) == RECORDS[2:4]
  assert not list(found.part(3, 3).read())


@pytest.mark.parametrize("protocol", [3, 4, 5])
@pytest.mark.parametrize("count", [0, 1, 5, 300, 2500])
def test_lists_of_any_length_are_read(tmp_path, protocol, count):
  records = [b"r%d" % i for i in range(count)]
  array = array_of(records)
  path = write(tmp_path / "r.npy", array, pickle.dumps(array, protocol))
  assert list(block_records.find(path).read()) == records


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_long_records_stand_between_frames(tmp_path, protocol):
  records = [b"a", b"y" * 70_000, b"b", b"z" * 70_000, b"z" * 65_536]
  records += [records[1], b"c"]
  array = array_of(records)
  path = write(tmp_path / "r.npy", array, pickle.dumps(array, protocol))
  assert list(block_records.find(path).read()) == records


@pytest.mark.parametrize("protocol", [3, 4])
def test_one_object_may_stand_twice(tmp_path, protocol):
  records = [b"a", b"b", b"c"]
  records += [records[1], b"d", records[0], *[b"e%d" % i for i in range(300)]]
  records.append(records[290])
  array = array_of(records)
  path = write(tmp_path / "r.npy", array, pickle.dumps(array, protocol))
  assert list(block_records.find(path).read()) == records


class Touch:
  def __init__(self, path):
    self.path = path

  def __reduce__(self):
    return (open, (str(self.path), "w"))


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("place", ["alone", "element"])
def test_a_pickle_that_would_run_code_is_refused(tmp_path, protocol, place):
  made = tmp_path / "made"
  array = array_of([b"a", Touch(made)])
  pickled = pickle.dumps(
    Touch(made) if place == "alone" else array, protocol=protocol
  )
  path = write(tmp_path / "r.npy", array, pickled)
  assert "is refused: it" in refusal(path)
  assert not made.exists()


@pytest.mark.parametrize("element", ["text", 1, None, [b"a"], (b"a",), {}])
def test_other_elements_are_refused(tmp_path, element):
  array = array_of([b"a", element, b"b"])
  assert "is refused" in refusal(write(tmp_path / "r.npy", array))


def test_what_follows_an_array_is_refused(tmp_path):
  array = array_of([b"a"])
  pickled = pickle.dumps(array, protocol=3)
  more = pickled[:-1] + b"cbuiltins\nopen\n(X\x01\x00\x00\x00atR."
  assert "is refused" in refusal(write(tmp_path / "r.npy", array, more))


@pytest.mark.parametrize("array", [np.zeros(3), np.zeros([2, 2], object)])
def test_other_arrays_are_refused(tmp_path, array):
  np.save(tmp_path / "r.npy", array)
  assert "is refused: it is an array of" in refusal(tmp_path / "r.npy")


def test_a_header_that_does_not_end_is_no_array(tmp_path):
  path = tmp_path / "r.npy"
  np.save(path, array_of(RECORDS))
  path.write_bytes(path.read_bytes().replace(b"'shape': (", b"'shape': [(", 1))
  assert "no whole NumPy array" in refusal(path)


@pytest.mark.parametrize("limit", [0, 5, 100, 300, 40_000, -1])
def test_part_of_a_file_is_refused(tmp_path, limit):
  path = tmp_path / "r.npy"
  np.save(path, array_of(RECORDS))
  path.write_bytes(path.read_bytes()[:limit])
  assert "no whole NumPy array" in refusal(path)


def test_fewer_records_than_announced_are_refused(tmp_path):
  array = array_of([b"r"] * 100)
  path = write(tmp_path / "r.npy", array, announced=13_353_718)
  assert "announces 13,353,718 records, but holds 100" in refusal(path)
