"""The settings of each task, with their checks.

A task's config is composed of parts: the shape of the encoder, the training,
the retriever, the index. It is flat all the same: config.FIELD=VALUE reaches
every field, and a function that needs one part accepts the whole config. It is
saved in the run's folder, where other processes read it.
"""

import abc
import dataclasses
import math
from typing import Self

from realm_tf import errors

_PRECISIONS = ("float32", "bfloat16")
# The allowed values of text fields.
_CHOICES = {
  "activation": ("gelu", "gelu_tanh"),
  "answer_match": ("words", "substring"),
  "device_queries": ("index", "step"),
  "device_top_k": ("approximate", "exact"),
  "device_vectors": ("bfloat16", "float16", "float32"),
  "export_precision": _PRECISIONS,
  "index_dtype": ("float16", "float32"),
  "marginalization": ("span", "token"),
  "masking": ("salient_span", "random_span", "random_tokens", "bert_tokens"),
  "normalization": ("layer_norm", "l2", "none"),
  "pooling": ("cls", "cls_hidden", "mean"),
  "precision": _PRECISIONS,
  "projection_activation": ("none", "tanh", "relu", "gelu"),
  "retriever": ("dense", "bm25", "hybrid"),
}
# What they mask stands in a row.
_SPAN_MASKINGS = ("salient_span", "random_span")
MOST_SEED = 2**31 - 1  # what an int32 holds


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
  """A part of a task's config, or a whole one."""

  def __post_init__(self) -> None:
    for field in dataclasses.fields(self):
      value = getattr(self, field.name)
      if field.type is int and value < _LEAST.get(field.name, 1):
        least = _LEAST.get(field.name, 1)
        _refuse(field.name, value, f"must be at least {least}")
      if field.name == "seed" and value > MOST_SEED:
        _refuse("seed", value, f"must be at most {MOST_SEED}")
      if field.type is float:
        self._check_float(field.name, value)
      choices = _CHOICES.get(field.name)
      if choices and value not in choices:
        _refuse(field.name, value, f"must be one of {list(choices)}")

  @classmethod
  def of(cls, config: "Config") -> Self:
    """Copies this part from a config; fields that it lacks keep defaults."""
    return cls(
      **{
        field.name: getattr(config, field.name)
        for field in dataclasses.fields(cls)
        if hasattr(config, field.name)
      }
    )

  def _check_float(self, name: str, value: float) -> None:
    if name.endswith("_probability") and not 0 <= value <= 1:
      _refuse(name, value, "must be in [0, 1]")
    if name in ("heldout_fraction", "dropout") and not 0 <= value < 1:
      _refuse(name, value, "must be in [0, 1)")
    not_negative = ("weight_decay", "retriever_learning_rate")
    if name in not_negative and not 0 <= value < math.inf:
      _refuse(name, value, "must not be negative")
    if name == "hybrid_weight" and not 0 <= value <= 1:
      _refuse(name, value, "must be in [0, 1]")
    if name == "device_recall_target" and not 0 < value <= 1:
      _refuse(name, value, "must be in (0, 1]")
    positive = ("learning_rate", "clip_norm", "score_scale")
    if name in positive and not 0 < value < math.inf:
      _refuse(name, value, "must be above 0")


