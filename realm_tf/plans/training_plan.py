"""The plan of a training, before anything is opened."""

import dataclasses
from collections.abc import Mapping

from realm_tf import tf_config
from realm_tf.configs import schema
from realm_tf.data.examples import record_words
from realm_tf.index.build import version_bytes
from realm_tf.index.device import share_layout
from realm_tf.plans import corpus_size
from realm_tf.plans import host_memory
from realm_tf.plans import parameters
from realm_tf.plans import refresh_modes
from realm_tf.plans import replicas as replicas_lib


@dataclasses.dataclass(frozen=True)
class Asked:
  """What the flags ask for, beside the config.

  Attributes:
    corpus: Folder of the knowledge corpus; "" for a task without one.
    pretrain_corpus: Folder of the annotated corpus; "" for `corpus`.
    tpu: See `devices.make_strategy`.
    replicas: How many to plan for; 0 for the workers of `TF_CONFIG`, or one.
    retrieval: "host" or "device", of `pretrain`.
    refresh: Who rebuilds the index; "" where there is none.
  """

  corpus: str = ""
  pretrain_corpus: str = ""
  tpu: str = ""
  replicas: int = 0
  retrieval: str = "host"
  refresh: str = ""


def lines(config: schema.TaskConfig, asked: Asked) -> dict[str, str]:
  """Returns the lines of a plan, by name.

  Args:
    config: Of any training.
    asked: The other flags.

  Raises:
    errors.UserError: If the batch cannot be spread over the replicas, or a
      manifest or `TF_CONFIG` is damaged.
  """
  workers = 1 if asked.tpu else tf_config.count_workers()
  replicas = asked.replicas or workers
  replicas_lib.check_batch(config.batch_size, replicas)
  knowledge = corpus_size.read(asked.corpus)
  found = {
    "devices": _devices(asked, replicas, workers),
    "batch": describe_batch(config, replicas),
  }
  if asked.corpus:
    found["corpus"] = knowledge.describe(asked.corpus)
  if isinstance(config, schema.SentenceConfig):
    found["sentences"] = _sentences(asked)
  if isinstance(config, schema.RealmConfig | schema.OrqaConfig):
    found |= _index(config, asked, knowledge)
  models = parameters.of(config, knowledge.vocab_size)
  for role, count in models.items():
    frozen = f", {count.frozen:,} frozen" if count.frozen else ""
    found[f"trained {role}"] = f"{count.trained:,} parameters{frozen}"
  found["each device"] = _on_device(config, asked, knowledge, models, replicas)
  if asked.corpus:
    found["each host"] = _on_host(config, asked, knowledge).describe()
  found["saved"] = (
    f"a checkpoint every {config.checkpoint_every_steps:,} steps; an "
    f"evaluation every {config.evaluate_every_steps:,}"
  )
  return found


def describe_batch(config: schema.TaskConfig, replicas: int) -> str:
  """Returns the line on the size of a step, and their number."""
  line = (
    f"{config.batch_size:,} in all, {config.batch_size // replicas:,} a "
    f"replica; {config.train_steps:,} steps"
  )
  if isinstance(config, schema.RealmConfig) and config.query_oversampling > 1:
    line += f"; chosen of {config.retrieved_batch_size:,} queries"
  return line


def _devices(asked: Asked, replicas: int, workers: int) -> str:
  noun = "replica" if replicas == 1 else "replicas"
  planned = f"planned for {replicas:,} {noun}"
  if not asked.replicas:
    planned += "; dry_run_replicas=N plans for N"
  if asked.tpu:
    return f"tpu={asked.tpu}, which is not asked; {planned}"
  if workers > 1:
    return f"{workers} workers of {tf_config.NAME}; {planned}"
  return f"GPUs if there are any, else the CPU; {planned}"


def _sentences(asked: Asked) -> str:
  name = asked.pretrain_corpus or asked.corpus
  size = corpus_size.read(name)
  about = "" if size.is_annotated else "about "
  return f"{name}: {about}{size.sentences:,}, {about}{size.spans:,} spans"


