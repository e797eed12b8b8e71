import os
import pathlib

import pytest
import tensorflow as tf

from realm_tf import errors
from realm_tf import files
from realm_tf.checkpoints.formats import mapped_file
from realm_tf.data import block_records
from realm_tf.data.tagging import conll
from realm_tf.index.versions import index_version
from realm_tf.text import wordpiece


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


def test_links_are_not_followed_when_a_folder_is_removed(tmp_path):
  mine = tmp_path / "mine"
  mine.mkdir()
  (mine / "manifest.json").write_text("the user's")
  folder = tmp_path / "exports"
  folder.mkdir()
  (folder / "link").symlink_to(mine)
  files.remove_folder(str(folder / "link"), "manifest.json")
  assert not (folder / "link").is_symlink()
  (folder / "link").symlink_to(mine)
  files.remove_folder(str(folder), "manifest.json")
  assert not folder.exists()
  assert (mine / "manifest.json").exists()


def test_a_new_folder_comes_to_be_where_a_link_leads(tmp_path):
  target = tmp_path / "disk" / "target"
  target.mkdir(parents=True)
  link = tmp_path / "link"
  link.symlink_to(target)
  with files.new_folder(str(link), "manifest.json") as new:
    assert new.startswith(str(target))
    os.mkdir(new)
    (pathlib.Path(new) / "a").write_text("new")
  assert link.is_symlink()
  assert (target / "a").read_text() == "new"


def test_what_is_below_a_folder(tmp_path):
  (tmp_path / "a" / "b").mkdir(parents=True)
  (tmp_path / "c").mkdir()
  (tmp_path / "c" / "file").write_text("")
  (tmp_path / "d").symlink_to(tmp_path)
  (tmp_path / "e").symlink_to("nowhere")
  assert list(files.below(str(tmp_path))) == [
    *("a/b/", "c/file", "d (a link)", "e (a link)")
  ]


def test_json_that_is_nested_too_deeply_is_damaged(tmp_path):
  path = tmp_path / "deep.json"
  path.write_text("[" * 100_000)
  with pytest.raises(ValueError, match="nested too deeply"):
    files.read_json(str(path))


def test_a_pipe_is_not_waited_for(tmp_path):
  path = tmp_path / "pipe.json"
  os.mkfifo(path)
  with pytest.raises(ValueError, match="pipe"):
    files.read_json(str(path))


def test_a_folder_in_place_of_a_file_is_named(tmp_path):
  path = tmp_path / "folder.json"
  path.mkdir()
  with pytest.raises(errors.UserError, match="folder.json is a folder"):
    files.read_json(str(path))


def test_a_file_that_may_not_be_read_is_named(tmp_path, monkeypatch):
  path = tmp_path / "secret.json"
  path.write_text("{}")

  def deny(*args):
    raise tf.errors.PermissionDeniedError(None, None, f"{path}; Permission")

  monkeypatch.setattr(tf.io.gfile, "GFile", deny)  # Root may read anything.
  with pytest.raises(errors.UserError, match="secret.json may not be read"):
    files.read_json(str(path))


def test_what_is_no_file_is_not_opened(tmp_path):
  pipe = tmp_path / "pipe"
  os.mkfifo(pipe)
  for path, what in ((pipe, "a pipe or a device"), (tmp_path, "is a folder")):
    with pytest.raises(errors.UserError, match=f"{path} .*{what}"):
      files.read_bytes(str(path))
  files.check_readable(str(tmp_path / "nothing"))
  files.check_readable("gs://bucket/file")


@pytest.mark.parametrize("target", ["link", "nothing"])
def test_a_link_that_leads_nowhere_is_named(tmp_path, target):
  link = tmp_path / "link"
  link.symlink_to(tmp_path / target)
  for read in (files.read_bytes, files.sha256, files.read_json):
    with pytest.raises(errors.UserError, match="link is a link that leads"):
      read(str(link))


def test_readers_of_vocabularies_and_labels_do_not_wait_for_a_pipe(tmp_path):
  pipe = str(tmp_path / "pipe")
  os.mkfifo(pipe)
  for read in (
    wordpiece.read_vocabulary,
    conll.read,
    mapped_file.read,
    block_records.find,
    index_version.read_embeddings,
    files.sha256,
  ):
    with pytest.raises(errors.UserError, match=f"{pipe} is a pipe"):
      read(pipe)


def test_a_disk_that_is_full_in_a_worker_of_beam_is_one_line():
  error = RuntimeError(
    "tensorflow.python.framework.errors_impl.ResourceExhaustedError: "
    "/disk/shard.tmp; No space left on device [while running 'Write']"
  )
  assert files.full_disk(error) == "/disk/shard.tmp; No space left on device"
  assert files.full_disk(RuntimeError("something else")) is None


def test_what_is_no_utf8_is_told_in_few_words(tmp_path):
  path = tmp_path / "bytes.json"
  path.write_bytes(b"x" * 5000 + b"\xff" * 5000)
  with pytest.raises(ValueError, match=r"^it is no UTF-8 \(byte 5000\)$"):
    files.read_json(str(path))
