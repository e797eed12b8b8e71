import json
import re

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import errors
from realm_tf import files
from realm_tf.checkpoints import comparison
from realm_tf.checkpoints import reading
from realm_tf.training.recipes import importing
from tests.checkpoints import formats
from tests.launch import suggested
from tests.training import small_runs


def differences(printed):
  """The differences that a report prints, by output."""
  found = re.findall(r"(\w+) +largest \|difference\| (\S+)", printed)
  return {name: float(value) for name, value in found}


def test_what_is_imported_is_what_was_there(tmp_path, capsys):
  output = str(tmp_path / "imported")
  importing.run(str(formats.TINY_BERT), output, "")
  before, after = reading.read(str(formats.TINY_BERT)), reading.read(output)
  assert after.config == before.config
  assert after.activations == before.activations
  assert after.vocabulary == before.vocabulary
  assert after.lower_case == before.lower_case
  assert after.variables.keys() == before.variables.keys()
  for name, value in after.variables.items():
    np.testing.assert_array_equal(value, before.variables[name])
  printed = capsys.readouterr().out
  for line in (
    "format     Hugging Face",
    "encoder    2 layers x 32, 4 heads, feed-forward 48, 40 positions",
    "activation gelu",
    "vocabulary 80 wordpieces, lower-case",
    "MLM head   5 variables",
    "unused     cls.seq_relationship.bias",
    "compared   not run: peer_python",
  ):
    assert line in printed
  names = ("build_corpus", "annotate_spans", "pretrain_ict")
  flags = suggested.check(printed, *names)
  assert {
    "--config.num_layers=2",
    "--config.hidden_size=32",
    "--config.max_positions=40",
    f"--corpus={tmp_path}/corpus",
    f"--init_checkpoint={output}",
  } <= {*flags}
  assert f"--vocab={output}/vocab.txt" in suggested.commands(printed)[0][1]
  assert differences(printed) == {}


def test_a_hub_module_is_run_and_compared(tmp_path, capsys):
  folder = formats.hub(tmp_path / "hub")
  importing.run(str(folder), str(tmp_path / "imported"), "")
  found = differences(capsys.readouterr().out)
  assert found.keys() == {"hidden_states", "pooled_output", "logits"}
  assert max(found.values()) < 1e-5


def test_a_checkpoint_cannot_be_run_and_the_report_says_so(tmp_path, capsys):
  folder = formats.google(tmp_path / "tf1")
  importing.run(str(folder), str(tmp_path / "imported"), "")
  printed = capsys.readouterr().out
  assert "cannot be run" in printed
  assert "activation gelu_tanh or gelu" in printed


def test_a_python_without_torch_is_said_not_to_run_it(tmp_path, capsys):
  missing = str(tmp_path / "no_python")
  importing.run(str(formats.TINY_BERT), str(tmp_path / "imported"), missing)
  assert f"not run: peer_python={missing}" in capsys.readouterr().out


def error_of(*args):
  with pytest.raises(errors.UserError) as error:
    importing.run(*map(str, args), "")
  assert "\n" not in str(error.value)
  return str(error.value)


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
  def fail(path, content):
    raise tf.errors.ResourceExhaustedError(
      None, None, "No space left on device"
    )

  output = tmp_path / "imported"
  with monkeypatch.context() as patched:
    patched.setattr(files, "write_bytes", fail)
    assert "No space left" in error_of(formats.TINY_BERT, output)
  importing.run(str(formats.TINY_BERT), str(output), "")
  assert reading.read(str(output)).vocabulary == tuple(formats.VOCABULARY)


def test_the_peer_gets_the_folder_of_the_bert(tmp_path, monkeypatch):
  folder = tmp_path / "st"
  formats.hugging_face(folder / "0_Transformer")
  modules = [{"type": "models.Transformer", "path": "0_Transformer"}]
  (folder / "modules.json").write_text(json.dumps(modules))
  run = []

  def run_peer(program, folder, *args):
    run.append(folder)
    return "not run", {}

  monkeypatch.setattr(comparison, "run_peer", run_peer)
  comparison.compare(reading.read(str(folder)), "python")
  assert run == [str(folder / "0_Transformer")]


def test_bad_sources_and_outputs_are_named(tmp_path):
  missing = error_of(tmp_path / "nowhere", tmp_path / "out")
  assert missing.startswith(f"`source`: {tmp_path / 'nowhere'}")
  (tmp_path / "full").mkdir()
  (tmp_path / "full" / "file").write_text("")
  assert "output=" in error_of(formats.TINY_BERT, tmp_path / "full")
  assert "is there" in error_of(formats.TINY_BERT, tmp_path / "full" / "file")
  below = tmp_path / "full" / "file" / "x"
  assert f"Cannot write output={below}" in error_of(formats.TINY_BERT, below)
  small_runs.save_run(tmp_path / "run", "pretrain_ict")
  assert "is a run" in error_of(tmp_path / "run", tmp_path / "out")
  assert not (tmp_path / "out").exists()
