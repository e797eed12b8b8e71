"""Runs the demo from the corpus to the report."""

import json
import logging
import os
from collections.abc import Mapping

from realm_tf import files
from realm_tf import progress
from realm_tf.demo import bert
from realm_tf.demo import demo_stages
from realm_tf.demo import folder
from realm_tf.demo import report
from realm_tf.evaluation import scoring
from realm_tf.training.recipes import pretraining

_log = logging.getLogger(__name__)

_EXAMPLES = 5
_ASKED = 3


def run(output: str, seed: int, retrieval: str = "host") -> None:
  """Pre-trains and fine-tunes on the embedded encyclopedia, and reports.

  Args:
    output: Folder of all that is written; an earlier demo there is replaced.
    seed: Of all trainings.
    retrieval: Where pre-training retrieves; see `pretraining.run`.

  Raises:
    errors.UserError: If `output` holds something else than a demo.
  """
  stages = _begin(output, seed)
  stages.write_questions()
  stages.pretrain_ict()
  pretrained = stages.pretrain(retrieval)
  stages.finetune()
  answered = stages.evaluate()
  exported = stages.export()
  _report(stages, pretrained, answered, exported)


def rebuild_bert(output: str, seed: int) -> None:
  """Trains the demo's BERT anew, and writes it into the package.

  Args:
    output: Folder of corpus and run; an earlier demo there is replaced.
    seed: Of the training.

  Raises:
    errors.UserError: If `output` holds something else than a demo.
  """
  stages = _begin(output, seed)
  command = stages.pretrain_mlm()
  bert.write(stages.path("mlm"), command)
  _log.info(f"Wrote {bert.FOLDER}.")


def _begin(output: str, seed: int) -> demo_stages.Stages:
  """Empties the folder, and writes the corpus with its salient spans."""
  stages = demo_stages.Stages(output, seed)
  folder.make_room(output)
  files.write_json(os.path.join(output, folder.MARKER), {"seed": seed})
  stages.build_corpus()
  stages.annotate_spans()
  return stages


def _report(
  stages: demo_stages.Stages,
  pretrained: pretraining.Pretrained,
  answered: Mapping[str, scoring.Scores],
  exported: str,
) -> None:
  """Prints the report, and writes it as Markdown and JSON."""
  evaluations = pretrained.result.evaluations
  before = evaluations[min(evaluations)]
  after = evaluations[max(evaluations)]
  answer_figures = report.answer_figures(answered)
  # The same questions: nothing of BM25 depends on training.
  baseline = {
    name: answer_figures["bm25"][name] for name in ("recall@1", "recall@5")
  }
  versions = ", ".join(map(str, pretrained.hook.versions_used))
  text = "\n".join(
    [
      f"# REALM on the embedded encyclopedia (seed {stages.seed})",
      "",
      report.table(before, after, baseline),
      "",
      f"Before: the warm start by ICT. After: step {pretrained.result.step}. "
      f"Index versions: {versions}; the last is searched by the last "
      "evaluation alone.",
      "",
      f"## {demo_stages.QUESTIONS} held-out questions, after fine-tuning",
      "",
      report.answers_table(answered),
      "",
      report.answers(answered, _EXAMPLES),
      "",
      "## Held-out sentences, and what was retrieved for them",
      "",
      report.examples(pretrained, _EXAMPLES),
      "",
      f"## Asked of the exported model, {exported}",
      "",
      report.replies(exported, stages.questions(_ASKED)),
    ]
  )
  files.write_bytes(stages.path("report.md"), text.encode())
  figures = {
    "seed": stages.seed,
    "before": before,
    "after": after,
    "bm25": baseline,
    "answers": answer_figures,
    "index_versions": pretrained.hook.versions_used,
    "secs": stages.secs,
  }
  files.write_bytes(
    stages.path("report.json"), (json.dumps(figures, indent=2)).encode()
  )
  total = progress.format_duration(sum(stages.secs.values()))
  _log.info(
    f"\n{text}\n"
    f"All steps took {total}. Written to {stages.output}: corpus, ict, "
    "realm (checkpoints, exports, index, TensorBoard), qa (and its "
    "evaluation), served, report.md, report.json.\n"
    f"{report.next_steps(stages.output)}"
  )
