"""Checks that an export answers as its run does, on sample requests."""

import json
import logging
import os
import subprocess
import sys
import tempfile
from typing import Any
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from realm_tf import errors
from realm_tf import files
from realm_tf.serving.export import check_saved_model
from realm_tf.serving.export import signatures
from realm_tf.text import wordpiece

_log = logging.getLogger(__name__)

# A signature, and its inputs by name.
Request = tuple[str, dict[str, list[Any]]]

SAMPLES = 8  # a request
# With weights in fewer bits: samples whose best answer is compared with that of
# float32, and the share that must be the same.
_COMPARED = 64
_LEAST_SAME = 0.75
# Relative, between a process and another on the same machine.
_TOLERANCE = 1e-3


class _Samples(NamedTuple):
  """Passages of the corpus to make samples of."""

  titles: list[str]
  bodies: list[str]

  @classmethod
  def of(cls, served: signatures.ServedModel, count: int) -> "_Samples":
    """Takes a number of passages of a corpus, evenly spread."""
    rows = np.linspace(0, served.memory.packed.null_row - 1, count)
    texts = served.memory.read_texts(tf.constant(rows.astype(np.int32)))
    return cls(
      [title.decode() for title in texts.titles.numpy()],
      [body.decode() for body in texts.bodies.numpy()],
    )


def sample_requests(served: signatures.ServedModel) -> list[Request]:
  """Returns a request a signature; the default one has another name, too."""
  samples = _Samples.of(served, SAMPLES)
  return [
    (name, _inputs(name, samples, served))
    for name in served.signatures
    if name != tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY
  ]


def _inputs(
  name: str, samples: _Samples, served: signatures.ServedModel
) -> dict[str, list[Any]]:
  """Returns the inputs of a signature, about passages."""
  questions = [f"what is {title}?" for title in samples.titles]
  known: dict[str, list[Any]] = {
    "question": questions,
    "text": questions,
    "title": samples.titles,
    "threshold": [0.5] * len(questions),
  }
  if name == "embed_passage":
    known["text"] = samples.bodies
  elif name == "fill_mask":
    known["text"] = [
      f"{title} is a {wordpiece.MASK}." for title in samples.titles
    ]
  specs = served.signatures[name].input_signature
  return {spec.name: known[spec.name] for spec in specs}


def check(
  folder: str,
  served: signatures.ServedModel,
  requests: list[Request],
  *,
  uses_scann: bool,
) -> None:
  """Compares an export's answers, computed in another process, with ours.

  Args:
    folder: The export.
    served: The exported model, with the same weights.
    requests: From `sample_requests`.
    uses_scann: Whether the process needs ScaNN's operations.

  Raises:
    errors.UserError: If the export cannot be run, or answers otherwise.
  """
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


def best_answers(served: signatures.ServedModel) -> np.ndarray:
  """Returns the best answer, or the first mask's best token, to samples.

  Nothing is traced: the weights may still change.
  """
  name = served.default
  inputs = _inputs(name, _Samples.of(served, _COMPARED), served)
  outputs = served.signatures[name].python_function(
    **{name: tf.constant(values) for name, values in inputs.items()}
  )
  best = outputs["answer"] if "answer" in outputs else outputs["token"][:, 0]
  return best[:, 0].numpy()


def check_reduced(
  served: signatures.ServedModel, full: np.ndarray, weights: str
) -> float:
  """Compares best answers with those of the full weights.

  Args:
    served: With its weights in fewer bits.
    full: From `best_answers`.
    weights: How they are stored.

  Returns:
    The share that are the same.

  Raises:
    errors.UserError: If too few are.
  """
  same = best_answers(served) == full
  _log.info(
    f"With {weights} weights, {same.sum()} of the best answers to {same.size} "
    "sample questions are those of float32."
  )
  if same.mean() < _LEAST_SAME:
    raise errors.UserError(
      f"weights={weights} changes too much: {same.mean():.0%} of the answers "
      f"to sample questions are as before, and {_LEAST_SAME:.0%} must be. "
      "Nothing was published: export with more bits."
    )
  return float(same.mean())
