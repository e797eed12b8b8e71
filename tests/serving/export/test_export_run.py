"""Exports of a fine-tuned and a pre-trained run, read without realm_tf."""

import gc
import importlib
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import prediction_log_pb2

from benchmarks import http_requests
from realm_tf import errors
from realm_tf import serving
from realm_tf.answering import open_qa
from realm_tf.serving.export import check_saved_model
from realm_tf.serving.export import export_checks
from realm_tf.serving.export import export_run
from realm_tf.serving.server import model_server
from realm_tf.serving.server import server_options
from tests import people

QUESTIONS = [f"where was {person} born?" for person in people.PEOPLE]
# What TensorFlow Serving 2.15.1 links beside TensorFlow's own ops.
TEXT_OPS = {"FastBertNormalize", "FastWordpieceTokenizeWithOffsets"}


@pytest.fixture(scope="module")
def exported(overfitted, tmp_path_factory):
  model_dir = overfitted
  output = tmp_path_factory.mktemp("exports") / "qa"
  options = export_run.ExportOptions(
    model_dir=str(model_dir), output=str(output), num_answers=3
  )
  return export_run.run(options)


def answered_apart(folder, asked, answered):
  """Answers in a process that imports TensorFlow and TF Text alone."""
  environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
  subprocess.run(
    [sys.executable, check_saved_model.__file__, folder, asked, answered],
    env=environment,
    cwd="/",
    check=True,
  )


def asked(folder, *requests, answer=check_saved_model.main):
  """Answers of an export, in this process unless `answer` has another one."""
  paths = [os.path.join(folder, "..", name) for name in ("asked", "answered")]
  with open(paths[0], "w") as f:
    json.dump(requests, f)
  answer(folder, *paths)
  with open(paths[1]) as f:
    return json.load(f)


def ops_of(folder):
  """The ops of a SavedModel's graph and functions."""
  model = saved_model_pb2.SavedModel()
  with open(os.path.join(folder, "saved_model.pb"), "rb") as f:
    model.ParseFromString(f.read())
  graph = model.meta_graphs[0].graph_def
  functions = {f.signature.name for f in graph.library.function}
  ops = {node.op for node in graph.node}
  ops |= {n.op for f in graph.library.function for n in f.node_def}
  return ops - functions


def test_the_export_answers_as_the_run_does(exported, overfitted):
  model_dir = overfitted
  run = open_qa.OpenQA.from_run(str(model_dir))
  rows = run.retrievers.retrieve(
    QUESTIONS, run.config.reader_beam, "dense"
  ).rows
  wanted = run.best_answers(QUESTIONS, rows, 3)
  [found, retrieved, sure, unsure] = asked(
    exported,
    ("serving_default", {"question": QUESTIONS}),
    ("retrieve", {"question": QUESTIONS}),
    ("answer_with_threshold", {"question": QUESTIONS, "threshold": [0.0] * 8}),
    ("answer_with_threshold", {"question": QUESTIONS, "threshold": [1.1] * 8}),
    answer=answered_apart,
  )
  assert [a[0] for a in found["answer"]] == people.PLACES
  assert found["answer"] == np.char.decode(wanted.answer.astype(bytes)).tolist()
  np.testing.assert_allclose(found["probability"], wanted.probability, 1e-3)
  for name in ("retriever_score", "reader_score"):
    np.testing.assert_allclose(found[name], getattr(wanted, name), 1e-3, 1e-3)
  for answers, bodies, starts, limits in zip(
    *(
      found[name]
      for name in (
        "answer",
        "passage",
        "answer_byte_start",
        "answer_byte_limit",
      )
    ),
    strict=True,
  ):
    for answer, body, start, limit in zip(
      answers, bodies, starts, limits, strict=True
    ):
      assert body.encode()[start:limit].decode() == answer
  assert [json.loads(m[0]) for m in found["metadata"]] == [
    people.METADATA.get(person, {}) for person in people.PEOPLE
  ]
  for titles, metadata in zip(
    retrieved["title"], retrieved["metadata"], strict=True
  ):
    assert [json.loads(m) for m in metadata] == [
      people.METADATA.get(title, {}) for title in titles
    ]
  ids = [list(run.retrievers.ids(row))[:3] for row in rows]
  assert retrieved["passage_id"] == ids
  assert (sure["abstain"], unsure["abstain"]) == ([False] * 8, [True] * 8)


