"""The files at the top of the repository, held against what they name."""

import fnmatch
import pathlib
import re
import tomllib

import pytest
import yaml

import realm_tf
from realm_tf.launch import main

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_DOCUMENTS = [
  _ROOT / "README.md",
  _ROOT / "CHANGELOG.md",
  _ROOT / "CONTRIBUTING.md",
  _ROOT / "PACKAGE.md",
  *sorted(_ROOT.glob("docs/*.md")),
]


def pyproject():
  return tomllib.loads((_ROOT / "pyproject.toml").read_text())


@pytest.mark.parametrize("package", ["realm_tf", "tfds_builders"])
def test_all_data_of_a_package_is_installed(package):
  folder = _ROOT / package
  patterns = pyproject()["tool"]["setuptools"]["package-data"][package]
  installed = {path for pattern in patterns for path in folder.glob(pattern)}
  data = {
    path
    for path in folder.rglob("*")
    if path.is_file() and path.suffix not in (".py", ".pyc")
  }
  assert data
  assert data <= installed


def test_pytest_leaves_no_folder_of_tests_out(request):
  patterns = request.config.getini("norecursedirs")
  for path in (_ROOT / "tests").rglob("test_*.py"):
    for part in path.relative_to(_ROOT).parent.parts:
      assert not any(fnmatch.fnmatch(part, p) for p in patterns), path


def test_the_citation_is_of_this_version():
  citation = yaml.safe_load((_ROOT / "CITATION.cff").read_text())
  assert citation["cff-version"] == "1.2.0"
  assert citation["message"]
  assert citation["authors"]
  assert citation["title"] == pyproject()["project"]["name"]
  assert citation["version"] == realm_tf.__version__
  assert citation["license"] == pyproject()["project"]["license"]
  (paper,) = citation["references"]
  assert paper["identifiers"][0]["value"] == "arXiv:2002.08909"


@pytest.mark.parametrize("path", _DOCUMENTS, ids=lambda path: path.name)
def test_constraints_that_a_document_names_are_there(path):
  for name in re.findall(r"\bconstraints[-.\w]*\.txt\b", path.read_text()):
    assert (_ROOT / name).is_file()


@pytest.mark.parametrize("name", ["Dockerfile", "serving/Dockerfile.scann"])
def test_an_image_is_made_of_what_is_there(name):
  lines = (_ROOT / name).read_text().splitlines()
  ignored = _ROOT / (
    ".dockerignore" if "/" not in name else f"{name}.dockerignore"
  )
  kept = {
    line[1:] for line in ignored.read_text().splitlines() if line[0] == "!"
  }
  copied = [
    source
    for line in lines
    if line.startswith("COPY ")
    for source in line.split()[1:-1]
  ]
  constraints = {"constraints-tf2.15.txt", "constraints-tf2.20.txt"}
  assert {"pyproject.toml", "realm_tf", *constraints} <= set(copied)
  for source in copied:
    assert (_ROOT / source).exists()
  assert set(copied) == kept
  assert any(line.startswith("USER ") for line in lines)


def test_the_image_runs_the_script():
  text = (_ROOT / "Dockerfile").read_text()
  assert pyproject()["project"]["scripts"].keys() == {"realm"}
  assert '\nENTRYPOINT ["realm"]\n' in text


@pytest.mark.parametrize("document", _DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document):
  for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
    if "://" in target:
      continue
    name, _, heading = target.partition("#")
    path = document.parent / name if name else document
    assert path.exists(), target
    assert not heading or heading in headings(path), target


def test_the_description_in_a_wheel_has_no_link_into_the_repository():
  text = (_ROOT / pyproject()["project"]["readme"]).read_text()
  targets = re.findall(r"\]\(([^)\s]+)\)", text)
  assert all("://" in target for target in targets), targets


def test_the_description_in_a_wheel_names_what_is_there():
  text = (_ROOT / pyproject()["project"]["readme"]).read_text()
  for command in re.findall(r"^realm (\w+)", text, re.MULTILINE):
    assert command in main.COMMANDS
  for name in re.findall(r"`realm_tf\.(\w+)`", text):
    assert name in realm_tf.__all__


def headings(path):
  """Returns the headings of a document as links name them."""
  found = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
  return [re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in found]


def test_contributing_names_what_is_there():
  text = (_ROOT / "CONTRIBUTING.md").read_text()
  named = re.findall(r"`((?:realm_tf|tests)/[\w/.]+?)`", text)
  assert len(named) > 10
  for path in named:
    assert "NAME" in path or "..." in path or (_ROOT / path).exists(), path
