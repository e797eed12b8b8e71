"""Reads the outputs of an exported run's signatures, for one text each.

docs/serving.md describes them. Strings are `str`, and the axis of the batch is
gone.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from realm_tf.answering import replies

# By name; no axis is the batch.
Outputs = Mapping[str, np.ndarray]


def of_text(batch: Mapping[str, np.ndarray], row: int) -> dict[str, np.ndarray]:
  """Returns the outputs for one text of a batch.

  Args:
    batch: By name, with the axis of the batch; strings are UTF-8.
    row: Which text.
  """
  return {name: decoded(np.asarray(part[row])) for name, part in batch.items()}


def decoded(values: np.ndarray) -> np.ndarray:
  """Decodes UTF-8 to text; leaves numbers unchanged."""
  if values.dtype != object:
    return values
  decode = np.vectorize(lambda b: b.decode(errors="replace"), otypes=[object])
  return decode(values)


def _passage(outputs: Outputs, place: int) -> replies.Passage:
  """Returns a passage; a model exported without texts has its id alone."""
  return replies.Passage(
    id=outputs["passage_id"][place],
    title=outputs["title"][place] if "title" in outputs else "",
    text=outputs["passage"][place] if "passage" in outputs else "",
    # Exports of before have none.
    metadata=json.loads(outputs["metadata"][place])
    if "metadata" in outputs
    else {},
  )


def _candidate(outputs: Outputs, place: int) -> dict[str, Any]:
  """Returns the fields of a `Candidate`."""
  evidence = replies.Evidence(
    passage=_passage(outputs, place),
    byte_start=int(outputs["answer_byte_start"][place]),
    byte_limit=int(outputs["answer_byte_limit"][place]),
  )
  text = outputs["answer"][place]
  return {
    "text": text,
    "probability": float(outputs["probability"][place]),
    "evidence": evidence if text else None,
    "retriever_score": float(outputs["retriever_score"][place]),
    "reader_score": float(outputs["reader_score"][place]),
  }


def answer(question: str, outputs: Outputs) -> replies.Answer:
  """Reads the outputs of `answer` to one question."""
  texts = outputs["answer"]
  return replies.Answer(
    **_candidate(outputs, 0),
    question=question,
    abstain=bool(outputs["abstain"]),
    further=tuple(
      replies.Candidate(**_candidate(outputs, place))
      for place in range(1, len(texts))
      if texts[place]
    ),
  )


def retrieved(_: str, outputs: Outputs) -> tuple[replies.Retrieved, ...]:
  """Reads the outputs of `retrieve` for one question."""
  return tuple(
    replies.Retrieved(_passage(outputs, place), float(score))
    for place, score in enumerate(outputs["score"])
    if outputs["passage_id"][place]
  )


def filled(text: str, outputs: Outputs) -> replies.Filled:
  """Reads the outputs of `fill_mask` for one text."""

  def tokens(suffix: str, mask: int) -> tuple[replies.Token, ...]:
    return tuple(
      replies.Token(token, float(probability))
      for token, probability in zip(
        outputs["token" + suffix][mask],
        outputs["probability" + suffix][mask],
        strict=True,
      )
      if token
    )

  masks = tuple(
    replies.Mask(tokens("", mask), tokens("_without_retrieval", mask))
    for mask, best in enumerate(outputs["token"])
    if best[0]
  )
  return replies.Filled(
    text=text,
    masks=masks,
    unfilled=text.count(replies.MASK) - len(masks),
    max_masks=len(outputs["token"]),
    passages=tuple(
      replies.Influence(_passage(outputs, place), float(prior), float(after))
      for place, (prior, after) in enumerate(
        zip(outputs["prior"], outputs["posterior"], strict=True)
      )
      if place == 0 or outputs["passage_id"][place]
    ),
  )
