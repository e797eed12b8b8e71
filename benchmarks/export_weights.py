"""What storing weights in fewer bits costs: exact match, bytes, latency.

python -m benchmarks.export_weights --questions=FILE EXPORT [EXPORT ...]

EXPORT is a version that `launch.export` wrote, such as served/int8/1.
"""

import argparse
import os
import pathlib
import statistics
import time
from collections.abc import Sequence

import numpy as np

from benchmarks import timing
from realm_tf.data.questions import qa_splits
from realm_tf.evaluation import answer_matching
from realm_tf.serving.server import servables

_BATCH = 50
_TURNS = 5
_ALONE = 100  # questions a turn, one at a time


class _Export:
  """A loaded export."""

  def __init__(self, folder: str):
    self.name = os.path.relpath(folder)
    self.bytes = sum(
      path.stat().st_size
      for path in pathlib.Path(folder).rglob("*")
      if path.is_file()
    )
    self._servable = servables.Servable("realm", 1, folder)
    self._signature = self._servable.signatures["answer"]
    self.milliseconds: list[float] = []

  def ask(self, questions: Sequence[str]) -> list[str]:
    """Returns the best answers, as a server's batch."""
    asked = np.array([question.encode() for question in questions], object)
    found = self._servable.run(
      self._signature, {"question": asked}, ["answer", "passage"]
    )
    return [answer[0].decode() for answer in found["answer"]]

  def time(self, questions: Sequence[str]) -> None:
    """Asks one question at a time."""
    for question in questions:
      start = time.perf_counter()
      self.ask([question])
      self.milliseconds.append(1e3 * (time.perf_counter() - start))


def main() -> None:
  """Prints a line an export."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument("--questions", required=True)
  parser.add_argument("exports", nargs="+")
  args = parser.parse_args()
  examples = qa_splits.load(args.questions, "test").examples
  references = [answer_matching.AnswerSet.of(example) for example in examples]
  questions = [example.question for example in examples]
  exports = [_Export(folder) for folder in args.exports]
  right, said = [], []
  for export in exports:
    answers = [
      answer
      for first in range(0, len(questions), _BATCH)
      for answer in export.ask(questions[first : first + _BATCH])
    ]
    pairs = zip(references, answers, strict=True)
    right.append(statistics.mean(r.is_right(answer) for r, answer in pairs))
    said.append(answers)
    export.ask(questions[:1])  # the first of this size
  # Turn by turn: what else the machine does, it does to all of them.
  for _ in range(_TURNS):
    for export in exports:
      export.time(questions[:_ALONE])
  rows = []
  for export, exact_match, answers in zip(exports, right, said, strict=True):
    same = np.mean([a == b for a, b in zip(answers, said[0], strict=True)])
    p50, p99 = np.percentile(export.milliseconds, [50, 99])
    rows.append(
      [
        export.name,
        f"{export.bytes / 1e6:.1f}",
        f"{exact_match:.1%}",
        f"{same:.1%}",
        f"{p50:.1f}",
        f"{p99:.1f}",
      ]
    )
  timing.print_table(
    f"Exports asked {len(questions)} questions",
    ["export", "MB", "exact match", "as the first", "p50 ms", "p99 ms"],
    rows,
  )


if __name__ == "__main__":
  main()
