"""The index that a run makes of its corpus once, where it has none."""

from realm_tf.export import embedder as export_lib
from realm_tf.index import exports
from realm_tf.index import store as store_lib
from realm_tf.models import embedder as embedder_lib
from realm_tf.training import refresher as refresher_lib


def build(
  model_dir: str, retriever: embedder_lib.Retriever, dim: int, step: int
) -> None:
  """Embeds the corpus of a run and publishes the index, if it is not there.

  Args:
    model_dir: The run, which has its `config.json`.
    retriever: Its towers; exported too, if that was not done.
    dim: Of the embeddings.
    step: Of the weights, which the version is named after.

  Raises:
    errors.UserError: If the process that embeds fails.
  """
  if store_lib.IndexStore(model_dir).is_published(step):
    return
  if step not in exports.steps(model_dir):
    export_lib.Exporter(retriever, dim).save(model_dir, step)
  print(
    f"Embedding the corpus, once; see {model_dir}/{refresher_lib.LOG} ...",
    flush=True,
  )
  refresher = refresher_lib.Refresher(model_dir, watch=False, step=step)
  try:
    refresher.wait()
  finally:
    refresher.terminate()
