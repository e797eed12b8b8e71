import pytest

from realm_tf import errors
from realm_tf.index.job import refresher_process


def start(tmp_path, monkeypatch, script):
  """Starts a shell script in the place of Python."""
  program = tmp_path / "program"
  program.write_text(f"#!/bin/sh\n{script}\n")
  program.chmod(0o755)
  monkeypatch.setattr(refresher_process.sys, "executable", str(program))
  return refresher_process.Refresher(str(tmp_path), watch=True)


def test_one_that_is_killed_is_started_again(tmp_path, monkeypatch, capsys):
  script = f"echo $@; mkdir {tmp_path}/first 2>&- && kill -9 $$; exit 0"
  start(tmp_path, monkeypatch, script).wait()
  assert capsys.readouterr().out.count("was ended by SIGKILL") == 1
  log = (tmp_path / "refresher.log").read_text().splitlines()
  assert len(log) == 2
  assert all(line.endswith("--end_with_parent --watch") for line in log)


def test_one_that_is_always_killed_is_given_up(tmp_path, monkeypatch):
  with pytest.raises(errors.UserError, match="exit status -9"):
    start(tmp_path, monkeypatch, "kill -9 $$").wait()


def test_a_failure_is_told_once_with_its_own_last_line(
  tmp_path, monkeypatch, capsys
):
  (tmp_path / "refresher.log").write_text("error: of another day\n")
  silent = start(tmp_path, monkeypatch, "exit 2")
  with pytest.raises(errors.UserError, match="status 2.: no output"):
    silent.wait()
  capsys.readouterr()
  failing = start(tmp_path, monkeypatch, "echo error: no corpus; exit 2")
  while failing.end() is None:
    pass
  for _ in range(2):
    failing.look_after()
  assert capsys.readouterr().out.count("error: no corpus") == 1


def test_one_that_is_ended_stays_so(tmp_path, monkeypatch, capsys):
  running = start(tmp_path, monkeypatch, "read line")
  assert running.end() is None
  running.terminate()
  assert "started again" not in capsys.readouterr().out
