import numpy as np
import pytest
import tensorflow as tf

from realm_tf import devices
from realm_tf.data.examples import packing
from realm_tf.models import embedders
from realm_tf.models import encoders
from realm_tf.models import ict
from realm_tf.models import masked_lm
from realm_tf.models import orqa
from realm_tf.models import realm
from tests import synthetic

VOCAB = len(synthetic.VOCABULARY)

# Of one encoder; V = 46, width 16, 48 positions.
ENCODER = {
  "word_embeddings/embeddings": (46, 16),
  "position_embedding/embeddings": (48, 16),
  "type_embeddings/embeddings": (2, 16),
  "embeddings/layer_norm/gamma": (16,),
  "embeddings/layer_norm/beta": (16,),
  "transformer/layer_0/self_attention/query/kernel": (16, 2, 8),
  "transformer/layer_0/self_attention/query/bias": (2, 8),
  "transformer/layer_0/self_attention/key/kernel": (16, 2, 8),
  "transformer/layer_0/self_attention/key/bias": (2, 8),
  "transformer/layer_0/self_attention/value/kernel": (16, 2, 8),
  "transformer/layer_0/self_attention/value/bias": (2, 8),
  "transformer/layer_0/self_attention/attention_output/kernel": (2, 8, 16),
  "transformer/layer_0/self_attention/attention_output/bias": (16,),
  "transformer/layer_0/self_attention_layer_norm/gamma": (16,),
  "transformer/layer_0/self_attention_layer_norm/beta": (16,),
  "transformer/layer_0/intermediate/kernel": (16, 32),
  "transformer/layer_0/intermediate/bias": (32,),
  "transformer/layer_0/output/kernel": (32, 16),
  "transformer/layer_0/output/bias": (16,),
  "transformer/layer_0/output_layer_norm/gamma": (16,),
  "transformer/layer_0/output_layer_norm/beta": (16,),
}
POOLER = {"pooler_transform/kernel": (16, 16), "pooler_transform/bias": (16,)}
EMBEDDER_HEAD = {
  "projection/kernel": (16, 8),
  "projection/bias": (8,),
  "layer_norm/gamma": (8,),
  "layer_norm/beta": (8,),
}
READER_HEAD = {
  "transform/dense/kernel": (16, 16),
  "transform/dense/bias": (16,),
  "transform/LayerNorm/gamma": (16,),
  "transform/LayerNorm/beta": (16,),
  "output_bias/bias": (46,),
}


def realm_model(**changes):
  config = synthetic.realm_config(**changes)
  model = realm.RealmModel.of_task(config, VOCAB, synthetic.SEP)
  features = synthetic.realm_features(config, batch=2)
  return config, model, features, model(features)


def shapes_of(variables, expected):
  """Name to shape, by the expected name that a variable's name ends with."""
  found = {}
  for variable in variables:
    name = variable.name.removesuffix(":0")
    ends = [e for e in expected if name == e or name.endswith("/" + e)]
    key = max(ends, key=len, default=name)
    assert key not in found, f"{name} stands twice"
    found[key] = tuple(variable.shape)
  return found


def test_variables_of_both_halves():
  _, model, _, _ = realm_model()
  expected = ENCODER | POOLER | EMBEDDER_HEAD
  assert shapes_of(model.retriever.trainable_variables, expected) == expected
  expected = ENCODER | READER_HEAD  # nothing reads the reader's pooler
  assert shapes_of(model.reader.trainable_variables, expected) == expected
  shared = {v.ref() for v in model.retriever.variables} & {
    v.ref() for v in model.reader.variables
  }
  assert not shared


def test_untied_towers_have_variables_of_their_own():
  _, model, _, _ = realm_model(tied_embedders=False)
  expected = ENCODER | POOLER | EMBEDDER_HEAD
  towers = (model.retriever.query_embedder, model.retriever.passage_embedder)
  for tower in towers:
    assert shapes_of(tower.trainable_variables, expected) == expected
  assert len(model.retriever.trainable_variables) == 2 * len(expected)


