"""Exports a run as one SavedModel, from raw text to answers with evidence."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import tempfile
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import model_pb2
from tensorflow_serving.apis import predict_pb2
from tensorflow_serving.apis import prediction_log_pb2

from realm_tf import errors
from realm_tf import files
from realm_tf import suggestions
from realm_tf.answering import mask_filling
from realm_tf.answering import open_qa
from realm_tf.configs import run_config
from realm_tf.serving import check_saved_model
from realm_tf.serving import searchers
from realm_tf.serving import signatures
from realm_tf.text import tokenizer as tokenizer_lib

PASSAGES = ("text", "ids")
INFO = "realm.json"
WARMUP = "tf_serving_warmup_requests"
_EXTRA = "assets.extra"
_SAMPLES = 8
# Relative, between a process and another on the same machine.
_TOLERANCE = 1e-3

Request = tuple[str, dict[str, list[Any]]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportOptions:
  """What the flags say.

  Attributes:
    model_dir: A run of `finetune` or `pretrain`.
    output: Folder of the served model's versions.
    searcher: One of `searchers.NAMES`; "" to choose by the corpus's size.
    passages: One of `PASSAGES`: whether titles and bodies are returned, or ids
      alone.
    num_answers: Answers a question, or tokens a mask.
    version: Of the export; 0 for the one after the newest in `output`.
    corpus: Folder of the knowledge corpus; by default the run's.
  """

  model_dir: str
  output: str
  searcher: str = ""
  passages: str = "text"
  num_answers: int = 5
  version: int = 0
  corpus: str = ""


def run(options: ExportOptions) -> str:
  """Exports a run, checks the export in a process of its own, publishes it.

  Args:
    options: What the flags say.

  Returns:
    The folder of the new version.

  Raises:
    errors.UserError: If a flag or the run is wrong, or the export does not
      answer as the run does; then nothing is published.
  """
  version = _choose_version(options)
  folder = os.path.join(options.output, str(version))
  served, info = _load(options)
  os.makedirs(options.output, exist_ok=True)
  # TF Serving looks at numbers alone.
  temporary = tempfile.mkdtemp(prefix=f".{version}-", dir=options.output)
  try:
    requests = _sample_requests(served)
    tf.saved_model.save(served, temporary, signatures=served.signatures)
    extra = os.path.join(temporary, _EXTRA)
    os.makedirs(extra)
    _write_warmup(os.path.join(extra, WARMUP), requests)
    files.write_json(os.path.join(extra, INFO), info)
    print("Checking the export in a process of its own ...", flush=True)
    _check(temporary, served, requests, uses_scann=info["searcher"] == "scann")
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
  print(
    f"Wrote {folder}: {_megabytes(folder):,.0f} MB, {info['searcher']} search "
    f"of {info['num_passages']:,} passages. Next:\n"
    f"  {suggestions.command('serve', serving)}"
  )
  return folder


def _choose_version(options: ExportOptions) -> int:
  """Returns the version to write, which does not exist yet."""
  if options.searcher and options.searcher not in searchers.NAMES:
    raise errors.UserError(
      f"--searcher={options.searcher} must be one of "
      f"{', '.join(searchers.NAMES)}."
    )
  if options.passages not in PASSAGES:
    raise errors.UserError(
      f"--passages={options.passages} must be one of {', '.join(PASSAGES)}."
    )
  if "://" in options.output:
    raise errors.UserError(
      f"--output={options.output} is no folder of this machine: export to one, "
      "and copy the version that is written."
    )
  found = [0]
  if os.path.isdir(options.output):
    found += [int(n) for n in os.listdir(options.output) if n.isdecimal()]
  elif os.path.lexists(options.output):
    raise errors.UserError(f"--output={options.output} is no folder.")
  version = options.version or max(found) + 1
  if version in found:
    raise errors.UserError(
      f"--version={version} is in {options.output} already: a server may have "
      "it loaded. Give a higher one, or leave --version out."
    )
  return version


def _load(
  options: ExportOptions,
) -> tuple[signatures.ServedModel, dict[str, Any]]:
  """Loads the run on the CPU, in float32; returns it with facts for INFO."""
  run = run_config.read(options.model_dir)
  with_texts = options.passages == "text"
  count = options.num_answers
  loaded: open_qa.OpenQa | mask_filling.MaskFilling
  facts: dict[str, Any] = {}
  tf.keras.mixed_precision.set_global_policy("float32")
  with tf.device("/cpu:0"):
    if run.task == "pretrain":
      loaded = mask_filling.load(options.model_dir, options.corpus)
    else:
      cpu = tf.distribute.OneDeviceStrategy("/cpu:0")
      loaded = open_qa.load(options.model_dir, options.corpus, strategy=cpu)
    name = options.searcher or searchers.choose(loaded.corpus.num_passages)
    make_searcher = searchers.maker(name, loaded.index)
    if isinstance(loaded, mask_filling.MaskFilling):
      served = signatures.of_mask_filling(
        loaded, make_searcher, count=count, with_texts=with_texts
      )
    else:
      facts["threshold"] = loaded.threshold
      served = signatures.of_open_qa(
        loaded,
        make_searcher,
        count=count,
        threshold=loaded.threshold,
        with_texts=with_texts,
      )
  return served, facts | {
    "task": run.task,
    "model_dir": os.path.abspath(options.model_dir),
    "corpus_fingerprint": loaded.corpus.fingerprint,
    "num_passages": loaded.corpus.num_passages,
    "index_step": loaded.index.step,
    "searcher": name,
    "passages": options.passages,
  }


def _sample_requests(served: signatures.ServedModel) -> list[Request]:
  """Returns a request a signature, about titles of the corpus."""
  rows = np.linspace(0, served.memory.packed.null_row - 1, _SAMPLES)
  texts = served.memory.read_texts(tf.constant(rows.astype(np.int32)))
  titles = [title.decode() for title in texts.titles.numpy()]
  bodies = [body.decode() for body in texts.bodies.numpy()]
  questions = [f"what is {title}?" for title in titles]
  samples = {
    "question": questions,
    "text": questions,
    "title": titles,
    "threshold": [0.5] * len(titles),
  }
  requests = []
  for name, function in served.signatures.items():
    inputs = {
      spec.name: samples[spec.name] for spec in function.input_signature
    }
    if name == "embed_passage":
      inputs["text"] = bodies
    elif "text" in inputs and name != "embed_query":
      inputs["text"] = [
        f"{title} is a {tokenizer_lib.MASK}." for title in titles
      ]
    requests.append((name, inputs))
  return requests


def _write_warmup(path: str, requests: list[Request]) -> None:
  """Writes the requests that a server sends itself before it is ready."""
  with tf.io.TFRecordWriter(path) as writer:
    for signature, inputs in requests:
      for size in (1, _SAMPLES):
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


def _check(
  folder: str,
  served: signatures.ServedModel,
  requests: list[Request],
  *,
  uses_scann: bool,
) -> None:
  """Compares the export's answers with the run's, from another process."""
  with tempfile.TemporaryDirectory() as scratch:
    asked = os.path.join(scratch, "requests.json")
    answered = os.path.join(scratch, "answers.json")
    files.write_json(asked, requests)
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    if uses_scann:
      environment["REALM_TF_REGISTER_SCANN"] = "1"
    done = subprocess.run(
      # -P: what lies beside the file is not what it imports.
      [
        *(sys.executable, "-P", check_saved_model.__file__),
        *(folder, asked, answered),
      ],
      env=environment,
      capture_output=True,
      text=True,
      check=False,
    )
    if done.returncode:
      last = (done.stderr.strip().splitlines() or ["no output"])[-1]
      raise errors.UserError(
        f"The export cannot be run by TensorFlow and TF Text alone: {last}"
      )
    with open(answered, encoding="utf-8") as f:
      answers = json.load(f)
  for (signature, inputs), found in zip(requests, answers, strict=True):
    wanted = served.signatures[signature](
      **{name: tf.constant(values) for name, values in inputs.items()}
    )
    for name, value in wanted.items():
      if not _equal(value.numpy(), np.asarray(found.get(name))):
        raise errors.UserError(
          f"The export answers otherwise than the run: output {name} of "
          f"signature {signature} differs. Nothing was published."
        )


def _equal(wanted: np.ndarray, found: np.ndarray) -> bool:
  if wanted.shape != found.shape:
    return False
  if wanted.dtype == object:
    return bool(np.array_equal(np.char.decode(wanted.astype(bytes)), found))
  return np.allclose(wanted, found, rtol=_TOLERANCE, atol=_TOLERANCE)


def _megabytes(folder: str) -> float:
  sizes = (
    os.path.getsize(os.path.join(parent, name))
    for parent, _, names in os.walk(folder)
    for name in names
  )
  return sum(sizes) / 1e6
