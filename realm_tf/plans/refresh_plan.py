"""The plan of a refresh job, before anything is opened."""

import json
import pathlib

from realm_tf import errors
from realm_tf.configs import loading
from realm_tf.configs import schema
from realm_tf.index.build import version_bytes
from realm_tf.plans import corpus_size
from realm_tf.plans import parameters


def lines(
  model_dir: str, corpus: str, workers: int | None, batch_size: int | None
) -> dict[str, str]:
  """Returns the lines of a plan, by name.

  Args:
    model_dir: The run, which need not be there yet.
    corpus: Folder of the corpus; "" for the run's.
    workers: Processes; None for what the run's config says.
    batch_size: Passages embedded at once; None for what the config says.

  Raises:
    errors.UserError: If the run is there, but of no retriever or damaged.
  """
  found = _read(model_dir)
  if found is None:
    return {"run": f"{model_dir} says nothing yet"}
  config, of_run = found
  size = corpus_size.read(corpus or of_run)
  index = schema.IndexConfig.of(config)
  embedder = parameters.embedder(config, size.vocab_size)
  version = version_bytes.VersionBytes(
    size.passages,
    config.embedding_size,
    version_bytes.VALUE_BYTES[index.index_dtype],
    size.passages < index.exact_search_below,
    pooled_size=config.pooled_size,
  )
  at_once = batch_size or index.embed_batch_size
  return {
    "workers": f"{workers or index.num_index_workers} on this machine, GPUs if "
    "there are any, else the CPU",
    "batch": f"{at_once:,} passages; {-(-size.passages // at_once):,} in all",
    "corpus": size.describe(corpus or of_run),
    "each device": f"{embedder.weight_bytes / 1e9:.2f} GB of weights",
    "version": version.describe(),
  }


def _read(model_dir: str) -> tuple[schema.RetrievalConfig, str] | None:
  """Returns a run's config and corpus; None if there is no run."""
  path = pathlib.Path(model_dir, loading.RUN_FILE)
  try:
    text = path.read_text(encoding="utf-8")
  except OSError:
    return None
  try:
    run = json.loads(text)
    kind = loading.RUNS[run["task"]]
    config = loading.from_run(kind, run["config"], {}, str(path))
    corpus = str(run["corpus"])
  except errors.MALFORMED as e:
    raise errors.UserError(f"{path} is damaged: {e!r}.") from e
  if not isinstance(config, schema.RetrievalConfig):
    raise errors.UserError(
      "The run trains no retriever: name one of `pretrain`, `pretrain_ict` "
      "or `finetune`."
    )
  return config, corpus