def test_outputs_have_the_shapes_and_types_promised():
  config, _, _, (marginal, logits) = realm_model()
  assert logits.shape == (2, config.num_candidates, config.max_masks, VOCAB)
  assert logits.dtype == tf.float32
  assert marginal.log_likelihood.shape == (2,)
  assert marginal.retrieval_log_probs.shape == (2, config.num_candidates)
  np.testing.assert_allclose(
    tf.reduce_sum(tf.exp(marginal.retrieval_log_probs), axis=1),
    [1.0, 1.0],
    rtol=1e-6,
  )


def test_every_trained_variable_gets_a_finite_gradient():
  _, model, features, _ = realm_model()
  with tf.GradientTape() as tape:
    marginal, _ = model(features, training=True)
    loss = -tf.reduce_sum(marginal.log_likelihood)
  for gradient, variable in zip(
    tape.gradient(loss, model.trainable_variables),
    model.trainable_variables,
    strict=True,
  ):
    assert gradient is not None, variable.name
    assert np.isfinite(tf.convert_to_tensor(gradient)).all(), variable.name


@pytest.mark.parametrize("tied_embedders", [True, False])
def test_a_frozen_encoder_leaves_the_heads_gradients_as_they_are(
  tied_embedders,
):
  gradients = {}
  for trained in (True, False):
    tf.keras.utils.set_random_seed(0)
    _, model, features, _ = realm_model(
      tied_embedders=tied_embedders, train_retriever_encoder=trained
    )
    variables = model.retriever.trainable_variables
    with tf.GradientTape() as tape:
      marginal, _ = model(features, training=True)
      loss = -tf.reduce_sum(marginal.log_likelihood)
    gradients[trained] = {
      v.name: g
      for v, g in zip(variables, tape.gradient(loss, variables), strict=True)
    }
  towers = 1 if tied_embedders else 2
  assert len(gradients[False]) == towers * len(EMBEDDER_HEAD)
  assert len(gradients[True]) > len(gradients[False])
  for name, gradient in gradients[False].items():
    np.testing.assert_allclose(
      gradient, gradients[True][name], rtol=1e-5, atol=1e-8, err_msg=name
    )


def test_a_frozen_encoder_embeds_without_dropout():
  _, model, features, _ = realm_model(
    dropout=0.5, train_retriever_encoder=False
  )
  passages = features["passage_token_ids"][:, 0]
  queries = features["query_token_ids"]
  for found, wanted in zip(
    model.retriever(queries, passages, training=True),
    model.retriever(queries, passages),
    strict=True,
  ):
    np.testing.assert_array_equal(found, wanted)


def test_scores_are_of_the_embeddings_and_scaled():
  config, model, features, (marginal, _) = realm_model(score_scale=0.5)
  passages = features["passage_token_ids"]
  for b in range(2):
    query, embedded = model.retriever(
      features["query_token_ids"][b : b + 1], passages[b]
    )
    scores = 0.5 * embedded.numpy() @ query.numpy()[0]
    scores[~features["candidate_mask"][b].numpy()] = -np.inf
    np.testing.assert_allclose(
      marginal.retrieval_log_probs[b],
      scores - np.log(np.exp(scores).sum()),
      rtol=1e-4,
      atol=1e-5,
    )
  assert config.score_scale == 0.5


def test_each_pair_of_query_and_passage_is_read_by_itself():
  _, model, features, (_, logits) = realm_model()
  for b in range(2):
    for k in range(4):
      alone = model.reader(
        features["joint_token_ids"][b, k][None],
        features["joint_segment_ids"][b, k][None],
        features["mask_positions"][b][None],
      )
      np.testing.assert_allclose(alone[0], logits[b, k], rtol=1e-4, atol=1e-5)


