"""Exports a run as one SavedModel, from raw text to answers with evidence."""

import dataclasses
import functools
import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import model_pb2
from tensorflow_serving.apis import predict_pb2
from tensorflow_serving.apis import prediction_log_pb2

from realm_tf import errors
from realm_tf import files
from realm_tf import stack
from realm_tf import suggestions
from realm_tf.answering import mask_filling
from realm_tf.answering import open_qa
from realm_tf.answering import passage_memory
from realm_tf.answering.retrievers import retriever_names
from realm_tf.export import stored_weights
from realm_tf.runs import run_config
from realm_tf.serving.export import export_checks
from realm_tf.serving.export import export_retrievers
from realm_tf.serving.export import export_searchers
from realm_tf.serving.export import signatures

_log = logging.getLogger(__name__)

PASSAGES = ("text", "ids")
PRECISIONS = ("float32", "bfloat16")
INFO = "realm.json"
WARMUP = "tf_serving_warmup_requests"
_EXTRA = "assets.extra"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportOptions:
  """The options of an export.

  Attributes:
    model_dir: A run of `finetune` or `pretrain`.
    output: Folder of the served model's versions.
    searcher: One of `export_searchers.NAMES`; "" to choose by size.
    passages: One of `PASSAGES`: whether titles, bodies and metadata are
      returned, or ids alone.
    num_answers: Answers a question, or tokens a mask.
    weights: How weights of the encoders are stored, one of
      `stored_weights.KINDS`.
    precision: Of the products, one of `PRECISIONS`.
    version: Of the export; 0 for the one after the newest in `output`.
    corpus: Folder of the knowledge corpus; by default the run's.
    retriever: One of `retriever_names.RETRIEVERS`: what finds passages; "" for
      what the run was trained with.
    hybrid_weight: As for `open_qa.OpenQA.from_run`.
  """

  model_dir: str
  output: str
  searcher: str = ""
  passages: str = "text"
  num_answers: int = 5
  weights: str = stored_weights.FLOAT32
  precision: str = "float32"
  version: int = 0
  corpus: str = ""
  retriever: str = ""
  hybrid_weight: float | None = None


def run(options: ExportOptions) -> str:
  """Exports a run, checks the export in a process of its own, publishes it.

  Args:
    options: The command's options.

  Returns:
    The folder of the new version.

  Raises:
    errors.UserError: If a flag or the run is wrong, or the export does not
      answer as the run does; then nothing is published.
  """
  version = choose_version(options.output, options.version)
  if not options.retriever:
    options = dataclasses.replace(
      options, retriever=run_config.read(options.model_dir).retriever
    )
  _check_options(options)
  folder = os.path.join(options.output, str(version))
  policy = tf.keras.mixed_precision.global_policy()
  try:
    served, info = _load(options)
  finally:
    tf.keras.mixed_precision.set_global_policy(policy)
  os.makedirs(options.output, exist_ok=True)
  # TF Serving looks at numbers alone.
  temporary = tempfile.mkdtemp(prefix=f".{version}-", dir=options.output)
  try:
    requests = export_checks.sample_requests(served)
    served.trace()
    tf.saved_model.save(served, temporary, signatures=served.signatures)
    _share_default(temporary, served.default)
    extra = os.path.join(temporary, _EXTRA)
    os.makedirs(extra)
    _write_warmup(os.path.join(extra, WARMUP), requests)
    files.write_json(os.path.join(extra, INFO), info)
    _log.info("Checking the export in a process of its own ...")
    export_checks.check(
      temporary, served, requests, uses_scann=info["searcher"] == "scann"
    )
    os.chmod(temporary, 0o755)  # mkdtemp's folders are for their owner alone
    if os.path.lexists(folder):
      raise errors.UserError(
        f"{folder} was written by another export meanwhile: export again."
      )
    os.rename(temporary, folder)
  except BaseException:
    shutil.rmtree(temporary, ignore_errors=True)
    raise
  serving = {"model_name": "realm", "model_base_path": options.output}
  _log.info(
    f"Wrote {folder}: {_megabytes(folder):,.0f} MB, {_search(info)} of "
    f"{info['num_passages']:,} passages. Next:\n"
    f"  {suggestions.command('serve', serving)}"
  )
  return folder


