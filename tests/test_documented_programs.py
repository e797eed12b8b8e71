import tensorflow_datasets as tfds

from tests import documented_programs
from tests.checkpoints import formats


def test_each_program_is_run_by_a_test():
  assert documented_programs.files() == {
    "README.md",  # the client's by tests/serving/test_client.py
    "docs/warm_starts.md",
    "docs/fine_tuning.md",  # by tests/training/test_finetuning.py
  }


def test_datasets_in_tfds(shared_data, tmp_path, monkeypatch):
  monkeypatch.setattr(tfds.core.constants, "DATA_DIR", str(tmp_path))
  (tmp_path / "downloads").mkdir()
  manual = tmp_path / "downloads" / "manual"  # where TFDS looks by default
  manual.symlink_to(shared_data)
  defined = documented_programs.run(
    "README.md", tmp_path, monkeypatch, with_text="tfds.load"
  )
  assert len(defined["dev"]) == 361


def test_warm_starts_in_code(tmp_path, monkeypatch):
  (tmp_path / "BERT").symlink_to(formats.TINY_BERT)
  defined = documented_programs.run(
    "docs/warm_starts.md", tmp_path, monkeypatch
  )
  assert defined["report"].missing == []
  assert defined["tokenizer"].vocabulary == tuple(formats.VOCABULARY)
