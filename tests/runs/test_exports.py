import pytest

from realm_tf import errors
from realm_tf.runs import exports
from realm_tf.runs import run_folder


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"dim": Infinity}'])
def test_a_damaged_manifest_is_named(tmp_path, text):
  folder = run_folder.RunFolder(str(tmp_path)).embedder_exports
  path = tmp_path / folder / "3" / exports.MANIFEST
  path.parent.mkdir(parents=True)
  path.write_text(text)
  with pytest.raises(errors.UserError, match=f"{path} is damaged"):
    exports.find(str(tmp_path))
