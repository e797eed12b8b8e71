"""The flag --verify_corpus of the commands that read a corpus."""

from absl import flags

from realm_tf import environment

_NAME = "verify_corpus"


def define() -> None:
  """Defines the flag."""
  flags.DEFINE_bool(
    _NAME,
    True,
    "Compare the files of a corpus with the sums in its manifest before they "
    "are read.",
  )


def apply() -> None:
  """Applies the flag, in this process and those that it starts."""
  if not flags.FLAGS[_NAME].value:
    environment.skip_corpus_sums()
