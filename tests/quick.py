"""Shortcuts of tests of what happens around the steps of a training.

Graphs are tested elsewhere: by the runs of `world` and `overfitted`, in tests
of models, and by commands. Processes of their own build the index in tests of
`refresh_index`, and for the other runs.
"""

import contextlib
import types


@contextlib.contextmanager
def untraced():
  """Runs functions without tracing them: half the time of a few steps."""
  import tensorflow as tf

  tf.config.run_functions_eagerly(True)
  try:
    yield
  finally:
    tf.config.run_functions_eagerly(False)


def embed_here(set_attribute=setattr):
  """Has a first index built in this process, not in one that must start.

  Args:
    set_attribute: Replaces what the trainings have of a module.
  """
  from realm_tf.index.job import corpus_index
  from realm_tf.index.job import refresher_process
  from realm_tf.training.recipes import refresh_hook
  from tests.index import fake_run

  class Here:
    def __init__(self, model_dir, **options):
      self._model_dir, self._options = model_dir, options

    def wait(self, look=None):
      if look is None:
        return  # The training is over: the index has long been there.
      assert fake_run.refresh(self._model_dir, **self._options) == 0
      look()

    def terminate(self):
      pass

  def refresher(model_dir, *, watch, **options):
    if watch:  # It is to run beside the training.
      return refresher_process.Refresher(model_dir, watch=True, **options)
    return Here(model_dir, **options)

  module = types.SimpleNamespace(Refresher=refresher)
  for user in (corpus_index, refresh_hook):
    set_attribute(user, "refresher_process", module)
