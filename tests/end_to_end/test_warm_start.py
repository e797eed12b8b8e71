"""Public weights, imported and trained on; bad ones end in one line."""

import shutil

import pytest

from tests.checkpoints import formats
from tests.end_to_end import refusals
from tests.end_to_end import tiny_runs
from tests.launch import suggested

# The sizes of tests/checkpoints/tiny_bert.
_CONFIG = {
  "num_layers": 2,
  "hidden_size": 32,
  "num_heads": 4,
  "intermediate_size": 48,
  "max_positions": 40,
  "activation": "gelu",
  "query_length": 16,
  "passage_length": 24,
  "train_steps": 2,
  "warmup_steps": 1,
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
  """A corpus of the tiny BERT's vocabulary."""
  return tiny_runs.build_corpus(
    tmp_path_factory.mktemp("warm") / "corpus",
    tiny_runs.articles(30),
    vocab=formats.TINY_BERT / "vocab.txt",
  )


def flags(corpus, source, model_dir, **changes):
  return [
    "--config=tiny",
    f"--corpus={corpus}",
    f"--init_checkpoint={source}",
    f"--model_dir={model_dir}",
    *tiny_runs.config_flags(**(_CONFIG | changes)),
  ]


def test_import_then_train(tmp_path, corpus):
  imported = tmp_path / "imported"
  printed = tiny_runs.run(
    "import_checkpoint",
    f"--source={formats.TINY_BERT}",
    f"--output={imported}",
  )
  assert f"Wrote {imported}" in printed
  mlm = tmp_path / "mlm"
  printed = tiny_runs.run("pretrain_mlm", *flags(corpus, imported, mlm))
  assert (
    f"Initialised the reader from {imported} (imported from Hugging Face): "
    "embeddings, layers, MLM head." in printed
  )
  following = suggested.check(printed, "pretrain_ict")
  assert {f"--corpus={corpus}", f"--init_checkpoint={mlm}"} <= {*following}
  printed = tiny_runs.run(
    "pretrain_ict", *flags(corpus, formats.TINY_BERT, tmp_path / "ict")
  )
  assert "embeddings, layers, pooler." in printed
  assert "The retriever's projection starts from random weights." in printed
  assert "unused: MLM head, cls.seq_relationship.bias" in printed
  # REALM's reader comes from where the retriever's encoder came from.
  sources = f"{formats.TINY_BERT},{tmp_path / 'ict'}"
  following = suggested.check(printed, "pretrain")
  assert f"--init_checkpoint={sources}" in following


def test_bad_sources_end_in_one_line(tmp_path, corpus):
  without_vocabulary = tmp_path / "without_vocabulary"
  shutil.copytree(formats.TINY_BERT, without_vocabulary)
  (without_vocabulary / "vocab.txt").unlink()
  unknown = tmp_path / "unknown"
  unknown.mkdir()
  new = tmp_path / "new"
  cases = [
    (
      "pretrain_mlm",
      flags(corpus, formats.TINY_BERT, new, num_layers=1),
      ["transformer/layer_1/", "absent", "--config.num_layers=2"],
    ),
    (
      "pretrain_ict",
      flags(corpus, formats.TINY_BERT, new, activation="gelu_tanh"),
      ["--config.activation=gelu."],
    ),
    (
      "pretrain",
      flags(corpus, without_vocabulary, new),
      [f"{without_vocabulary} has no vocabulary"],
    ),
    ("pretrain", flags(corpus, unknown, new), [f"{unknown} is no run"]),
    (
      "import_checkpoint",
      [f"--source={unknown}", f"--output={new}"],
      ["--source", str(unknown)],
    ),
  ]
  outcomes = refusals.outcomes(tmp_path, [case[:2] for case in cases])
  for outcome, (_, _, words) in zip(outcomes, cases, strict=True):
    refusals.check(outcome, words)
