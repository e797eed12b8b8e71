"""The rows of the paper's tables: its figures, and what trains each row.

Every row is a list of this package's commands; `plan.Planner` words them.
Without TensorFlow.
"""

import dataclasses
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence

from realm_tf import errors
from realm_tf.reproduction import plan

EXACT_MATCH = "exact match"
RECALL = "zero-shot recall@5"
MASKED_ACCURACY = "accuracy, percent"
MASKED_LIKELIHOOD = "log-likelihood, nats"
_STALE = 30  # times the usual interval between two indexes

Figures = Mapping[str, plan.Figure]


@dataclasses.dataclass(frozen=True)
class Row:
  """A system.

  Attributes:
    name: As `--rows` has it.
    title: As the paper has it.
    trained_on: What it is trained on here.
    paper: The paper's figures, in percent, by column.
    figures: From a planner to our figures, by column; none where the scale has
      no such system.
    is_beside: Whether it is reported beside the table.
  """

  name: str
  title: str
  trained_on: str
  paper: Mapping[str, float]
  figures: Callable[[plan.Planner], Figures]
  is_beside: bool = False


@dataclasses.dataclass(frozen=True)
class Table:
  """A table.

  Attributes:
    number: In the paper.
    title: What it compares.
    paper: What the paper's figures were measured on.
    rows: The systems, in the paper's order.
  """

  number: int
  title: str
  paper: str
  rows: tuple[Row, ...]


def get(number: int) -> Table:
  """Returns the table of a number, 1 or 2."""
  return {1: _TABLE_1, 2: _TABLE_2}[number]


def select(table: Table, names: Sequence[str]) -> tuple[Row, ...]:
  """Returns rows by name, in the table's order; all for no names.

  Args:
    table: Their table.
    names: Of the rows.

  Raises:
    errors.UserError: If there is no such row.
  """
  known = [row.name for row in table.rows]
  for name in names:
    if name not in known:
      raise errors.UserError(
        f"rows={name} is no row of table {table.number}: choose of "
        f"{', '.join(known)}."
      )
  return tuple(row for row in table.rows if not names or row.name in names)


def commands(rows: Sequence[Row], planners: Sequence[plan.Planner]) -> str:
  """Returns the commands of each row; those of an earlier one by name alone."""
  shown: dict[str, plan.Step] = {}
  lines: list[str] = []
  for planner in planners:
    for row in rows:
      lines += ["", f"# {row.title} (seed {planner.seed})"]
      figures = row.figures(planner)
      for step in plan.in_order(f.step for f in figures.values()):
        if step.name in shown:
          lines.append(f"# {step.name}: as above")
        else:
          lines.append(step.line)
        shown[step.name] = step
  return "\n".join(lines[1:])


def _ablation(
  planner: plan.Planner,
  name: str,
  retriever: plan.Step,
  reader: plan.Step | None,
) -> Figures:
  """Returns a row of Table 2: recall before fine-tuning, answers after.

  Recall comes first, so that fine-tunings find the index that it has built.
  """
  column, split = next(iter(planner.scale.datasets)), planner.scale.split
  recall = planner.evaluation(retriever, column, split, retrieval_only=True)
  tuned = planner.finetuning(name, column, retriever=retriever, reader=reader)
  return {
    RECALL: plan.Figure(recall, "recall@5"),
    EXACT_MATCH: plan.Figure(
      planner.evaluation(tuned, column, split), "exact_match"
    ),
  }


def _of_realm(
  name: str, fields: Callable[[plan.Planner], Mapping[str, str]]
) -> Callable[[plan.Planner], Figures]:
  """Returns a row whose retriever and reader come of one pre-training."""

  def figures(planner: plan.Planner) -> Figures:
    realm = planner.realm(name, fields(planner))
    return _ablation(planner, f"{name}-qa", realm, realm)

  return figures


def _stale(planner: plan.Planner) -> Mapping[str, str]:
  interval = _STALE * planner.scale.refresh_interval()
  return {"export_every_steps": str(interval)}


def _ours(exact_match: float, recall: float) -> Mapping[str, float]:
  return {EXACT_MATCH: exact_match, RECALL: recall}


_TABLE_2 = Table(
  2,
  "Ablations",
  "NaturalQuestions-Open, dev",
  (
    Row(
      "realm",
      "REALM",
      "BERT, ICT, REALM, questions",
      _ours(38.2, 38.5),
      _of_realm("realm", lambda planner: {}),
    ),
    Row(
      "realm_retriever",
      "REALM retriever + baseline encoder",
      "retriever: BERT, ICT, REALM; reader: BERT; both: questions",
      _ours(37.4, 38.5),
      lambda planner: _ablation(
        planner, "realm_retriever-qa", planner.realm(), None
      ),
    ),
    Row(
      "realm_encoder",
      "Baseline retriever + REALM encoder",
      "retriever: BERT, ICT; reader: BERT, REALM; both: questions",
      _ours(35.3, 13.9),
      lambda planner: _ablation(
        planner, "realm_encoder-qa", planner.ict(), planner.realm()
      ),
    ),
    Row(
      "baseline",
      "Baseline (ORQA)",
      "retriever: BERT, ICT; reader: BERT; both: questions",
      _ours(31.3, 13.9),
      lambda planner: _ablation(planner, "orqa", planner.ict(), None),
    ),
    Row(
      "uniform_masks",
      "REALM with random uniform masks",
      "as REALM; 15% of the wordpieces are targets, as BERT masks them",
      _ours(32.3, 24.2),
      _of_realm("uniform_masks", lambda planner: {"masking": "bert_tokens"}),
    ),
    Row(
      "span_masks",
      "REALM with random span masks",
      "as REALM; the target is a random span",
      _ours(35.3, 26.1),
      _of_realm("span_masks", lambda planner: {"masking": "random_span"}),
    ),
    Row(
      "stale",
      "30x stale MIPS",
      "as REALM; the index is made anew a thirtieth as often",
      _ours(28.7, 15.1),
      _of_realm("stale", _stale),
    ),
  ),
)


