import pytest

from realm_tf import errors
from realm_tf.demo import folder
from tests import written_corpus

OWN = (
  "demo.json",
  "questions.jsonl",
  "report.md",
  "ict/config.json",
  "ict/checkpoints/ckpt-4.index",
  "realm/.trainer.lock",
  "realm/index/12/manifest.json",
  "qa/evaluation/dev-dense/report.md",
)


def write(root, names):
  for name in names:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(name)


@pytest.mark.parametrize("linked", [False, True])
def test_an_earlier_demo_makes_room(tmp_path, linked):
  target = tmp_path / "target"
  write(target, OWN)
  written_corpus.write_texts(target / "corpus", [[("T", "body")]])
  output = target
  if linked:
    output = tmp_path / "link"
    output.symlink_to(target)
  folder.make_room(str(output))
  assert output.is_symlink() == linked
  assert not list(target.iterdir())
  folder.make_room(str(tmp_path / "new"))
  assert (tmp_path / "new").is_dir()


@pytest.mark.parametrize(
  "foreign",
  ["notes.md", "mine/manifest.json", "ict/notes.md", "corpus/articles.jsonl"],
)
def test_what_no_demo_wrote_is_named_and_stays(tmp_path, foreign):
  write(tmp_path, OWN)
  written_corpus.write_texts(tmp_path / "corpus", [[("T", "body")]])
  write(tmp_path, [foreign])
  before = sorted(tmp_path.rglob("*"))
  with pytest.raises(errors.UserError, match=f"output=.* holds {foreign}"):
    folder.make_room(str(tmp_path))
  assert sorted(tmp_path.rglob("*")) == before


def test_a_link_in_a_demo_is_not_followed(tmp_path):
  write(tmp_path / "elsewhere", ["a"])
  write(tmp_path / "demo", OWN)
  (tmp_path / "demo" / "mlm").symlink_to(tmp_path / "elsewhere")
  with pytest.raises(errors.UserError, match=r"holds mlm \(a link\)"):
    folder.make_room(str(tmp_path / "demo"))
  assert (tmp_path / "elsewhere" / "a").exists()
  (tmp_path / "demo" / "mlm").unlink()
  (tmp_path / "demo" / "ict" / "tensorboard").symlink_to(tmp_path / "elsewhere")
  with pytest.raises(errors.UserError, match=r"tensorboard \(a link\)"):
    folder.make_room(str(tmp_path / "demo"))