def test_masked_candidates_and_padded_targets_change_no_loss_and_no_gradient():
  _, model, features, _ = realm_model()

  def loss_and_gradients(features):
    with tf.GradientTape() as tape:
      loss = -tf.reduce_sum(model(features).marginal.log_likelihood)
    gradients = tape.gradient(loss, model.trainable_variables)
    return loss, [tf.convert_to_tensor(g) for g in gradients]

  mask = features["candidate_mask"].numpy()[:, :, None]
  assert not mask.all()
  changed = dict(features)
  for name in ("passage_token_ids", "joint_token_ids"):
    changed[name] = tf.where(mask, features[name], 9)
  real = features["target_weights"] > 0
  assert not np.asarray(real).all()
  changed["targets"] = tf.where(real, features["targets"], 11)
  changed["mask_positions"] = tf.where(real, features["mask_positions"], 2)
  loss, gradients = loss_and_gradients(features)
  other_loss, others = loss_and_gradients(changed)
  np.testing.assert_allclose(loss, other_loss, rtol=1e-6)
  for a, b in zip(gradients, others, strict=True):
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def full_logits(model, token_ids, segment_ids):
  """The head at all places, without an output range."""
  table = model.encoder.get_embedding_table()
  sequence = full_sequence(model.encoder, token_ids, segment_ids)
  flat = tf.reshape(sequence, [-1, sequence.shape[-1]])
  hidden = model.head.layer_norm(model.head.dense(flat))
  hidden = tf.reshape(hidden, sequence.shape)
  return tf.einsum("bld,vd->blv", hidden, table) + model.head.bias


def full_sequence(encoder, token_ids, segment_ids):
  """The last layer's output at all places."""
  config = synthetic.realm_config(num_layers=2)
  whole = encoders.build_encoder(config, VOCAB, name="whole")
  whole(whole.inputs)
  whole.set_weights(encoder.get_weights())
  outputs = encoders.encode(whole, token_ids, segment_ids, training=False)
  return outputs["sequence_output"]


def test_the_head_at_the_masks_equals_the_head_everywhere():
  config, model, features, _ = realm_model(num_layers=2)
  ids = features["joint_token_ids"][:, 1]
  segments = features["joint_segment_ids"][:, 1]
  positions = features["mask_positions"]
  # A bias of zeros would hide that it was forgotten.
  model.reader.head.bias.assign(tf.random.normal([VOCAB]))
  np.testing.assert_allclose(
    model.reader(ids, segments, positions),
    tf.gather(
      full_logits(model.reader, ids, segments), positions, batch_dims=1
    ),
    rtol=1e-4,
    atol=1e-5,
  )
  assert config.query_length < config.joint_length


def test_output_range_leaves_out_nothing_that_is_read():
  config, model, features, _ = realm_model(num_layers=2)
  ids = features["query_token_ids"]
  tower = model.retriever.query_embedder
  whole = full_sequence(tower.encoder, ids, tf.zeros_like(ids))
  outputs = encoders.encode(
    tower.encoder, ids, tf.zeros_like(ids), training=False
  )
  assert outputs["sequence_output"].shape == (2, 1, config.hidden_size)
  np.testing.assert_allclose(
    outputs["sequence_output"][:, 0], whole[:, 0], rtol=1e-4, atol=1e-5
  )
  pooled = tower.encoder.pooler_layer(whole[:, 0])
  np.testing.assert_allclose(
    tower(ids), tower.layer_norm(tower.projection(pooled)), rtol=1e-4, atol=1e-5
  )


def test_padding_changes_no_embedding():
  config = synthetic.realm_config()
  model = embedders.Embedder(config, config, VOCAB, synthetic.SEP, "embedder")
  ids = tf.constant([[2, 8, 30, 9, 3]])
  longer = tf.pad(ids, [[0, 0], [0, 9]])
  np.testing.assert_allclose(model(ids), model(longer), rtol=1e-4, atol=1e-5)
  other = model(tf.constant([[2, 8, 30, 10, 3]]))
  assert (model(ids).numpy() != other.numpy()).any()