def _answers(
  name: str,
  retriever: Callable[[plan.Planner], plan.Step | None],
  reader: Callable[[plan.Planner], plan.Step | None],
  fields: Mapping[str, str] | None = None,
) -> Callable[[plan.Planner], Figures]:
  """Returns a row of Table 1: exact match on the test split of each dataset."""

  def figures(planner: plan.Planner) -> Figures:
    found = {}
    for column in planner.scale.datasets:
      tuned = planner.finetuning(
        name,
        column,
        retriever=retriever(planner),
        reader=reader(planner),
        fields=fields,
      )
      evaluation = planner.evaluation(tuned, column, "test")
      found[column] = plan.Figure(evaluation, "exact_match")
    return found

  return figures


def _baseline(command: str) -> Callable[[plan.Planner], Figures]:
  """Returns a row of Table 1 that a command of its own trains and asks."""
  return lambda planner: {
    column: plan.Figure(
      planner.baseline(command, column, "test"), "exact_match"
    )
    for column in planner.scale.datasets
  }


def _t5(name: str) -> Callable[[plan.Planner], Figures]:
  """Returns a row of Table 1 whose model is of a size; see `scales`."""

  def figures(planner: plan.Planner) -> Figures:
    return {
      column: plan.Figure(
        planner.baseline("t5", column, "test", name=name, closed_book=True),
        "exact_match",
      )
      for column in planner.scale.datasets
      # Its answers are patterns; the paper has no figure either.
      if column != "CT" and name in planner.scale.baselines
    }

  return figures


def _masked(system: str) -> Callable[[plan.Planner], Figures]:
  """Returns a row on masked wordpieces, of what `knn_lm` has measured."""
  return lambda planner: {
    MASKED_ACCURACY: plan.Figure(planner.knn_lm(), f"{system}_accuracy"),
    MASKED_LIKELIHOOD: plan.Figure(
      planner.knn_lm(), f"{system}_log_likelihood", 1.0
    ),
  }


def _nothing(planner: plan.Planner) -> None:
  del planner


def _realm(planner: plan.Planner) -> plan.Step:
  return planner.realm()


def _realm_of_other(planner: plan.Planner) -> plan.Step:
  return planner.realm("realm_other_text", other=True)


_TABLE_1 = Table(
  1,
  "Open-domain question answering",
  "exact match on the test splits of NaturalQuestions-Open (NQ), "
  "WebQuestions (WQ) and CuratedTREC (CT)",
  (
    Row(
      "bert",
      "BERT baseline",
      "reader: BERT, questions with BM25's passages",
      {"NQ": 26.5, "WQ": 17.7, "CT": 21.3},
      _answers("bert-qa", _nothing, _nothing, {"retriever": "bm25"}),
    ),
    Row(
      "drqa",
      "DrQA",
      "questions with TF-IDF's passages; nothing before",
      {"WQ": 20.7, "CT": 25.7},
      _baseline("drqa"),
    ),
    Row(
      "hard_em",
      "HardEM",
      "as the BERT baseline, on the most likely correct span alone",
      {"NQ": 28.1},
      _answers(
        "hard_em-qa",
        _nothing,
        _nothing,
        {"retriever": "bm25", "hard_em": "true"},
      ),
    ),
    Row(
      "graph_retriever",
      "GraphRetriever",
      "BERT, questions with the passages of TF-IDF and links",
      {"NQ": 31.8, "WQ": 31.6},
      _baseline("graph_retriever"),
    ),
    Row(
      "path_retriever",
      "PathRetriever",
      "retriever and reader: BERT, questions with paths along links",
      {"NQ": 32.6},
      _baseline("path_retriever"),
    ),
    *(
      Row(
        name,
        f"T5, closed book ({size})",
        "salient spans of Z's sentences, questions; reads no passage",
        paper,
        _t5(name),
      )
      for name, size, paper in (
        ("t5", "base", {"NQ": 27.0, "WQ": 29.1}),
        ("t5_large", "large", {"NQ": 29.8, "WQ": 32.2}),
        ("t5_11b", "11b", {"NQ": 34.5, "WQ": 37.4}),
      )
    ),
    Row(
      "orqa",
      "ORQA",
      "retriever: BERT, ICT; reader: BERT; both: questions",
      {"NQ": 33.3, "WQ": 36.4, "CT": 30.1},
      _answers("orqa", lambda planner: planner.ict(), _nothing),
    ),
    Row(
      "realm",
      "REALM, X = Z",
      "BERT, ICT, REALM on the sentences of Z, questions",
      {"NQ": 39.2, "WQ": 40.2, "CT": 46.8},
      _answers("realm-qa", _realm, _realm),
    ),
    Row(
      "realm_other_text",
      "REALM, X apart from Z",
      "BERT, ICT, REALM on the sentences of X, questions",
      {"NQ": 40.4, "WQ": 40.7, "CT": 42.9},
      _answers("realm_other_text-qa", _realm_of_other, _realm_of_other),
    ),
    *(
      Row(name, title, trained_on, {}, _masked(system), is_beside=True)
      for name, title, trained_on, system in (
        ("masked_reader", "REALM's reader alone", "as REALM", "reader"),
        (
          "knn_lm",
          "kNN-LM",
          "as REALM; nothing beyond, its store is filled",
          "knn_lm",
        ),
        ("masked_realm", "REALM with passages", "as REALM", "realm"),
      )
    ),
  ),
)