@pytest.mark.parametrize("retriever", ["bm25", "hybrid"])
def test_other_retrievers_answer_as_in_the_run(
  overfitted, tmp_path, retriever, caplog
):
  weight = 0.3 if retriever == "hybrid" else None
  folder = export_run.run(
    export_run.ExportOptions(
      model_dir=str(overfitted),
      output=str(tmp_path / "qa"),
      num_answers=3,
      retriever=retriever,
      hybrid_weight=weight,
    )
  )
  run = open_qa.OpenQA.from_run(str(overfitted), hybrid_weight=weight)
  beam = run.config.reader_beam
  _, wanted = run.find_answers(QUESTIONS, beam, 3, retriever)
  [found, retrieved] = asked(
    folder,
    ("serving_default", {"question": QUESTIONS}),
    ("retrieve", {"question": QUESTIONS}),
  )
  assert found["answer"] == np.char.decode(wanted.answer.astype(bytes)).tolist()
  np.testing.assert_allclose(found["probability"], wanted.probability, 1e-3)
  rows, scores = run.retrievers.retrieve(QUESTIONS, 3, retriever)
  assert retrieved["passage_id"] == [
    (list(run.retrievers.ids(row)) + [""] * 3)[:3] for row in rows
  ]
  np.testing.assert_allclose(
    retrieved["score"], np.where(rows >= 0, scores, 0), rtol=1e-3
  )
  assert ops_of(folder) - set(dir(tf.raw_ops)) == TEXT_OPS
  assert not {"PyFunc", "EagerPyFunc"} & ops_of(folder)
  with open(os.path.join(folder, "assets.extra", export_run.INFO)) as f:
    info = json.load(f)
  told = {
    "bm25": ("bm25", "", None),
    "hybrid": ("hybrid", "exact", "convex, weight of dense 0.3, as given"),
  }
  assert told[retriever] == (
    info["retriever"],
    info["searcher"],
    info.get("hybrid"),
  )
  assert {"bm25": "BM25 of", "hybrid": "and BM25 (convex"}[retriever] in (
    caplog.text
  )


def test_retrievers_that_do_not_fit_are_refused(overfitted, world, tmp_path):
  def error_of(**fields):
    with pytest.raises(errors.UserError) as error:
      export_run.run(
        export_run.ExportOptions(
          **({"model_dir": str(overfitted)} | fields), output=str(tmp_path)
        )
      )
    return str(error.value)

  assert "retriever=tfidf must be" in error_of(retriever="tfidf")
  assert "`searcher` is for" in error_of(retriever="bm25", searcher="exact")
  assert "`hybrid_weight` goes" in error_of(hybrid_weight=0.5)
  assert "fills masks" in error_of(
    model_dir=str(world / "realm"), retriever="hybrid"
  )


def test_a_stock_tensorflow_serving_has_every_op(exported):
  assert ops_of(exported) - set(dir(tf.raw_ops)) == TEXT_OPS
  assert not {"PyFunc", "EagerPyFunc"} & ops_of(exported)


def test_vectors_and_texts_are_variables_beside_the_graph(exported):
  with open(os.path.join(exported, "saved_model.pb"), "rb") as f:
    assert b"taught there" not in f.read()
  weights = os.path.join(exported, "variables", "variables")
  stored = dict(tf.train.list_variables(weights))
  [embeddings] = [n for n in stored if "memory/embeddings" in n]
  assert stored[embeddings][0] == len(people.PEOPLE)
  assert sum("memory/texts" in name for name in stored) == 5


def test_warm_up_requests_name_every_signature(exported):
  path = os.path.join(exported, "assets.extra", export_run.WARMUP)
  named = set()
  for record in tf.data.TFRecordDataset(path).as_numpy_iterator():
    log = prediction_log_pb2.PredictionLog.FromString(record)
    request = log.predict_log.request
    assert all(i.tensor_shape.dim[0].size for i in request.inputs.values())
    named.add(request.model_spec.signature_name)
  assert named == {
    *("answer", "answer_with_threshold"),
    *("retrieve", "embed_query", "embed_passage"),
  }


def test_the_default_signature_is_no_copy_that_must_be_warmed_up_too(exported):
  with open(os.path.join(exported, "saved_model.pb"), "rb") as f:
    model = saved_model_pb2.SavedModel.FromString(f.read())
  found = model.meta_graphs[0].signature_def
  assert found["serving_default"] == found["answer"]
  assert found["serving_default"] != found["answer_with_threshold"]


def test_the_local_server_gives_its_answers(exported):
  server = model_server.Server(
    server_options.Options(
      model_name="qa",
      model_base_path=os.path.dirname(exported),
      port=0,
      rest_api_port=0,
      enable_batching=True,
      lame_duck_seconds=0.0,
    )
  )
  server.start()
  with serving.Client(f"localhost:{server.port}", model="qa") as client:
    found = client.ask(QUESTIONS)
  reply = http_requests.send(
    server.rest_api_port, "/v1/models/qa:predict", {"instances": QUESTIONS}
  )
  assert server.stop() == 0
  rows = reply.json["predictions"]
  assert [answer.text for answer in found] == people.PLACES
  assert [row["answer"][0] for row in rows] == people.PLACES
  for row in rows:
    place = slice(row["answer_byte_start"][0], row["answer_byte_limit"][0])
    assert row["passage"][0].encode()[place].decode() == row["answer"][0]


