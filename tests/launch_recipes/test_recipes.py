"""The recipes of `launch`: their shell, their manifests, their flags."""

import pathlib
import re
import shlex
import shutil
import subprocess

import pytest
import yaml

from realm_tf.launch import main
from tests.launch import light_commands

_FOLDER = pathlib.Path(__file__).resolve().parents[2] / "launch"
_SCRIPTS = sorted(_FOLDER.rglob("*.sh"))
_MANIFESTS = sorted(_FOLDER.rglob("*.yaml"))
_COMMAND = re.compile(
  r"python -m realm_tf\.launch\.(\w+)((?:[^\n]*\\\n)*[^\n]*)"
)
_VARIABLE = re.compile(r"\$\{?\w+\}?")
_NAMES = {p.name: p for p in _SCRIPTS}
# What variables stand for, where a flag does not take any text.
_VALUES = {
  "$CONFIG": "tiny",
  "$refresh": "external",
  "$DATASET": "nq_open",
  "$TPU": "",
  "$PARALLELISM": "8",
  "$WORKERS": "8",
}
# The fields that the kinds have, as Kubernetes and JobSet document them.
_POD = {
  *("containers", "nodeSelector", "restartPolicy", "securityContext"),
  *("terminationGracePeriodSeconds", "volumes"),
}
_JOB = {
  *("backoffLimit", "backoffLimitPerIndex", "completionMode", "completions"),
  *("parallelism", "template"),
}
_JOB_SET = {"failurePolicy", "replicatedJobs"}
_CLAIM = {"accessModes", "resources", "storageClassName"}
_CONTAINER = {"args", "image", "name", "resources", "volumeMounts"}


def _fill(text):
  """Puts values in the place of a script's variables."""
  for name, value in _VALUES.items():
    text = text.replace(f'"{name}"', f"'{value}'").replace(f"'{name}'", value)
    text = text.replace(name, value)
  return _VARIABLE.sub("gs://any", text)


def _of_scripts():
  """Yields (script, command, its own flags, Beam's)."""
  for path in _SCRIPTS:
    text = path.read_text()
    beam = re.search(r"^beam=\((.*?)^\)", text, re.M | re.S)
    for name, rest in _COMMAND.findall(text):
      rest = rest.replace("\\\n", " ")
      extra = []
      if '"${beam[@]}"' in rest:
        rest = rest.replace('"${beam[@]}"', "")
        extra = shlex.split(_fill(beam[1]))
      rest = rest.split(" > ")[0].strip()
      if rest.count('"') % 2:  # that of a command for another machine
        rest = rest.removesuffix('"')
      words = shlex.split(_fill(rest))
      own = [w for w in words if not w.startswith("--job_name")]
      extra += [w for w in words if w.startswith("--job_name")]
      yield path.name, name, own, extra


def _objects():
  return {
    one["kind"]: one
    for path in _MANIFESTS
    for one in yaml.safe_load_all(path.read_text())
  }


def _job_specs():
  objects = _objects()
  (trainer,) = objects["JobSet"]["spec"]["replicatedJobs"]
  return {
    "trainer": trainer["template"]["spec"],
    "refresh": objects["Job"]["spec"],
  }


@pytest.mark.parametrize("name", _NAMES)
def test_scripts_are_of_bash(name):
  path = _NAMES[name]
  lines = path.read_text().splitlines()
  assert lines[0] == "#!/usr/bin/env bash"
  assert "set -euo pipefail" in lines
  assert path.stat().st_mode & 0o100
  subprocess.run(["bash", "-n", path], check=True)
  if shutil.which("shellcheck"):
    subprocess.run(["shellcheck", path], check=True)


@pytest.mark.parametrize("name", _NAMES)
def test_a_variable_that_must_be_given_is_named(name):
  needed = re.findall(r"^(\w+)=\$\{\w+:\?", _NAMES[name].read_text(), re.M)
  if not needed:
    pytest.skip("it needs none")
  done = subprocess.run(
    ["bash", _NAMES[name]],
    env={"PATH": "/none"},
    capture_output=True,
    text=True,
    executable=shutil.which("bash"),
  )
  assert done.returncode
  assert needed[0] in done.stderr


def test_every_command_takes_its_flags():
  cases = [(name, own) for _, name, own, _ in _of_scripts()]
  for spec in _job_specs().values():
    (container,) = spec["template"]["spec"]["containers"]
    cases.append((container["args"][0], container["args"][1:]))
  assert {name for name, _ in cases} >= {
    *("build_corpus", "annotate_spans", "pretrain_ict", "pretrain"),
    *("refresh_index", "finetune", "evaluate"),
  }
  assert {name for name, _ in cases} <= {*main.COMMANDS}
  for (name, flags), outcome in zip(
    cases, light_commands.outcomes(cases), strict=True
  ):
    said = outcome["stderr"]
    # Paths of this machine may be wrong here; flags and their values are not.
    is_path = re.search(r"(corpus|model_dir|init_checkpoint|init)[= ]", said)
    assert outcome["status"] == light_commands.REACHED or is_path, (name, said)
    assert "nknown command line flag" not in said, (name, flags)
    assert "must have a value" not in said, (name, flags)


def test_beam_takes_its_flags():
  from apache_beam.options import pipeline_options

  found = [extra for *_, extra in _of_scripts() if extra]
  assert len(found) == 4
  for extra in found:
    options = pipeline_options.PipelineOptions(extra)
    known = options.get_all_options(drop_default=True)
    for flag in extra:
      assert flag.removeprefix("--").partition("=")[0] in known, flag


def test_manifests_have_the_fields_of_their_kinds():
  objects = _objects()
  assert {*objects} == {"JobSet", "Job", "PersistentVolumeClaim"}
  assert {*objects["JobSet"]["spec"]} <= _JOB_SET
  assert {*objects["PersistentVolumeClaim"]["spec"]} <= _CLAIM
  claim = objects["PersistentVolumeClaim"]["metadata"]["name"]
  for spec in _job_specs().values():
    assert {*spec} <= _JOB
    pod = spec["template"]["spec"]
    assert {*pod} <= _POD
    assert pod["restartPolicy"] == "Never"  # the job starts it anew
    (container,) = pod["containers"]
    assert {*container} <= _CONTAINER
    (volume,) = pod["volumes"]
    assert volume["persistentVolumeClaim"]["claimName"] == claim
    (mount,) = container["volumeMounts"]
    assert mount["name"] == volume["name"]
    for argument in container["args"]:
      if "=/" in argument:
        assert argument.partition("=")[2].startswith(mount["mountPath"])


def test_refreshers_serve_the_trainers_run():
  specs = _job_specs()
  runs = {
    argument
    for spec in specs.values()
    for argument in spec["template"]["spec"]["containers"][0]["args"]
    if argument.startswith("--model_dir=")
  }
  assert len(runs) == 1
  assert specs["refresh"]["completionMode"] == "Indexed"
  assert specs["refresh"]["completions"] == specs["refresh"]["parallelism"]
  trainer = specs["trainer"]["template"]["spec"]["containers"][0]
  assert "--refresh=external" in trainer["args"]
  resources = trainer["resources"]
  assert resources["requests"] == resources["limits"]


def test_the_readme_names_every_recipe():
  text = (_FOLDER / "README.md").read_text()
  links = {*re.findall(r"\]\(([^)#:]+)\)", text)}
  assert all((_FOLDER / link).exists() for link in links)
  scripts = {p.relative_to(_FOLDER).as_posix() for p in _SCRIPTS}
  assert scripts <= links
