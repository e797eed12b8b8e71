"""Answers samples from a SavedModel in a process without realm_tf.

Run as a file: python check_saved_model.py FOLDER REQUESTS.json ANSWERS.json
where REQUESTS.json is [[signature, {input: [values]}], ...]. What a SavedModel
needs beyond TensorFlow and TF Text would be missing here.
"""

import gc
import json
import os
import sys
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if __name__ == "__main__":
  # Here and at the end, what `environment.collect_garbage_rarely` does.
  gc.set_threshold(50_000, 10, 4)

import tensorflow as tf  # noqa: E402
import tensorflow_text  # noqa: E402, F401 - registers its ops


def main(folder: str, requests_path: str, answers_path: str) -> None:
  """Writes the outputs of each request, by name, as nested lists."""
  if os.environ.get("REALM_TF_REGISTER_SCANN"):
    import scann  # noqa: F401 - registers its ops
  model = tf.saved_model.load(folder)
  with open(requests_path, encoding="utf-8") as f:
    requests = json.load(f)
  answers = []
  for signature, inputs in requests:
    outputs = model.signatures[signature](
      **{name: tf.constant(values) for name, values in inputs.items()}
    )
    answers.append({k: _plain(v.numpy().tolist()) for k, v in outputs.items()})
  with open(answers_path, "w", encoding="utf-8") as f:
    json.dump(answers, f)


def _plain(value: Any) -> Any:
  """Turns bytes into text, at any depth."""
  if isinstance(value, list):
    return [_plain(v) for v in value]
  return value.decode() if isinstance(value, bytes) else value


if __name__ == "__main__":
  main(*sys.argv[1:])
  gc.freeze()