# `[CLS] title [SEP] body [SEP]`: with a title of two, without, the null
# passage; and a query. By hand, what is segment 1.
SEGMENTS_OF_PASSAGES = [
  ([2, 8, 9, 3, 30, 31, 32, 3, 0], [0, 0, 0, 0, 1, 1, 1, 1, 0]),
  ([2, 3, 30, 31, 32, 33, 34, 35, 3], [0, 0, 1, 1, 1, 1, 1, 1, 1]),
  ([2, 3, 3, 0, 0, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0, 0, 0, 0]),
  ([2, 8, 30, 4, 9, 3, 0, 0, 0], [0] * 9),
]


def embedded_by_hand(model, token_ids, segment_ids):
  """What Model Garden's encoder and the head make of given segments."""
  outputs = model.encoder(
    {
      "input_word_ids": token_ids,
      "input_mask": tf.cast(token_ids != 0, tf.int32),
      "input_type_ids": segment_ids,
    },
    training=False,
  )
  return model.layer_norm(model.projection(outputs["pooled_output"]))


@pytest.mark.parametrize("split", [True, False])
def test_a_passages_body_is_a_segment_of_its_own_if_the_config_says_so(split):
  config = synthetic.realm_config(passage_segments=split)
  model = embedders.Embedder(config, config, VOCAB, synthetic.SEP, "embedder")
  ids, segments = (
    tf.constant(column) for column in zip(*SEGMENTS_OF_PASSAGES, strict=True)
  )
  wanted = embedded_by_hand(model, ids, segments * int(split))
  np.testing.assert_allclose(model(ids), wanted, rtol=1e-5, atol=1e-6)
  other = embedded_by_hand(model, ids, segments * int(not split))
  differs = np.abs(model(ids) - other).max(axis=1) > 1e-5
  assert differs.tolist() == [True, True, True, False]  # a query has one


def test_the_null_passage_has_a_title_that_is_empty():
  tokenizer = synthetic.make_tokenizer()
  empty = tf.ragged.constant([], ragged_rank=1, dtype=tf.int32)
  packed = packing.PackedPassages(empty, empty, 6, tokenizer)
  null = packed.passages(tf.constant([packed.null_row]))
  assert null.numpy().tolist() == [[2, 3, 3, 0, 0, 0]]
  segments = embedders.pair_segments(null, tokenizer.sep_id)
  assert segments.numpy().tolist() == [[0, 0, 1, 0, 0, 0]]


def segment_rows_gradient(model, loss_of):
  """Largest gradient of each segment's embedding, <float>[2]."""
  encoder = model.retriever.query_embedder.encoder
  [table] = [v for v in encoder.weights if "type_embeddings" in v.name]
  with tf.GradientTape() as tape:
    loss = loss_of(model)
  gradient = tf.convert_to_tensor(tape.gradient(loss, table))
  return np.abs(gradient).max(axis=1)


def test_training_reaches_the_embedding_of_segment_1():
  passages = tf.constant([row for row, _ in SEGMENTS_OF_PASSAGES[:3]])
  features = {
    "query_token_ids": tf.constant([[2, 9, 3], [2, 10, 3], [2, 30, 3]]),
    "passage_token_ids": passages,
  }

  def loss_of(model):
    scores, labels = model(features)
    return tf.reduce_sum(
      tf.nn.sparse_softmax_cross_entropy_with_logits(labels, scores)
    )

  for split in (True, False):
    config = synthetic.ict_config(passage_segments=split)
    model = ict.IctModel.of_task(config, VOCAB, synthetic.SEP)
    rows = segment_rows_gradient(model, loss_of)
    assert rows[0] > 1e-3
    assert (rows[1] > 1e-3) == split


