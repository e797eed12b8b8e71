import pytest

from realm_tf import errors
from realm_tf.answering.retrievers import hybrid_settings
from tests import synthetic

RUN = synthetic.make_run(
  "pretrain", synthetic.realm_config(), corpus_fingerprint="own"
)


def choice(weight, step=3):
  return hybrid_settings.Choice(
    settings=hybrid_settings.HybridSettings(
      weight=weight, method="reciprocal_ranks", source="chosen on dev"
    ),
    step=step,
    recall={0.0: 0.25, 0.1: 0.5},
  )


def test_a_choice_is_kept_for_each_corpus(tmp_path):
  run = str(tmp_path)
  assert hybrid_settings.read(run, RUN, "own") is None
  hybrid_settings.write(run, "own", choice(0.1))
  hybrid_settings.write(run, "other", choice(0.3))
  hybrid_settings.write(run, "other", choice(0.4, step=5))
  assert hybrid_settings.read(run, RUN, "own") == choice(0.1)
  assert hybrid_settings.read(run, RUN, "other") == choice(0.4, step=5)
  # An edited corpus is much like the run's.
  assert hybrid_settings.read(run, RUN, "edited") == choice(0.1)


def test_a_weight_that_is_given_comes_before_what_was_chosen(tmp_path):
  run = str(tmp_path)
  default = hybrid_settings.of_run(run, RUN, "own", None)
  assert (default.weight, default.method) == (0.5, "convex")
  hybrid_settings.write(run, "own", choice(0.1))
  assert hybrid_settings.of_run(run, RUN, "own", None) == choice(0.1).settings
  given = hybrid_settings.of_run(run, RUN, "own", 0.7)
  assert (given.weight, given.method) == (0.7, "reciprocal_ranks")
  assert str(given) == "reciprocal ranks, weight of dense 0.7, as given"


_OF_STEP = '{"own": {"settings": {}, "recall": {}, "step": %s}}'
_OF_WEIGHT = '{"own": {"settings": {"weight": %s}, "recall": {}, "step": 1}}'


@pytest.mark.parametrize(
  "text",
  [
    "{",
    "[]",
    '{"own": {"step": 1}}',
    _OF_STEP % "Infinity",
    _OF_WEIGHT % ("1" + 400 * "0"),
  ],
)
def test_a_damaged_file_is_named(tmp_path, text):
  (tmp_path / "hybrid.json").write_text(text)
  with pytest.raises(errors.UserError, match=r"hybrid\.json is damaged"):
    hybrid_settings.read(str(tmp_path), RUN, "own")