def _search(info: dict[str, Any]) -> str:
  """Returns what finds passages in an export, in a few words."""
  own = f"{info['searcher']} search"
  return {
    retriever_names.BM25: "BM25",
    retriever_names.HYBRID: f"{own} and BM25 ({info.get('hybrid')})",
  }.get(info.get("retriever", ""), own)


def _check_options(options: ExportOptions) -> None:
  """Raises if an option is unknown, or does not go with another."""
  if options.searcher and options.searcher not in export_searchers.NAMES:
    raise errors.UserError(
      f"searcher={options.searcher} must be one of "
      f"{', '.join(export_searchers.NAMES)}."
    )
  why = (
    stack.why_no_scann() if options.searcher == export_searchers.SCANN else ""
  )
  if why:
    raise errors.UserError(
      f"searcher={options.searcher} cannot be exported, as ScaNN cannot be "
      f"loaded: {why}. Choose {export_searchers.EXACT} or "
      f"{export_searchers.PARTITIONED}, or leave `searcher` out."
    )
  for flag, known in (
    ("retriever", retriever_names.RETRIEVERS),
    ("passages", PASSAGES),
    ("weights", stored_weights.KINDS),
    ("precision", PRECISIONS),
  ):
    value = getattr(options, flag)
    if value not in known:
      raise errors.UserError(
        f"{flag}={value} must be one of {', '.join(known)}."
      )
  if options.searcher and options.retriever == retriever_names.BM25:
    raise errors.UserError(
      "`searcher` is for the run's own index, which retriever=bm25 does not "
      "search: leave one of them out."
    )
  if (
    options.hybrid_weight is not None
    and options.retriever != retriever_names.HYBRID
  ):
    raise errors.UserError(
      "`hybrid_weight` goes with retriever=hybrid: give both, or neither."
    )


def choose_version(output: str, version: int = 0) -> int:
  """Returns the version to write, which does not exist yet.

  Args:
    output: Folder of the served model's versions.
    version: The version to write; 0 for the one after the newest in `output`.

  Raises:
    errors.UserError: If `output` is no folder of this machine, or holds
      `version`.
  """
  if "://" in output:
    raise errors.UserError(
      f"output={output} is no folder of this machine: export to one, "
      "and copy the version that is written."
    )
  found = [0]
  if os.path.isdir(output):
    found += [int(n) for n in os.listdir(output) if n.isdecimal()]
  elif os.path.lexists(output):
    raise errors.UserError(f"output={output} is no folder.")
  version = version or max(found) + 1
  if version in found:
    raise errors.UserError(
      f"version={version} is in {output} already: a server may have "
      "it loaded. Give a higher one, or leave `version` out."
    )
  return version


def _load(
  options: ExportOptions,
) -> tuple[signatures.ServedModel, dict[str, Any]]:
  """Loads the run on the CPU; returns the served model, and facts for INFO."""
  run = run_config.read(options.model_dir)
  loaded: open_qa.OpenQA | mask_filling.MaskFilling
  facts: dict[str, Any] = {}
  with tf.device("/cpu:0"):
    if run.task == "pretrain":
      if options.retriever != retriever_names.DENSE:
        raise errors.UserError(
          f"retriever={options.retriever} is for questions, and "
          f"{options.model_dir} is a run of pretrain, which fills masks: leave "
          "it out."
        )
      loaded = mask_filling.load(
        options.model_dir, options.corpus, precision=options.precision
      )
      models = [loaded.retriever, loaded.reader]
    else:
      loaded = open_qa.OpenQA.from_run(
        options.model_dir,
        corpus=options.corpus,
        strategy=tf.distribute.OneDeviceStrategy("/cpu:0"),
        precision=options.precision,
        hybrid_weight=options.hybrid_weight,
      )
      models = [loaded.model]
      facts["threshold"] = loaded.threshold
      facts["retriever"] = options.retriever
      if options.retriever == retriever_names.HYBRID:
        facts["hybrid"] = str(loaded.retrievers.hybrid_settings)
    memory = loaded.memory.in_variables()
    serve, name = _server(loaded, memory, options)
    served = serve()
    if options.weights != stored_weights.FLOAT32:
      full = export_checks.best_answers(served)
      for model in models:
        stored_weights.reduce(model, options.weights)
      served = serve()
      facts["same_answers"] = export_checks.check_reduced(
        served, full, options.weights
      )
  return served, facts | {
    "task": run.task,
    "model_dir": os.path.abspath(options.model_dir),
    "corpus_fingerprint": loaded.corpus.fingerprint,
    "num_passages": loaded.corpus.num_passages,
    "index_step": _index_step(loaded),
    "searcher": name,
    "passages": options.passages,
    "weights": options.weights,
    "precision": options.precision,
  }