def test_only_the_segment_tells_query_from_passage():
  config = synthetic.mlm_config()
  model = masked_lm.MaskedLanguageModel(config, VOCAB, name="reader")
  ids = tf.constant([[2, 8, 4, 3, 9, 3]])
  same = tf.zeros_like(ids)
  other = tf.constant([[0, 0, 0, 0, 1, 1]])
  positions = tf.constant([[2]])
  one, two = (model(ids, s, positions).numpy() for s in (same, other))
  assert np.abs(one - two).max() > 1e-4


def test_ict_scores_all_blocks_and_labels_its_own():
  config = synthetic.ict_config(score_scale=0.5)
  model = ict.IctModel.of_task(config, VOCAB, synthetic.SEP)
  features = synthetic.realm_features(synthetic.realm_config(), batch=3)
  queries = features["query_token_ids"]
  blocks = features["passage_token_ids"][:, 0]
  scores, labels = model(
    {"query_token_ids": queries, "passage_token_ids": blocks}
  )
  left, right = model.retriever(queries, blocks)
  np.testing.assert_allclose(
    scores, 0.5 * left.numpy() @ right.numpy().T, rtol=1e-5, atol=1e-6
  )
  np.testing.assert_array_equal(labels, [0, 1, 2])


def test_dropout_is_active_in_training_only():
  config = synthetic.realm_config(dropout=0.5)
  model = embedders.Embedder(config, config, VOCAB, synthetic.SEP, "embedder")
  ids = tf.constant([[2, 8, 30, 9, 3]])
  np.testing.assert_array_equal(model(ids), model(ids))
  assert (model(ids, training=True).numpy() != model(ids).numpy()).any()


def test_losses_and_log_probs_are_float32_in_bfloat16(bfloat16):
  _, model, features, (marginal, logits) = realm_model()
  assert model.reader.encoder.compute_dtype == "bfloat16"
  for value in (*marginal, marginal.retrieval_utility, logits):
    assert value.dtype == tf.float32
  assert all(v.dtype == tf.float32 for v in model.trainable_variables)
  with tf.GradientTape() as tape:
    loss = -tf.reduce_sum(model(features, training=True).marginal[0])
  gradients = tape.gradient(loss, model.trainable_variables)
  assert loss.dtype == tf.float32
  for gradient in gradients:
    assert np.isfinite(tf.convert_to_tensor(gradient)).all()


def test_embeddings_and_ict_scores_are_float32_in_bfloat16(bfloat16):
  model = ict.IctModel.of_task(synthetic.ict_config(), VOCAB, synthetic.SEP)
  features = synthetic.realm_features(synthetic.realm_config(), batch=3)
  scores, _ = model(
    {
      "query_token_ids": features["query_token_ids"],
      "passage_token_ids": features["passage_token_ids"][:, 0],
    }
  )
  assert scores.dtype == tf.float32
  assert model.retriever.query_embedder.encoder.compute_dtype == "bfloat16"


def test_bfloat16_stays_close_to_float32():
  _, model, features, (marginal, _) = realm_model()
  weights = model.get_weights()
  devices.set_precision("bfloat16", on_cpu=False)
  try:
    _, narrow, _, _ = realm_model()
    narrow.set_weights(weights)
    got = narrow(features).marginal
  finally:
    devices.set_precision("float32", on_cpu=False)
  np.testing.assert_allclose(
    got.log_likelihood, marginal.log_likelihood, rtol=0.05
  )


