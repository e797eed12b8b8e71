"""Parameters by formula are those of the models that are built."""

import pytest

from realm_tf.configs import base
from realm_tf.configs import tiny
from realm_tf.models import ict
from realm_tf.models import masked_lm
from realm_tf.models import orqa
from realm_tf.models import realm
from realm_tf.models import token_tagger
from realm_tf.plans import parameters
from tests import synthetic

_VOCAB, _SEP = 40, 3


def built(model):
  """Returns (trained, frozen) of a Keras model."""
  trained = {v.ref() for v in model.trainable_variables}
  counts = [0, 0]
  for variable in model.variables:
    if variable.dtype.is_floating:  # not the states of dropout's generators
      counts[variable.ref() not in trained] += variable.shape.num_elements()
  return tuple(counts)


@pytest.mark.parametrize(
  "changes",
  [
    {},
    {"tied_embedders": False},
    {"pooling": "mean", "projection_size": 0, "normalization": "l2"},
    {"pooling": "cls_hidden", "num_layers": 3, "intermediate_size": 24},
    {"dropout": 0.1},
    {"train_retriever_encoder": False},
    {"train_retriever_encoder": False, "tied_embedders": False},
  ],
)
def test_pre_training(changes):
  config = synthetic.realm_config(**changes)
  model = realm.RealmModel.of_task(config, _VOCAB, _SEP)
  counts = parameters.of(config, _VOCAB)
  assert counts["retriever"] == built(model.retriever)
  assert counts["reader"] == built(model.reader)


def test_warm_starts():
  config = synthetic.ict_config()
  model = ict.IctModel.of_task(config, _VOCAB, _SEP)
  assert parameters.of(config, _VOCAB) == {"retriever": built(model.retriever)}
  config = synthetic.mlm_config()
  reader = masked_lm.MaskedLanguageModel(config, _VOCAB)
  assert parameters.of(config, _VOCAB) == {"reader": built(reader)}
  # Of the head alone, the embeddings that it shares are the encoder's.
  config = synthetic.mlm_config(train_encoder=False)
  encoder = sum(v.shape.num_elements() for v in reader.encoder.variables)
  head = sum(built(reader)) - encoder
  assert parameters.of(config, _VOCAB) == {"reader": (head, encoder)}


@pytest.mark.parametrize(
  "changes",
  [
    {},
    {"train_passage_tower": True},
    {"train_passage_tower": True, "tied_embedders": True},
    {"retriever": "bm25"},
    {"train_reader": False, "span_hidden_size": 8},
  ],
)
def test_fine_tuning(changes):
  config = synthetic.orqa_config(**changes)
  model = orqa.OrqaModel.of_task(config, _VOCAB, _SEP)
  counts = parameters.of(config, _VOCAB)
  assert counts == {role: built(part) for role, part in model.parts.items()}


def test_tagger():
  config = synthetic.tagger_config()
  model = token_tagger.Tagger(config, _VOCAB, 9)
  assert parameters.of(config, _VOCAB) == {"tagger": built(model)}


def test_bert_base_has_110_million():
  # 109,482,240 with its pooler (Devlin et al., 2019); a projection to 128
  # dimensions and a layer norm more.
  count = parameters.of(base.pretrain_ict(), 30_522)["retriever"]
  assert count == (109_482_240 + 768 * 128 + 128 + 2 * 128, 0)
  assert count.training_bytes == 16 * count.trained
  small = parameters.of(tiny.finetune(), 1_000)["retriever"]
  assert small.training_bytes == 16 * small.trained + 4 * small.frozen
