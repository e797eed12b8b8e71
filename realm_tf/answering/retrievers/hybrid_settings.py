"""How the hybrid retriever joins two retrievers, and what a run knows of it."""

import dataclasses
from typing import Any

import tensorflow as tf

from realm_tf import errors
from realm_tf import files
from realm_tf.answering.retrievers import retriever_names
from realm_tf.runs import run_config
from realm_tf.runs import run_folder

# Where nothing is known of a corpus and its questions.
_DEFAULT_WEIGHT = 0.5


@dataclasses.dataclass(frozen=True, kw_only=True)
class HybridSettings:
  """How scores are joined.

  Attributes:
    weight: Of the model's retriever, between 0 and 1; BM25 has the rest.
    method: One of `retriever_names.METHODS`. "convex": the combination of the
      scores, each normalised over a question's candidates to mean 0 and
      variance 1. "reciprocal_ranks": of 1 / (60 + rank) (Cormack et al., 2009).
    source: Where the weight is from, in a few words.
  """

  weight: float = _DEFAULT_WEIGHT
  method: str = retriever_names.CONVEX
  source: str = "by default"

  def __post_init__(self) -> None:
    """Raises a UserError if a value makes no sense."""
    if not 0 <= self.weight <= 1:
      raise errors.UserError(
        f"hybrid_weight={self.weight:g} must be between 0, BM25 alone, and 1, "
        "the run's own retriever alone."
      )
    if self.method not in retriever_names.METHODS:
      raise errors.UserError(
        f"hybrid_method={self.method} must be one of "
        f"{', '.join(retriever_names.METHODS)}."
      )

  def __str__(self) -> str:
    """Returns the settings in a few words."""
    method = self.method.replace("_", " ")
    return f"{method}, weight of dense {self.weight:g}, {self.source}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Choice:
  """A weight that was chosen on questions.

  Attributes:
    settings: What was chosen.
    step: Of the run's weights.
    recall: The mean of recall at some numbers of passages, by weight.
  """

  settings: HybridSettings
  step: int
  recall: dict[float, float]


def read(
  model_dir: str, run: run_config.RunConfig, fingerprint: str
) -> Choice | None:
  """Returns the choice that a run holds for a corpus.

  For a corpus without one, such as an edited one, it is that for the run's own
  corpus.

  Args:
    model_dir: The run.
    run: Its config.
    fingerprint: Of the corpus.

  Raises:
    errors.UserError: If the file is damaged.
  """
  choices = _read(model_dir)
  return choices.get(fingerprint) or choices.get(run.corpus_fingerprint)


def write(model_dir: str, fingerprint: str, choice: Choice) -> None:
  """Records a choice for a corpus in the run's folder.

  Args:
    model_dir: The run.
    fingerprint: Of the corpus.
    choice: What was chosen; it replaces an earlier choice.

  Raises:
    errors.UserError: If the file that is there is damaged.
  """
  choices = _read(model_dir) | {fingerprint: choice}
  files.write_json(
    run_folder.RunFolder(model_dir).hybrid,
    {name: _to_json(one) for name, one in choices.items()},
  )


def of_run(
  model_dir: str,
  run: run_config.RunConfig,
  fingerprint: str,
  weight: float | None,
) -> HybridSettings:
  """Returns the settings by which a run retrieves from a corpus.

  Args:
    model_dir: The run.
    run: Its config.
    fingerprint: Of the corpus.
    weight: As a user gave it; None for the one that was chosen, else that of
      the run's config.

  Raises:
    errors.UserError: If the weight is none, or the file is damaged.
  """
  choice = read(model_dir, run, fingerprint)
  trained = getattr(run.config, "hybrid_weight", _DEFAULT_WEIGHT)
  known = choice.settings if choice else HybridSettings(weight=trained)
  if weight is None:
    return known
  return dataclasses.replace(known, weight=weight, source="as given")


def _read(model_dir: str) -> dict[str, Choice]:
  """Returns the choices of a run, by the corpus's fingerprint."""
  path = run_folder.RunFolder(model_dir).hybrid
  if not tf.io.gfile.exists(path):
    return {}
  try:
    return {
      name: _from_json(fields) for name, fields in files.read_json(path).items()
    }
  except errors.MALFORMED as e:
    raise errors.UserError(
      f"{path} is damaged: {e!r}. Remove it; evaluate(retriever=['hybrid']) "
      "writes it again."
    ) from e


def _to_json(choice: Choice) -> dict[str, Any]:
  recall = {f"{weight:g}": mean for weight, mean in choice.recall.items()}
  return dataclasses.asdict(choice) | {"recall": recall}


def _from_json(fields: dict[str, Any]) -> Choice:
  return Choice(
    settings=HybridSettings(**fields["settings"]),
    step=int(fields["step"]),
    recall={float(k): float(v) for k, v in fields["recall"].items()},
  )