def test_masked_token_logits_are_not_rounded_in_bfloat16(bfloat16):
  _, model, features, (_, logits) = realm_model()
  rounded = tf.cast(tf.cast(logits, tf.bfloat16), tf.float32)
  assert np.mean(rounded.numpy() != logits.numpy()) > 0.9
  hidden = encoders.encode(
    model.reader.encoder,
    features["joint_token_ids"][:, 1],
    features["joint_segment_ids"][:, 1],
    training=False,
  )["sequence_output"]
  hidden = tf.gather(hidden, features["mask_positions"], batch_dims=1)
  head = model.reader.head
  hidden = head.layer_norm(head.dense(tf.reshape(hidden, [-1, 16])))
  assert hidden.dtype == tf.bfloat16
  table = model.reader.encoder.get_embedding_table()
  wanted = np.float64(hidden) @ np.float64(table).T + np.float64(head.bias)
  np.testing.assert_allclose(
    tf.reshape(logits[:, 1], wanted.shape), wanted, rtol=1e-4, atol=1e-5
  )


def test_the_batch_may_be_unknown_when_the_model_is_traced():
  config, model, features, (marginal, logits) = realm_model()
  signature = {
    name: tf.TensorSpec([None, *value.shape[1:]], value.dtype)
    for name, value in features.items()
  }

  @tf.function(input_signature=[signature])
  @tf.autograph.experimental.do_not_convert
  def traced(features):
    return model(features)

  found, found_logits = traced(features)
  np.testing.assert_allclose(found_logits, logits, rtol=1e-4, atol=1e-5)
  np.testing.assert_allclose(
    found.log_likelihood, marginal.log_likelihood, rtol=1e-4
  )
  one = traced({name: value[:1] for name, value in features.items()})
  np.testing.assert_allclose(one.logits, logits[:1], rtol=1e-4, atol=1e-5)
  # What is known stays known: a TPU needs it.
  shape = [config.num_candidates, config.max_masks, VOCAB]
  spec = traced.get_concrete_function().structured_outputs.logits
  assert spec.shape.as_list() == [None, *shape]

  @tf.function
  @tf.autograph.experimental.do_not_convert
  def known(features):
    return model(features)

  spec = known.get_concrete_function(features).structured_outputs
  assert spec.logits.shape.as_list() == [2, *shape]
  assert spec.marginal.log_likelihood.shape.as_list() == [2]


def saved_model_case(name):
  """Returns a model with features of its kind."""
  realm_config = synthetic.realm_config(tied_embedders=False, dropout=0.1)
  features = synthetic.realm_features(realm_config, batch=2)
  if name == "realm":
    return realm.RealmModel.of_task(
      realm_config, VOCAB, synthetic.SEP
    ), features
  if name == "ict":
    config = synthetic.ict_config(passage_segments=False)
    model = ict.IctModel.of_task(config, VOCAB, synthetic.SEP)
    passages = features["passage_token_ids"][:, 0]
    return model, features | {"passage_token_ids": passages}
  config = synthetic.orqa_config(dropout=0.1)
  beam = {
    "beam_embeddings": tf.random.normal(
      [2, config.retriever_beam, config.embedding_size]
    ),
    "beam_mask": tf.ones([2, config.retriever_beam], tf.bool),
  }
  for kind in ("joint_token_ids", "joint_segment_ids"):
    beam[kind] = features[kind][:, : config.reader_beam, : config.reader_length]
  return orqa.OrqaModel.of_task(config, VOCAB, synthetic.SEP), features | beam


@pytest.mark.parametrize("name", ["realm", "ict", "orqa"])
def test_a_saved_model_is_loaded_and_computes_alike(tmp_path, name):
  model, features = saved_model_case(name)
  for variable in model.variables:
    if variable.dtype == tf.float32:
      variable.assign_add(0.1 * tf.random.normal(variable.shape))
  path = str(tmp_path / "m.keras")
  model.save(path)
  loaded = tf.keras.models.load_model(path)
  assert type(loaded) is type(model)
  assert len(loaded.trainable_variables) == len(model.trainable_variables)
  outputs = [
    # OrqaModel's outputs hold None where it has nothing to compute.
    [output for output in tf.nest.flatten(each(features)) if output is not None]
    for each in (model, loaded)
  ]
  for old, new in zip(*outputs, strict=True):
    np.testing.assert_allclose(old, new, rtol=1e-5, atol=1e-6)
