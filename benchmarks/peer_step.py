"""The same training step, written with transformers and torch.

Optional: docs say how to install the two. The head runs at the masked
positions only, as ours does; the last layer computes all positions, as
transformers has it.
"""

from collections.abc import Mapping
from collections.abc import Sequence

import torch
import transformers

from benchmarks import step_batches
from benchmarks import timing
from realm_tf.configs import schema


class _Realm(torch.nn.Module):
  """Retriever and reader of a config's shape."""

  def __init__(self, config: schema.RealmConfig, vocab_size: int):
    super().__init__()
    shape = transformers.BertConfig(
      vocab_size=vocab_size,
      hidden_size=config.hidden_size,
      num_hidden_layers=config.num_layers,
      num_attention_heads=config.num_heads,
      intermediate_size=config.intermediate_size,
      max_position_embeddings=config.max_positions,
      hidden_dropout_prob=config.dropout,
      attention_probs_dropout_prob=config.dropout,
    )
    self._scale = config.score_scale
    self.encoder = transformers.BertModel(shape)
    self.projection = torch.nn.Sequential(
      torch.nn.Linear(config.hidden_size, config.projection_size),
      torch.nn.LayerNorm(config.projection_size),
    )
    self.reader = transformers.BertForMaskedLM(shape)

  def forward(self, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Returns the loss.

    Args:
      batch: A step's features, as `RealmModel` takes them.
    """
    passages = batch["passage_token_ids"]
    size, count = passages.shape[:2]
    embedded = self._embed(passages.flatten(0, 1)).view(size, count, -1)
    queries = self._embed(batch["query_token_ids"])
    scores = torch.einsum("bd,bkd->bk", queries, embedded)
    prior = torch.log_softmax(self._scale * scores, dim=1)
    joint, mask = _cut(batch["joint_token_ids"].flatten(0, 1))
    segments = batch["joint_segment_ids"].flatten(0, 1)[:, : joint.shape[1]]
    states = self.reader.bert(
      joint, attention_mask=mask, token_type_ids=segments
    ).last_hidden_state
    places = batch["mask_positions"].repeat_interleave(count, dim=0)
    places = places[..., None].expand(-1, -1, states.shape[-1])
    logits = self.reader.cls(torch.gather(states, 1, places))
    wanted = batch["targets"].repeat_interleave(count, dim=0)[..., None]
    log_probs = torch.log_softmax(logits, dim=-1).gather(2, wanted)[..., 0]
    log_probs = log_probs.view(size, count, -1)
    log_span = (log_probs * batch["target_weights"][:, None]).sum(dim=2)
    return -torch.logsumexp(prior + log_span, dim=1).mean()

  def _embed(self, token_ids: torch.Tensor) -> torch.Tensor:
    token_ids, mask = _cut(token_ids)
    encoded = self.encoder(token_ids, attention_mask=mask)
    return self.projection(encoded.pooler_output)


def _cut(
  token_ids: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor | None]:
  """Returns rows cut to the longest, and a mask where there is padding left.

  As transformers' collators do.

  Args:
    token_ids: <int64>[rows, L], padded with 0.
  """
  mask = (token_ids != 0).long()
  longest = int(mask.sum(dim=1).max())
  mask = mask[:, :longest]
  return token_ids[:, :longest], None if bool(mask.all()) else mask


def seconds(
  config: schema.RealmConfig,
  vocab_size: int,
  batches: Sequence[step_batches.Batch],
) -> float:
  """Returns the mean seconds of a step over the batches: the median round.

  Args:
    config: Shapes and optimizer.
    vocab_size: Wordpieces of the vocabulary.
    batches: Features, in turn.
  """
  torch.manual_seed(0)
  model = _Realm(config, vocab_size).train()
  optimizer = torch.optim.AdamW(
    model.parameters(),
    lr=config.learning_rate,
    weight_decay=config.weight_decay,
  )
  features = [
    {
      name: torch.tensor(
        value, dtype=torch.float32 if value.dtype.kind == "f" else torch.long
      )
      for name, value in batch.items()
    }
    for batch in batches
  ]

  def run() -> None:
    for batch in features:
      optimizer.zero_grad()
      loss = model(batch)
      loss.backward()
      torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
      optimizer.step()
      loss.item()

  return timing.median_seconds(run, warm_up=1, repeats=3) / len(batches)
