import logging

import pytest

from realm_tf.launch import console

FLAGS = ("corpus", "overwrite", "output", "config", "config.seed", "seed")


@pytest.mark.parametrize(
  ("message", "shown"),
  [
    ("corpus=a/b does not exist.", "--corpus=a/b does not exist."),
    ("`corpus` is missing.", "--corpus is missing."),
    ("give overwrite=True.", "give --overwrite."),
    ("give overwrite=False.", "give --nooverwrite."),
    ("overwrite=Trueish", "--overwrite=Trueish"),
    ("raise `config.seed`", "raise --config.seed"),
    ("config.seed=3 is odd", "--config.seed=3 is odd"),
    # What is no flag of the command, and what only looks like one.
    ("shard=3, `none`", "shard=3, `none`"),
    ("runs/seed=1 and a.seed=2", "runs/seed=1 and a.seed=2"),
    ("--corpus=x", "--corpus=x"),
    ("'corpus=x'", "'corpus=x'"),
    # Another command has other flags.
    (
      "Run annotate_spans(corpus=a/b.c, retry=True, lower_case=False).",
      "Run annotate_spans --corpus=a/b.c --retry --nolower_case.",
    ),
    ("pretrain() and evaluate(x)", "pretrain() and evaluate(x)"),
  ],
)
def test_arguments_become_flags(message, shown):
  assert console.in_flags(message, FLAGS) == shown


def test_log_of_the_library_is_shown(capsys):
  console.show_log(())
  console.show_log(())  # shows nothing twice
  logger = logging.getLogger("realm_tf.data.somewhere")
  logger.info("half done")
  logger.warning("disk nearly full")
  logging.getLogger("other").info("nothing of ours")
  assert capsys.readouterr().out == "half done\nwarning: disk nearly full\n"
