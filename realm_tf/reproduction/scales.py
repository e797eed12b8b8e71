"""At which sizes the tables are run; without TensorFlow.

All rows of a table share these settings: nothing is tuned for one of them.
"""

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

from realm_tf import errors
from realm_tf.configs import loading
from realm_tf.configs import schema
from realm_tf.demo import settings

TINY = "tiny"
PAPER = "paper"
NAMES = (TINY, PAPER)

# Of baselines with encoders.
_TINY_ENCODERS = {
  "bert": os.path.relpath(settings.BERT),
  "query_length": "22",
  "reader_length": "56",
  "span_hidden_size": "64",
  "dropout": "0",
  "learning_rate": "1e-3",
  "warmup_steps": "20",
  "train_steps": "600",
  "checkpoint_every_steps": "100",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sources:
  """What `--scale=paper` starts from; capitals stand for what is not given.

  Attributes:
    wikipedia: Articles, the knowledge corpus and its sentences.
    cc_news: Other text, whose sentences are learned from.
    bert: Public weights of BERT-base, uncased, with their vocab.txt.
    conll: CoNLL-2003, for the tagger of salient spans.
  """

  wikipedia: str = "WIKIPEDIA"
  cc_news: str = "CC_NEWS"
  bert: str = "BERT"
  conll: str = "CONLL"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scale:
  """The settings of all rows.

  Attributes:
    name: "tiny" or "paper".
    preset: The config of all trainings.
    corpus: Flags of `build_corpus` for the knowledge corpus.
    other_corpus: The same for the text apart from it.
    bert: Weights that readers and ICT start from.
    conll: What a tagger is trained on; "" where rules find the spans.
    datasets: What is asked, by the name of its column in Table 1; the first is
      that of Table 2.
    split: Which questions of Table 2 are held out.
    baselines: Flags of each baseline's command, beside where it reads and
      writes.
    fields: Fields of a config that differ from the preset, by training.
  """

  name: str
  preset: str
  corpus: Mapping[str, str]
  other_corpus: Mapping[str, str]
  bert: str
  conll: str
  datasets: Mapping[str, str]
  split: str
  baselines: Mapping[str, Mapping[str, str]]
  fields: Mapping[str, Mapping[str, Any]] = dataclasses.field(
    default_factory=dict
  )

  def refresh_interval(self) -> int:
    """Returns the steps between two indexes of a REALM that is not stale."""
    config = loading.load(
      "pretrain", self.preset, self.fields.get("pretrain", {})
    )
    assert isinstance(config, schema.RealmConfig)
    return config.export_every_steps


def get(name: str, sources: Sources) -> Scale:
  """Returns a scale.

  Args:
    name: One of `NAMES`.
    sources: What was given, for "paper".

  Raises:
    errors.UserError: If something was given that the scale does not read.
  """
  if name == PAPER:
    return _paper(sources)
  for field in dataclasses.fields(Sources):
    if getattr(sources, field.name) != field.default:
      raise errors.UserError(
        f"`{field.name}` goes with scale=paper: the encyclopedia and its BERT "
        "come with the package."
      )
  return Scale(
    name=TINY,
    preset="tiny",
    corpus={
      "input": f"encyclopedia:{settings.KINDS}",
      "vocab_size": str(settings.VOCAB_SIZE),
    },
    # All kinds of facts: half of its sentences are on what Z does not hold.
    other_corpus={
      "input": "encyclopedia",
      "vocab_size": str(settings.VOCAB_SIZE),
    },
    bert=os.path.relpath(settings.BERT),
    conll="",
    datasets={"encyclopedia": f"encyclopedia:{settings.KINDS}"},
    split="test",
    baselines={
      "drqa": {
        "passage_length": "44",
        "embedding_size": "128",
        "hidden_size": "64",
        "num_layers": "2",
        "train_steps": "2000",
      },
      "graph_retriever": {**_TINY_ENCODERS, "passages": "12", "seeds": "8"},
      # Links lead to most of its answers, which their own passages hold. It
      # learns paths and answers at once, and takes longer.
      "path_retriever": {
        **_TINY_ENCODERS,
        "augmented": "false",
        "pool": "6",
        "train_steps": "2400",
      },
      "t5": {
        "size": "tiny",
        "input_length": "22",
        "dropout": "0",
        "batch_size": "64",
        "pretrain_steps": "2000",
        "train_steps": "3000",
        "warmup_steps": "100",
        "learning_rate": "1e-3",
      },
      "knn_lm": {},
    },
  )


def check_given(sources: Sources) -> None:
  """Raises if a source is a placeholder still.

  Raises:
    errors.UserError: If one was not given.
  """
  for field in dataclasses.fields(Sources):
    if getattr(sources, field.name) == field.default:
      raise errors.UserError(
        f"`{field.name}` is missing, which scale=paper starts from: give it, "
        "or see the commands alone by dry_run=True."
      )


def _paper(sources: Sources) -> Scale:
  vocab = f"{sources.bert}/vocab.txt"
  return Scale(
    name=PAPER,
    preset="base",
    corpus={"input": sources.wikipedia, "vocab": vocab},
    other_corpus={"input": sources.cc_news, "vocab": vocab},
    bert=sources.bert,
    conll=sources.conll,
    datasets={"NQ": "nq_open", "WQ": "webquestions", "CT": "curated_trec"},
    split="dev",
    baselines={
      "drqa": {"passage_length": "288"},
      "graph_retriever": {"bert": sources.bert},
      "path_retriever": {"bert": sources.bert},
      "t5": {"size": "base"},
      "t5_large": {"size": "large"},
      "t5_11b": {"size": "11b"},
      # What fits in memory: some ten million states of 768.
      "knn_lm": {"training_spans": "5000000"},
    },
  )