def test_a_pre_trained_run_fills_masks(world, tmp_path):
  folder = export_run.run(
    export_run.ExportOptions(
      model_dir=str(world / "realm"),
      output=str(tmp_path / "realm"),
      searcher="partitioned",
      passages="ids",
    )
  )
  [filled] = asked(folder, ("serving_default", {"text": ["[MASK] was born."]}))
  assert filled["passage_id"][0][0] == ""
  assert np.sum(filled["posterior"]) == pytest.approx(1.0, rel=1e-4)
  assert "passage" not in filled and "title" not in filled
  assert ops_of(folder) - set(dir(tf.raw_ops)) == TEXT_OPS


def test_weights_in_fewer_bits_answer_from_less(exported, overfitted, tmp_path):
  model_dir = overfitted
  folder = export_run.run(
    export_run.ExportOptions(
      model_dir=str(model_dir),
      output=str(tmp_path),
      weights="int8",
      precision="bfloat16",
    )
  )
  assert tf.keras.mixed_precision.global_policy().name == "float32"
  [found] = asked(folder, ("serving_default", {"question": QUESTIONS}))
  assert [a[0] for a in found["answer"]] == people.PLACES
  assert ops_of(folder) - set(dir(tf.raw_ops)) == TEXT_OPS
  with open(os.path.join(folder, "assets.extra", export_run.INFO)) as f:
    info = json.load(f)
  assert (info["weights"], info["precision"]) == ("int8", "bfloat16")
  assert info["same_answers"] >= 0.75
  full, reduced = (
    os.path.getsize(f"{f}/variables/variables.data-00000-of-00001")
    for f in (exported, folder)
  )
  assert reduced < 0.6 * full


def test_weights_that_change_the_answers_are_not_published(
  overfitted, tmp_path, monkeypatch
):
  model_dir = overfitted

  def forget(model, kind):
    for weight in model.variables:
      weight.assign(tf.zeros_like(weight))

  monkeypatch.setattr(export_run.stored_weights, "reduce", forget)
  options = export_run.ExportOptions(
    model_dir=str(model_dir), output=str(tmp_path / "qa"), weights="bfloat16"
  )
  with pytest.raises(errors.UserError, match="weights=bfloat16 changes too"):
    export_run.run(options)
  assert not (tmp_path / "qa").exists()


def test_scann_searches_where_its_ops_are(overfitted, tmp_path):
  model_dir = overfitted
  folder = export_run.run(
    export_run.ExportOptions(
      model_dir=str(model_dir), output=str(tmp_path), searcher="scann"
    )
  )
  beyond = ops_of(folder) - set(dir(tf.raw_ops)) - TEXT_OPS
  assert beyond and all(op.startswith("Scann>") for op in beyond)


def test_an_export_is_a_folder_of_this_machine():
  options = export_run.ExportOptions(
    model_dir="run", output="gs://bucket/models"
  )
  with pytest.raises(errors.UserError, match="no folder of this machine"):
    export_run.run(options)


def test_whoever_imports_the_check_keeps_his_garbage_collection():
  before = gc.get_threshold()
  try:
    gc.set_threshold(123, 4, 5)
    importlib.reload(check_saved_model)
    assert gc.get_threshold() == (123, 4, 5)
  finally:
    gc.set_threshold(*before)


def test_nothing_is_published_where_the_check_fails(
  overfitted, tmp_path, monkeypatch
):
  model_dir = overfitted
  options = export_run.ExportOptions(
    model_dir=str(model_dir), output=str(tmp_path)
  )

  def run(command, **kwargs):
    answers = [{"embedding": [[0.0]]}] * 100
    with open(command[-1], "w") as f:
      json.dump(answers, f)
    return subprocess.CompletedProcess(command, 0)

  monkeypatch.setattr(export_checks.subprocess, "run", run)
  # The first signature is `retrieve`: its outputs are not there.
  with pytest.raises(errors.UserError, match="answers otherwise.*retrieve"):
    export_run.run(options)
  assert os.listdir(tmp_path) == []


def test_versions_count_up_and_are_never_replaced(tmp_path):
  (tmp_path / "7").mkdir()
  for version, wanted in ((0, 8), (9, 9)):
    assert export_run.choose_version(str(tmp_path), version) == wanted
  taken = export_run.ExportOptions(
    model_dir="run", output=str(tmp_path), version=7
  )
  with pytest.raises(errors.UserError, match="version=7"):
    export_run.run(taken)