def _index(
  config: schema.RealmConfig | schema.OrqaConfig,
  asked: Asked,
  knowledge: corpus_size.CorpusSize,
) -> dict[str, str]:
  """Returns lines on the versions of the index."""
  if isinstance(config, schema.OrqaConfig):
    if not config.has_retriever:
      return {"index": "none: passages are found by BM25"}
    if not config.train_passage_tower:
      return {"index": "one version, which stays as it is"}
  if asked.refresh == refresh_modes.INLINE:
    return {
      "index": f"embedded by the steps, {config.export_every_steps:,} a round"
    }
  if asked.refresh == "off":
    return {"index": "one version, which stays to the last step"}
  version = version_bytes.VersionBytes(
    knowledge.passages,
    config.embedding_size,
    version_bytes.VALUE_BYTES[config.index_dtype],
    knowledge.passages < config.exact_search_below,
    pooled_size=config.pooled_size,
  )
  return {
    "index": f"refresh={asked.refresh}, an export every "
    f"{config.export_every_steps:,} steps; a warning at an age of "
    f"{config.index_age_warning_steps:,} steps, a pause at "
    f"{config.index_age_limit_steps:,}",
    "version": version.describe(),
  }


def _on_device(
  config: schema.TaskConfig,
  asked: Asked,
  knowledge: corpus_size.CorpusSize,
  models: Mapping[str, parameters.Parameters],
  replicas: int,
) -> str:
  """Returns the line on the memory of a replica."""
  total = sum(models.values(), parameters.Parameters(0))
  taken = {
    "weights": total.weight_bytes,
    "gradients": 4 * total.trained,
    "optimizer": 8 * total.trained,
  }
  if isinstance(config, schema.RealmConfig) and asked.retrieval == "device":
    share = share_layout.ShareBytes.of(
      share_layout.ShareLayout.of(
        knowledge.passages,
        replicas,
        config.retrieved_batch_size,
        on_cpu=not (asked.tpu or asked.replicas),
      ),
      config.embedding_size,
      version_bytes.VALUE_BYTES[config.device_vectors],
      record_words.count(config.passage_length, knowledge.vocab_size),
      config.retrieved_batch_size,
    )
    taken |= {
      "vectors": share.vectors,
      "wordpieces": share.passages,
      "scores": share.scores,
    }
    if (
      config.device_queries == "index" and asked.refresh != refresh_modes.INLINE
    ):
      embedder = parameters.embedder(config, knowledge.vocab_size)
      taken["query embedder"] = embedder.weight_bytes
  parts = ", ".join(f"{name} {n / 1e9:.2f}" for name, n in taken.items())
  return (
    f"{sum(taken.values()) / 1e9:.2f} GB: {parts}; activations aside, which "
    "compile_tpu counts"
  )


def _on_host(
  config: schema.TaskConfig, asked: Asked, knowledge: corpus_size.CorpusSize
) -> host_memory.HostBytes:
  """Returns what the data of a process take."""
  mapped = examples = index = other = 0
  if isinstance(config, schema.SentenceConfig):
    annotated = corpus_size.read(asked.pretrain_corpus or asked.corpus)
    mapped += host_memory.of_sentences(annotated)
    examples = (
      host_memory.of_examples(annotated)
      if isinstance(config, schema.QueryConfig)
      else host_memory.of_pairs(annotated)
    )
  if isinstance(config, schema.RealmConfig | schema.OrqaConfig):
    mapped += host_memory.of_table(knowledge)
    index = host_memory.of_searchers(knowledge, config.embedding_size)
  if isinstance(config, schema.OrqaConfig):
    other = host_memory.of_texts(knowledge)
  if isinstance(config, schema.RealmConfig):
    other = 8 * knowledge.passages  # fingerprints
  if isinstance(config, schema.RealmConfig) and asked.retrieval == "device":
    value = version_bytes.VALUE_BYTES[config.device_vectors]
    index = knowledge.passages * config.embedding_size * value
  elif isinstance(config, schema.RealmConfig | schema.OrqaConfig):
    mapped += host_memory.of_packed(knowledge, config.passage_length)
  return host_memory.HostBytes(mapped, examples, index, other)
