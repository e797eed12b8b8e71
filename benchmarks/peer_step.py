"""The same training step, written with transformers and torch.

Optional: docs say how to install the two. The head runs at the masked
positions only, as ours does; the last layer computes all positions, as
transformers has it.
"""

import torch
import transformers

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

  def forward(
    self,
    queries: torch.Tensor,
    passages: torch.Tensor,
    joint: torch.Tensor,
    segments: torch.Tensor,
    positions: torch.Tensor,
    targets: torch.Tensor,
  ) -> torch.Tensor:
    """Returns the loss.

    Args:
      queries: <int64>[B, query length].
      passages: <int64>[B, K, passage length].
      joint: <int64>[B, K, joint length].
      segments: <int64>[B, K, joint length].
      positions: <int64>[B, M].
      targets: <int64>[B, M].
    """
    batch, count = passages.shape[:2]
    embedded = self._embed(passages.flatten(0, 1)).view(batch, count, -1)
    scores = torch.einsum("bd,bkd->bk", self._embed(queries), embedded)
    prior = torch.log_softmax(self._scale * scores, dim=1)
    states = self.reader.bert(
      joint.flatten(0, 1), token_type_ids=segments.flatten(0, 1)
    ).last_hidden_state
    places = positions.repeat_interleave(count, dim=0)
    places = places[..., None].expand(-1, -1, states.shape[-1])
    logits = self.reader.cls(torch.gather(states, 1, places))
    wanted = targets.repeat_interleave(count, dim=0)[..., None]
    log_probs = torch.log_softmax(logits, dim=-1).gather(2, wanted)
    log_span = log_probs.sum(dim=(1, 2)).view(batch, count)
    return -torch.logsumexp(prior + log_span, dim=1).mean()

  def _embed(self, token_ids: torch.Tensor) -> torch.Tensor:
    return self.projection(self.encoder(token_ids).pooler_output)


def seconds(config: schema.RealmConfig, vocab_size: int) -> float:
  """Returns the median seconds of a step.

  Args:
    config: Shapes and optimizer.
    vocab_size: Wordpieces of the vocabulary.
  """
  torch.manual_seed(0)
  model = _Realm(config, vocab_size).train()
  optimizer = torch.optim.AdamW(
    model.parameters(),
    lr=config.learning_rate,
    weight_decay=config.weight_decay,
  )
  batch, count = config.batch_size, config.num_candidates

  def tokens(*shape: int) -> torch.Tensor:
    return torch.randint(5, vocab_size, shape)

  segments = torch.zeros(batch, count, config.joint_length, dtype=torch.long)
  segments[:, :, config.query_length :] = 1
  inputs = (
    tokens(batch, config.query_length),
    tokens(batch, count, config.passage_length),
    tokens(batch, count, config.joint_length),
    segments,
    torch.arange(1, config.max_masks + 1).repeat(batch, 1),
    tokens(batch, config.max_masks),
  )

  def step() -> None:
    optimizer.zero_grad()
    loss = model(*inputs)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
    optimizer.step()
    loss.item()

  return timing.median_seconds(step, warm_up=1, repeats=3)
