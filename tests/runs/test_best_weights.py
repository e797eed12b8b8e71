import json
import pathlib

import pytest

from realm_tf import errors
from realm_tf.runs import best_weights
from realm_tf.runs import run_folder

GOOD = {"step": 20, "weights": "weights-20", "utility": 0.5, "index_step": 10}


def written(tmp_path, content):
  path = pathlib.Path(run_folder.RunFolder(str(tmp_path)).best_manifest)
  path.parent.mkdir(parents=True, exist_ok=True)
  path.write_text(content)
  return path


def test_what_is_written_is_read(tmp_path):
  assert best_weights.read(str(tmp_path)) is None
  written(tmp_path, "")
  best = best_weights.BestWeights(20, "weights-20", {"utility": 0.5})
  best_weights.write(str(tmp_path), best)
  assert best_weights.read(str(tmp_path)) == best


def test_other_facts_are_kept(tmp_path):
  written(tmp_path, json.dumps(GOOD))
  found = best_weights.read(str(tmp_path))
  assert found == (20, "weights-20", {"utility": 0.5, "index_step": 10})


@pytest.mark.parametrize(
  "content",
  [
    *("{", "1e308", "[]", "null", "{}"),
    json.dumps(GOOD | {"step": None}),
    json.dumps(GOOD | {"step": -1}),
    json.dumps(GOOD | {"step": True}),
    json.dumps(GOOD | {"weights": 5}),
    json.dumps(GOOD | {"weights": ""}),
    json.dumps(GOOD | {"weights": "../../other/weights-20"}),
    json.dumps(GOOD | {"utility": "0.5"}),
    json.dumps(GOOD | {"index_step": [10]}),
    json.dumps({name: GOOD[name] for name in ("weights", "utility")}),
  ],
)
def test_a_damaged_manifest_is_named(tmp_path, content):
  path = written(tmp_path, content)
  with pytest.raises(errors.UserError, match=f"{path} is damaged") as error:
    best_weights.read(str(tmp_path))
  assert "\n" not in str(error.value)