def _index_step(
  loaded: open_qa.OpenQA | mask_filling.MaskFilling,
) -> int | None:
  """Returns the version of a run's index; None if it has none."""
  if isinstance(loaded, open_qa.OpenQA) and not loaded.has_index:
    return None
  return loaded.index.step


def _server(
  loaded: open_qa.OpenQA | mask_filling.MaskFilling,
  memory: passage_memory.PassageMemory,
  options: ExportOptions,
) -> tuple[Callable[[], signatures.ServedModel], str]:
  """Returns what puts a run with its current weights behind signatures.

  And the name of the searcher of its index; "" if that is not searched.
  """
  told: dict[str, Any] = {
    "count": options.num_answers,
    "with_texts": options.passages == "text",
  }
  name = options.searcher or export_searchers.choose(loaded.corpus.num_passages)
  if isinstance(loaded, mask_filling.MaskFilling):
    searcher = export_searchers.make(name, memory, loaded.searcher)
    return functools.partial(
      signatures.of_mask_filling, loaded, memory, searcher, **told
    ), name
  retriever: export_retrievers.ServedRetriever
  if options.retriever == retriever_names.BM25:
    retriever = export_retrievers.ServedBm25(loaded.retrievers.bm25)
    name = ""
  else:
    searcher = export_searchers.make(name, memory, loaded.searcher)
    retriever = (
      export_retrievers.ServedHybrid(searcher, memory, loaded.retrievers)
      if options.retriever == retriever_names.HYBRID
      else export_retrievers.ServedDense(searcher, loaded.config.score_scale)
    )
  return functools.partial(
    signatures.of_open_qa,
    loaded,
    memory,
    retriever,
    threshold=loaded.threshold,
    **told,
  ), name


def _share_default(folder: str, name: str) -> None:
  """Makes the default signature an alias of a named one, not a copy.

  TensorFlow Serving makes an executor for each signature's tensors: a copy
  would take its time and memory once more.

  Args:
    folder: A SavedModel.
    name: The signature that is the default one, too.
  """
  path = os.path.join(folder, "saved_model.pb")
  saved = saved_model_pb2.SavedModel()
  with open(path, "rb") as f:
    saved.ParseFromString(f.read())
  [graph] = saved.meta_graphs
  default = tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY
  graph.signature_def[name].CopyFrom(graph.signature_def[default])
  files.write_bytes(path, saved.SerializeToString(deterministic=True))


def _write_warmup(path: str, requests: list[export_checks.Request]) -> None:
  """Writes the warm-up requests, which a server runs before it is ready."""
  with tf.io.TFRecordWriter(path) as writer:
    for signature, inputs in requests:
      for size in (1, export_checks.SAMPLES):
        request = predict_pb2.PredictRequest(
          model_spec=model_pb2.ModelSpec(
            name="realm", signature_name=signature
          ),
          inputs={
            name: tf.make_tensor_proto(values[:size])
            for name, values in inputs.items()
          },
        )
        log = prediction_log_pb2.PredictionLog(
          predict_log=prediction_log_pb2.PredictLog(request=request)
        )
        writer.write(log.SerializeToString())


def _megabytes(folder: str) -> float:
  sizes = (
    os.path.getsize(os.path.join(parent, name))
    for parent, _, names in os.walk(folder)
    for name in names
  )
  return sum(sizes) / 1e6
