"""Runs REALM pre-training: trainer, refresher, summary."""

from realm_tf.configs import schema
from realm_tf.training import loop
from realm_tf.training import realm
from realm_tf.training import refresh
from realm_tf.training import runs


def run(
    config: schema.RealmConfig, *, refresh_mode: str, **where: str
) -> loop.TrainingResult:
  """Pre-trains REALM while the index is rebuilt beside it.

  Args:
    config: The settings.
    refresh_mode: See `refresh.RefreshHook`.
    **where: Folders and devices; see `runs.set_up`.

  Raises:
    errors.UserError: If anything that the flags name does not fit.
  """
  refresh.check_mode(refresh_mode)
  setup = runs.set_up("pretrain", config, **where)
  with setup.strategy.scope():
    task = realm.RealmTask(
        config,
        setup.corpus.tokenizer,
        setup.sentences,
        setup.corpus.load_passages(),
    )
  index_bytes = setup.corpus.num_passages * config.projection_size * 4
  runs.print_plan(
      setup,
      task,
      task.source.dropped,
      # A new version is loaded while the old one still feeds the model.
      runs.data_bytes(setup.sentences) + task.data_bytes + 2 * index_bytes,
  )
  hook = refresh.RefreshHook(
      task,
      setup.run,
      setup.model_dir,
      setup.corpus.num_passages,
      refresh_mode,
  )
  with hook.running():
    result = loop.train(
        task, setup.run, setup.model_dir, setup.strategy, hook
    )
  used = ", ".join(map(str, hook.versions_used))
  print(
      f"Wrote {setup.model_dir}: step {result.step}; index versions used: "
      f"{used}. Next:\n"
      f"  tensorboard --logdir={setup.model_dir}/tensorboard"
  )
  return result
