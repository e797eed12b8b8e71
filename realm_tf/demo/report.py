"""The demo's report: figures and examples before and after REALM."""

import os
import shlex
from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from realm_tf import devices
from realm_tf import suggestions
from realm_tf.answering import reply_tensors
from realm_tf.answering import shown
from realm_tf.data.corpus import corpora
from realm_tf.data.ingest import sources
from realm_tf.evaluation import scoring
from realm_tf.training import base_task
from realm_tf.training.recipes import pretraining

_ROWS = (
  ("retrieval utility (nats)", "retrieval_utility"),
  ("masked-token accuracy with retrieval", "accuracy"),
  ("masked-token accuracy without", "accuracy_without_retrieval"),
  ("recall@1, held-out questions", "recall@1"),
  ("recall@5, held-out questions", "recall@5"),
  ("entropy of p(z|x) (nats)", "entropy"),
  ("p(null passage|x)", "null_probability"),
)
_PASSAGES_SHOWN = 3
# The folder that the Makefile's `serve` looks into.
_SERVED_BY_MAKE = "runs/demo"
_RETRIEVERS = {
  "dense": "the fine-tuned retriever",
  "bm25": "BM25, read by the same reader",
  "none": "nobody: closed book",
}


def table(
  before: Mapping[str, float],
  after: Mapping[str, float],
  baseline: Mapping[str, float],
) -> str:
  """Returns the figures before and after REALM, as Markdown.

  Args:
    before: Means of the evaluation at step 0: the ICT start.
    after: Means of the evaluation with the last index.
    baseline: BM25's recall.
  """
  lines = [
    "| held out from training | before | after | BM25 |",
    "|---|---|---|---|",
  ]
  for label, name in _ROWS:
    other = f"{baseline[name]:.3f}" if name in baseline else ""
    lines.append(
      f"| {label} | {before[name]:.3f} | {after[name]:.3f} | {other} |"
    )
  return "\n".join(lines)


def answer_figures(
  answered: Mapping[str, scoring.Scores],
) -> dict[str, dict[str, float]]:
  """Returns figures by retriever and name.

  Args:
    answered: Scores by retriever.
  """
  return {
    retriever: {name: f.value for name, f in scores.figures.items()}
    for retriever, scores in answered.items()
  }


def answers_table(answered: Mapping[str, scoring.Scores]) -> str:
  """Returns exact match and recall by retriever, as Markdown.

  Args:
    answered: Scores by retriever.
  """
  lines = ["| passages found by | exact match | recall@1 | recall@5 |"]
  lines.append("|---|---|---|---|")
  figures = answer_figures(answered)
  for retriever, label in _RETRIEVERS.items():
    cells = [
      f"{figures[retriever][name]:.3f}" if name in figures[retriever] else ""
      for name in ("exact_match", "recall@1", "recall@5")
    ]
    lines.append(f"| {label} | {' | '.join(cells)} |")
  return "\n".join(lines)


def answers(answered: Mapping[str, scoring.Scores], count: int) -> str:
  """Returns questions with the model's answers, as lines.

  Args:
    answered: Scores by retriever.
    count: Questions, the first.
  """
  lines = []
  for outcome in answered["dense"].outcomes[:count]:
    mark = "right" if outcome.right else "wrong"
    source = outcome.prediction.passage_title
    lines.append(
      f"{outcome.question.question}\n"
      f"  {outcome.prediction.answer} ({mark}; from: {source}; reference: "
      f"{', '.join(outcome.question.answers)})"
    )
  return "\n".join(lines)


def replies(exported: str, questions: Sequence[str]) -> str:
  """Returns questions with the answers of an exported model, as lines.

  Args:
    exported: Folder of a version.
    questions: The questions.
  """
  model = tf.saved_model.load(exported)
  answer = model.signatures["answer"](question=tf.constant(list(questions)))
  batch = {name: part.numpy() for name, part in answer.items()}
  return "\n\n".join(
    f"{question}\n"
    + shown.lines(
      reply_tensors.answer(question, reply_tensors.of_text(batch, row)),
      styled=False,
    )
    for row, question in enumerate(questions)
  )


def examples(pretrained: pretraining.Pretrained, count: int) -> str:
  """Returns held-out masked sentences with their best passages, as Markdown.

  Args:
    pretrained: The run.
    count: Sentences, at most a replica's share of a batch.
  """
  task, corpus = pretrained.task, pretrained.corpus
  features = _heldout_batch(pretrained)
  outputs = task.predict(features)
  priors = tf.exp(outputs.marginal.retrieval_log_probs)
  mixture = tf.einsum("bk,bkmv->bmv", priors, tf.nn.softmax(outputs.logits))
  guesses = tf.argmax(mixture, axis=-1).numpy()
  priors = priors.numpy()
  parts = []
  for i in range(count):
    masks = features["target_weights"][i].numpy() > 0
    query = features["query_token_ids"][i].numpy()
    said = corpus.tokenizer.detokenize(query).removeprefix("[CLS] ")
    wanted = corpus.tokenizer.detokenize(features["targets"][i].numpy()[masks])
    guess = corpus.tokenizer.detokenize(guesses[i][masks])
    best = np.argsort(-priors[i])[:_PASSAGES_SHOWN]
    rows = features["candidate_rows"][i].numpy()[best]
    parts.append(
      f"{said.removesuffix(' [SEP]')}\n"
      f"  masked: {wanted}; predicted: {guess}\n"
      + _passages(corpus, rows, priors[i][best])
    )
  return "\n".join(parts)


def _heldout_batch(pretrained: pretraining.Pretrained) -> base_task.Features:
  """Returns the first replica's share of the first held-out batch."""
  task, strategy = pretrained.task, pretrained.strategy
  features = next(iter(devices.distribute(strategy, task.eval_pipeline())))

  @tf.function(autograph=False)
  def completed(features: base_task.Features) -> base_task.Features:
    # Where the replicas retrieve, it takes all of them.
    return strategy.run(
      lambda share: dict(task.complete(share, training=False)),
      args=(features,),
    )

  return {
    name: strategy.experimental_local_results(value)[0]
    for name, value in completed(features).items()
  }


def _passages(
  corpus: corpora.Corpus, rows: np.ndarray, probabilities: np.ndarray
) -> str:
  lines = []
  for row, probability in zip(rows, probabilities, strict=True):
    if row == corpus.num_passages:
      text = "(the null passage)"
    else:
      titles, bodies = corpus.read_texts([int(row)])
      text = f"{titles[0]}: {bodies[0]}"
    lines.append(f"  {probability:.2f}  {text}\n")
  return "".join(lines)


def next_steps(output: str) -> str:
  """Returns commands to try after the demo.

  Args:
    output: Its folder.
  """
  building = suggestions.command(
    "build_corpus",
    {
      "input": sources.ENCYCLOPEDIA,
      "output": suggestions.new_folder(output, "corpus"),
    },
  )
  asking = suggestions.command("ask", {"model_dir": os.path.join(output, "qa")})
  serving = suggestions.command(
    "serve",
    {"model_name": "realm", "model_base_path": os.path.join(output, "served")},
  )
  by_make = " (`make serve`)" if output == _SERVED_BY_MAKE else ""
  return (
    f"Ask it questions of your own, here or in a browser{by_make}:\n"
    f"  {asking}\n"
    f"  {serving}\n"
    "Next, on the whole encyclopedia, or with --input on text of your own:\n"
    f"  {building}\n"
    "or look at the curves:\n"
    f"  .venv/bin/tensorboard {shlex.quote(f'--logdir={output}')}"
  )