@dataclasses.dataclass(frozen=True, kw_only=True)
class EncoderConfig(Config):
  """The shape of a BERT.

  Attributes:
    num_layers: Transformer layers of each encoder.
    hidden_size: Width of the encoder.
    num_heads: Attention heads a layer.
    intermediate_size: Width of the feed-forward layers.
    max_positions: Learned positions; no input may be longer.
    dropout: Rate, for hidden states and attention weights.
    activation: Of the feed-forward layers and the masked-token head: "gelu",
      by the error function, or "gelu_tanh", its approximation, which Google's
      BERT and Model Garden compute.
  """

  num_layers: int
  hidden_size: int
  num_heads: int
  intermediate_size: int
  max_positions: int = 512
  dropout: float = 0.1
  activation: str = "gelu_tanh"

  def __post_init__(self) -> None:
    super().__post_init__()
    if self.hidden_size % self.num_heads:
      _refuse("hidden_size", self.hidden_size, "must divide by num_heads")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingConfig(Config):
  """How long and how fast a model is trained.

  Attributes:
    batch_size: Examples a step, over all replicas.
    train_steps: Steps in all.
    learning_rate: Peak of the schedule.
    warmup_steps: Steps of linear warm-up; -1 for the paper's
      min(10000, max(100, train_steps / 10)), at most half of train_steps. A
      preset's own value is cut to that half, too, if train_steps is overridden
      with fewer steps.
    weight_decay: Of AdamW; biases and layer norms are left out.
    clip_norm: Largest global norm of the gradient.
    rematerialize: Whether a step keeps the inputs of layers alone, and computes
      the rest again for the gradient: less memory, for a third more operations.
      Losses and gradients stay the same.
    summary_every_steps: Steps between two lines in TensorBoard.
    checkpoint_every_steps: Steps between two checkpoints.
    evaluate_every_steps: Steps between two evaluations.
    eval_batches: Held-out batches an evaluation reads.
  """

  batch_size: int
  train_steps: int
  learning_rate: float
  warmup_steps: int = -1
  weight_decay: float = 0.01
  clip_norm: float = 1.0
  rematerialize: bool = False
  summary_every_steps: int = 20
  checkpoint_every_steps: int = 500
  evaluate_every_steps: int = 500
  eval_batches: int = 16

  def __post_init__(self) -> None:
    super().__post_init__()
    if self.resolved_warmup_steps >= self.train_steps:
      _refuse(
        "warmup_steps",
        self.resolved_warmup_steps,
        f"must be below train_steps, {self.train_steps}",
      )

  @property
  def resolved_warmup_steps(self) -> int:
    """Warm-up steps with the paper's rule applied."""
    if self.warmup_steps >= 0:
      return self.warmup_steps
    paper = min(10_000, max(100, self.train_steps // 10))
    # The paper's least, 100, would leave a very short run no step to train.
    return min(paper, self.train_steps // 2)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportConfig(Config):
  """How a model is exported for other processes.

  Attributes:
    export_precision: "float32" or "bfloat16" for the arithmetic of an exported
      embedder or tagger, whatever precision it was trained in.
  """

  export_precision: str = "float32"


@dataclasses.dataclass(frozen=True, kw_only=True)
class RetrieverConfig(Config):
  """The two towers of f(x, z), beside their encoder.

  The defaults are the paper's. Public sentence encoders pool and normalise in
  other ways, which `import_checkpoint` prints.

  Attributes:
    pooling: What of the encoder's last layer is embedded: "cls", its [CLS]
      behind BERT's pooler (paper), "cls_hidden", its [CLS] as it is, or "mean",
      the mean of all positions but padding.
    projection_size: Outputs of the dense layer behind the pooling; 0 for no
      such layer.
    projection_activation: Of that dense layer: "none" (paper), "tanh", "relu"
      or "gelu".
    normalization: Of the embeddings: "layer_norm" (paper), "l2", to a length
      of 1, or "none".
    tied_embedders: One embedder for queries and passages, or one for each.
    passage_segments: Whether the embedder reads a passage's title as segment 0
      and its body as segment 1, as BERT reads pairs and the released code
      reads passages; else all is segment 0.
    passage_separator: Whether the embedder reads a [SEP] between title and
      body; else they are one text, as public sentence encoders read them.
    query_prompt: Text that the embedder puts before each query, such as
      "query: ", for encoders that were trained with it; query_length does not
      count its wordpieces.
    passage_prompt: The same for passages; it comes before the title.
    score_scale: Factor of the inner product; 1 in the paper. If not given, 20
      where only normalization=l2 is: cosines alone are too close to each other
      to be learned from.
  """

  pooling: str = "cls"
  projection_size: int = 128
  projection_activation: str = "none"
  normalization: str = "layer_norm"
  tied_embedders: bool = True
  passage_segments: bool = True
  passage_separator: bool = True
  query_prompt: str = ""
  passage_prompt: str = ""
  score_scale: float = 1.0

  def __post_init__(self) -> None:
    super().__post_init__()
    if not self.projection_size and self.projection_activation != "none":
      _refuse(
        "projection_activation",
        self.projection_activation,
        "is of a dense layer, and projection_size=0 has none",
      )
    if self.passage_segments and not self.passage_separator:
      _refuse(
        "passage_segments",
        True,
        "parts texts that passage_separator=False joins",
      )


@dataclasses.dataclass(frozen=True, kw_only=True)
class MaskingConfig(Config):
  """Which wordpieces of a query are masked.

  Attributes:
    masking: How a query's targets are chosen: "salient_span" (paper),
      "random_span", "random_tokens", or "bert_tokens", which keeps a tenth of
      these and changes a tenth to others, as BERT does (paper, Table 2).
  """

  masking: str = "salient_span"


@dataclasses.dataclass(frozen=True, kw_only=True)
class IndexConfig(Config):
  """How an index is built and searched.

  Attributes:
    index_dtype: How embeddings are stored.
    exact_search_below: Corpora of fewer passages are searched exactly: a search
      takes some milliseconds, where a tree would cost a point of recall.
    num_leaves: Partitions of the ScaNN tree; 0 for the corpus's square root.
    leaves_to_search: Partitions a query visits; 0 for a tenth of them.
    reordering_candidates: Candidates that are scored again exactly; 0 for
      a number chosen by how many results a query wants.
    embed_batch_size: Passages a step of the refresh job.
    num_index_workers: Processes of the refresher that a training starts.
  """

  index_dtype: str = "float16"
  exact_search_below: int = 100_000
  num_leaves: int = 0
  leaves_to_search: int = 0
  reordering_candidates: int = 0
  embed_batch_size: int = 32
  num_index_workers: int = 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class RefreshedIndexConfig(IndexConfig):
  """How often an index is built anew beside the training, and how old it gets.

  Attributes:
    export_every_steps: Steps between two exports of the embedder, each the
      start of a new index version.
    index_age_warning_steps: Age of the index at which the trainer warns. If
      not given, this and the next grow and shrink with export_every_steps.
    index_age_limit_steps: Age of the index at which the trainer waits.
  """

  export_every_steps: int = 500
  index_age_warning_steps: int = 1_000
  index_age_limit_steps: int = 2_000

  def __post_init__(self) -> None:
    super().__post_init__()
    if self.index_age_limit_steps < self.export_every_steps:
      _refuse(
        "index_age_limit_steps",
        self.index_age_limit_steps,
        "must be at least export_every_steps, or training never goes on",
      )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelConfig(EncoderConfig, abc.ABC):
  """The settings that all runs share, trained here or imported.

  Attributes:
    precision: "float32" or "bfloat16" for the arithmetic of the encoders;
      variables, softmaxes and losses are always float32.
    seed: Of initialisation, order, masking and dropout.
  """

  precision: str = "float32"
  seed: int = 0

  def __post_init__(self) -> None:
    super().__post_init__()
    if self.longest_input > self.max_positions:
      _refuse(
        "max_positions",
        self.max_positions,
        f"is below the longest input, {self.longest_input} wordpieces",
      )

  @property
  @abc.abstractmethod
  def longest_input(self) -> int:
    """Wordpieces of the longest input of the encoder."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TaskConfig(TrainingConfig, ModelConfig):
  """The settings that all trainings share."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class CorpusConfig(ModelConfig):
  """The settings that all models of a corpus share.

  Attributes:
    query_length: Wordpieces of a query, [CLS] and [SEP] included.
    passage_length: Wordpieces of a passage with title and special tokens.
  """

  query_length: int
  passage_length: int

  def __post_init__(self) -> None:
    super().__post_init__()
    if self.passage_length < 4:
      _refuse("passage_length", self.passage_length, "must be at least 4")

  @property
  def joint_length(self) -> int:
    """Wordpieces of query and passage read together."""
    return self.query_length + self.passage_length

  @property
  def longest_input(self) -> int:
    """Wordpieces of the longest input of the encoder."""
    return self.joint_length


@dataclasses.dataclass(frozen=True, kw_only=True)
class RetrievalConfig(ExportConfig, RetrieverConfig, CorpusConfig):
  """The settings that all retrievers share."""

  @property
  def embedding_size(self) -> int:
    """Dimension of the retrieval embeddings."""
    return self.projection_size or self.hidden_size

  @property
  def pooled_size(self) -> int:
    """Dimension of what a frozen encoder gives to be projected; 0 for none."""
    return 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class SentenceConfig(TaskConfig, CorpusConfig):
  """The settings that the trainings on masked sentences share.

  Attributes:
    max_masks: Most wordpieces that are masked in a query.
    heldout_fraction: Share of the passages whose sentences are never trained
      on, only evaluated; chosen by the passage's fingerprint.
  """

  max_masks: int = 10
  heldout_fraction: float = 0.05

  def __post_init__(self) -> None:
    super().__post_init__()
    if self.max_masks > self.query_length - 2:
      _refuse("max_masks", self.max_masks, "must be below query_length - 1")


@dataclasses.dataclass(frozen=True, kw_only=True)
class MlmConfig(SentenceConfig):
  """Masked language modelling over pairs of passages of one article.

  Attributes:
    span_mask_probability: Share of the salient spans that are masked, each as
      a whole.
    token_mask_probability: Share of all wordpieces that are masked singly.
    max_targets: Most masked wordpieces of a pair.
    rename_probability: Share of the pairs whose names are replaced by
      random others, consistently within the pair, so that they must be copied.
    null_probability: Share of the examples that hold one passage alone.
    same_passage_probability: Share of the pairs whose second passage is the
      first itself, from its beginning and without masks: the easiest case of
      copying, by which it is learned soonest.
    unrelated_probability: Share of the pairs whose second passage may be of any
      article, as a retriever finds it that has learned little: so the reader
      learns when a passage is of no use.
    train_encoder: Whether the encoder is trained; if not, the head is alone, as
      a start for an encoder that has none.
  """

  span_mask_probability: float = 0.3
  token_mask_probability: float = 0.05
  max_targets: int = 20
  rename_probability: float = 0.8
  null_probability: float = 0.1
  same_passage_probability: float = 0.0
  unrelated_probability: float = 0.0
  train_encoder: bool = True

  def __post_init__(self) -> None:
    super().__post_init__()
    if self.max_targets > self.joint_length:
      _refuse(
        "max_targets",
        self.max_targets,
        f"must be at most the length of a pair, {self.joint_length}",
      )


@dataclasses.dataclass(frozen=True, kw_only=True)
class QueryConfig(MaskingConfig, SentenceConfig, RetrievalConfig):
  """The settings that ICT and REALM, whose queries are sentences, share.

  Attributes:
    train_retriever_encoder: Whether the retriever's encoder is trained; if not,
      its projection and layer norm alone, at a third of the towers' cost, from
      weights that embed well already.
  """

  train_retriever_encoder: bool = True

  def __post_init__(self) -> None:
    super().__post_init__()
    has_head = self.projection_size or self.normalization == "layer_norm"
    if not self.train_retriever_encoder and not has_head:
      _refuse(
        "train_retriever_encoder",
        False,
        "leaves nothing of the retriever to train without projection_size",
      )

  @property
  def pooled_size(self) -> int:
    """Dimension of what a frozen encoder gives to be projected; 0 for none."""
    return 0 if self.train_retriever_encoder else self.hidden_size


@dataclasses.dataclass(frozen=True, kw_only=True)
class IctConfig(QueryConfig):
  """The Inverse Cloze Task (Lee et al., 2019), REALM's warm start.

  Attributes:
    keep_sentence_probability: Share of the blocks that keep the query's
      sentence.
    drop_title_probability: Share of the blocks shown without their title.
    mask_query_probability: Share of the queries that are masked, as REALM
      masks them.
    rename_probability: Share of the examples whose names are replaced by
      random others, the same in sentence and block, so that the model does
      not memorize a small corpus.
    noise_probability: Share of a query's words, except names, that are
      replaced by random others, so that unknown words do not mislead.
  """

  keep_sentence_probability: float = 0.1
  drop_title_probability: float = 0.0
  mask_query_probability: float = 0.0
  rename_probability: float = 0.0
  noise_probability: float = 0.0

  @property
  def longest_input(self) -> int:
    """Wordpieces of the longest input: the two are embedded apart."""
    return max(self.query_length, self.passage_length)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeviceRetrievalConfig(Config):
  """How a training step retrieves where the accelerators hold the index.

  Attributes:
    device_vectors: With retrieval=device, how the accelerators hold embeddings:
      "bfloat16", "float16", which TPUs lack, or "float32".
    device_top_k: With retrieval=device, how a replica chooses the best of its
      share: "approximate", by `tf.math.approx_max_k`, which TPUs compute fast
      and CPUs exactly; or "exact".
    device_recall_target: Share of the best that "approximate" is to find.
    device_queries: With retrieval=device, what embeds queries: "index", the
      embedder that made the index, or "step", the weights of the step.
  """

  device_vectors: str = "bfloat16"
  device_top_k: str = "approximate"
  device_recall_target: float = 0.95
  device_queries: str = "index"


@dataclasses.dataclass(frozen=True, kw_only=True)
class RetrieverRateConfig(Config):
  """The rate of a retriever that is trained together with a reader.

  Attributes:
    retriever_learning_rate: Peak of the retriever's own schedule; 0 for
      learning_rate.
  """

  retriever_learning_rate: float = 0.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class RealmConfig(
  DeviceRetrievalConfig, RetrieverRateConfig, RefreshedIndexConfig, QueryConfig
):
  """REALM pre-training (paper, section 3).

  Attributes:
    num_candidates: Passages a query is read with, the null passage included.
    marginalization: "span" (paper, equation 1) or "token" (released code).
    noise_probability: Share of the words, except names and masks, that are
      replaced by random others in the retriever's queries; 0 in the paper. The
      reader sees the original sentence. Helps with small corpora: questions
      have words that the corpus lacks, which the retriever must ignore.
    query_oversampling: Queries that passages are retrieved for, for each one
      that is read: one of which a passage holds what is masked, and the fewest
      passages of the others do. 1 in the paper. Reading takes most of a step,
      and most queries of a small corpus have no such passage, so say nothing of
      the retriever.
  """

  num_candidates: int = 8
  marginalization: str = "span"
  noise_probability: float = 0.0
  query_oversampling: int = 1

  def __post_init__(self) -> None:
    super().__post_init__()
    if self.num_candidates < 2:
      _refuse(
        "num_candidates",
        self.num_candidates,
        "must be at least 2: the null passage and one more",
      )
    if self.query_oversampling > 1 and self.masking not in _SPAN_MASKINGS:
      _refuse(
        "query_oversampling",
        self.query_oversampling,
        f"looks for what is masked in passages, so is for masking="
        f"{' or '.join(_SPAN_MASKINGS)}, not {self.masking}",
      )

  @property
  def retrieved_batch_size(self) -> int:
    """Queries that a training step retrieves for, over all replicas."""
    return self.batch_size * self.query_oversampling


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImportedConfig(IndexConfig, RetrievalConfig):
  """A public sentence encoder, imported as a run that was never trained."""

  @property
  def longest_input(self) -> int:
    """Wordpieces of the longest input: the two are embedded apart."""
    return max(self.query_length, self.passage_length)


@dataclasses.dataclass(frozen=True, kw_only=True)
class OrqaConfig(
  RetrieverRateConfig, RefreshedIndexConfig, TaskConfig, RetrievalConfig
):
  """Open-QA fine-tuning (paper, section 3.4; Lee et al., 2019).

  Attributes:
    tied_embedders: False, unless train_passage_tower: queries are embedded by
      the trained tower, passages by the tower that made the index.
    retriever: What finds the passages that are trained on and read: "dense",
      the run's own towers; "bm25", which leaves the reader alone to be trained,
      or "hybrid", both. `evaluate` takes it by default.
    hybrid_weight: Of the dense scores where retriever is hybrid; BM25's have
      the rest.
    reader_length: Wordpieces of question and passage read together.
    retriever_beam: Passages that are retrieved for a question; fewer if the
      corpus has fewer.
    reader_beam: How many of these, the best, are read for a question.
    read_answering: Whether training reads, in the place of the last of
      reader_beam, the best retrieved passage that holds an answer, where none
      of reader_beam holds one. With reader_beam=1, the reader first learns to
      answer from the passage that does, with the largest batches.
    answer_match: What training takes for an answer in a passage, if answers are
      strings: "words", whole words of its body; or "substring", any part of its
      text, as "France" in "Frances" (released code). `evaluate` judges by whole
      words always.
    max_span_length: Wordpieces of the longest answer that can be given.
    span_hidden_size: Width of the layer that scores spans.
    add_up_answers: Whether the probabilities of spans that say the same are
      added up, and the best sum answers; if not, the best span does, as in the
      released code.
    hard_em: Whether to train on the best passage and span that answer, instead
      of on all of them, each with its share.
    train_reader: Whether the reader is trained; if not, the run has none,
      nothing is read, and the best weights are those of the best recall@5 on
      dev.
    train_passage_tower: Whether the tower that embeds passages is trained, too,
      on passages that each step embeds; the index then follows, as refresh
      says.
    beam_loss: Whether the retriever is trained on the scores of all
      retriever_beam passages, as the index has them (Lee et al., 2019).
    beam_negatives: With train_passage_tower, passages of the retriever beam
      that a step embeds for a question, the best that hold no answer.
    bm25_negatives: With train_passage_tower, passages that a step embeds for a
      question, drawn from BM25's best that hold no answer; with 1 or more,
      BM25 also finds the passage with an answer where the beam has none.
    in_batch_negatives: With train_passage_tower, whether a question's negatives
      are also the passages that the step embeds for the other questions.
    dev_questions: Questions of the dev split that an evaluation answers; 0
      for all.
    patience: Evaluations without a better exact match, or recall@5, after which
      training stops; 0 for never.
  """

  tied_embedders: bool = False
  retriever: str = "dense"
  hybrid_weight: float = 0.5
  query_length: int = 64
  passage_length: int = 288
  reader_length: int = 320
  retriever_beam: int = 5000
  reader_beam: int = 5
  read_answering: bool = False
  answer_match: str = "words"
  max_span_length: int = 10
  span_hidden_size: int = 256
  add_up_answers: bool = True
  hard_em: bool = False
  train_reader: bool = True
  train_passage_tower: bool = False
  beam_loss: bool = True
  beam_negatives: int = 1
  bm25_negatives: int = 0
  in_batch_negatives: bool = True
  eval_batches: int = 4
  dev_questions: int = 0
  patience: int = 5

  def __post_init__(self) -> None:
    super().__post_init__()
    if self.tied_embedders and not self.train_passage_tower:
      _refuse(
        "tied_embedders",
        True,
        "must be false: passages stay as indexed, unless train_passage_tower",
      )
    for name, value in (
      ("train_reader", not self.train_reader),
      ("train_passage_tower", self.train_passage_tower),
    ):
      if value and not self.has_retriever:
        _refuse(
          name,
          str(not value).lower() if name == "train_reader" else "true",
          "goes with a retriever that is trained: retriever=bm25 is not",
        )
    if self.bm25_negatives and not self.train_passage_tower:
      _refuse(
        "bm25_negatives",
        self.bm25_negatives,
        "are passages that a step embeds: set train_passage_tower, or 0",
      )
    if not (self.beam_loss or self.train_passage_tower):
      _refuse(
        "beam_loss",
        False,
        "leaves the retriever no loss of its own: set train_passage_tower",
      )
    if self.train_passage_tower and not (
      self.train_reader
      or self.beam_negatives
      or self.bm25_negatives
      or self.in_batch_negatives
    ):
      _refuse(
        "train_passage_tower",
        True,
        "needs passages without an answer: give beam_negatives, "
        "bm25_negatives or in_batch_negatives",
      )
    if self.read_answering and not self.train_reader:
      _refuse("read_answering", True, "goes with train_reader")
    if self.query_length + 3 > self.reader_length:
      _refuse(
        "reader_length",
        self.reader_length,
        "must leave room for a passage after a question of query_length",
      )
    if self.max_span_length >= self.reader_length:
      _refuse(
        "max_span_length",
        self.max_span_length,
        f"must be below reader_length, {self.reader_length}",
      )
    if self.reader_beam > self.retriever_beam:
      _refuse("reader_beam", self.reader_beam, "must be at most retriever_beam")

  @property
  def has_retriever(self) -> bool:
    """Whether the run has towers of its own."""
    return self.retriever != "bm25"

  @property
  def joint_length(self) -> int:
    """Wordpieces of question and passage read together."""
    return self.reader_length

  @property
  def longest_input(self) -> int:
    """Wordpieces of the longest input of an encoder."""
    return max(self.reader_length, self.passage_length)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TaggerConfig(ExportConfig, TaskConfig):
  """A named entity tagger: token classification (Devlin et al., 2019).

  Attributes:
    max_length: Wordpieces that are read at once, [CLS] and [SEP] included;
      longer sentences are cut into overlapping windows.
    overlap: Wordpieces that a window shares with the next.
    num_buckets: Batches are padded to one of so many lengths: max_length, its
      half, its quarter, and so on; 1 for the one shape that a TPU needs.
    patience: Evaluations without a better F1 after which training stops; 0
      for never.
    capitals: Whether segment ids tell the model which wordpieces begin with a
      capital: names are known by them, and a lower-case vocabulary has none.
      Not in the paper, whose tagger is cased.
  """

  max_length: int
  overlap: int = 32
  num_buckets: int = 4
  patience: int = 4
  capitals: bool = True

  def __post_init__(self) -> None:
    super().__post_init__()
    if self.overlap > self.max_length // 2 - 2:
      _refuse(
        "overlap",
        self.overlap,
        f"must be below half of max_length, {self.max_length}",
      )
    if self.max_length % 2 ** (self.num_buckets - 1):
      _refuse(
        "num_buckets",
        self.num_buckets,
        f"halves max_length, {self.max_length}, into what is no whole number",
      )

  @property
  def bucket_lengths(self) -> tuple[int, ...]:
    """The lengths that batches are padded to, the shortest first."""
    return tuple(
      self.max_length // 2**i for i in reversed(range(self.num_buckets))
    )

  @property
  def longest_input(self) -> int:
    """Wordpieces of the longest input of the encoder."""
    return self.max_length


# The least value of a whole number, where that is not 1.
_LEAST = {
  "warmup_steps": -1,
  "projection_size": 0,
  "seed": 0,
  "num_leaves": 0,
  "leaves_to_search": 0,
  "reordering_candidates": 0,
  "dev_questions": 0,
  "patience": 0,
  "overlap": 0,
  "beam_negatives": 0,
  "bm25_negatives": 0,
}


def _refuse(name: str, value: object, why: str) -> None:
  raise errors.UserError(f"config.{name}={value} {why}.")
