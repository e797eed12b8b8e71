import pytest

from realm_tf import files


def test_json_is_read_as_written(tmp_path):
  path = str(tmp_path / "a.json")
  files.write_json(path, {"é": [1, None, 2.5]})
  assert files.read_json(path) == {"é": [1, None, 2.5]}
  files.write_json(path, [])
  assert files.read_json(path) == []
  assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
  tmp_path, monkeypatch
):
  path = str(tmp_path / "a.json")
  files.write_json(path, 1)

  def fail(*args, **kwargs):
    raise OSError("disk full")

  monkeypatch.setattr(files.tf.io.gfile, "rename", fail)
  with pytest.raises(OSError, match="disk full"):
    files.write_json(path, 2)
  monkeypatch.undo()
  assert files.read_json(path) == 1
  assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_damaged_file_is_a_value_error(tmp_path):
  (tmp_path / "a.json").write_text("{")
  with pytest.raises(ValueError, match="Expecting"):
    files.read_json(str(tmp_path / "a.json"))
