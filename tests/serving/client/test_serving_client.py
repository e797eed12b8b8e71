import dataclasses
import shutil
import subprocess
import sys

import grpc
import numpy as np
import pytest

from realm_tf import errors
from realm_tf import serving
from realm_tf.answering import replies
from realm_tf.serving.client import model_channel
from tests import documented_programs
from tests.serving import fake_model

_TEXT = "Im Schwarzwald, bei Donaueschingen – 678 m – entspringt die Donau."
_START = len(b"Im Schwarzwald, bei ")
_UNAVAILABLE = (grpc.StatusCode.UNAVAILABLE, "loading")
_BUSY = (grpc.StatusCode.RESOURCE_EXHAUSTED, "queue is full")


def _answers(questions):
  """Two answers and a place left over for each question."""
  rows = len(questions)
  return {
    "answer": [["678 m", "Donaueschingen", ""]] * rows,
    "probability": [[0.5, 0.25, 0.0]] * rows,
    "passage_id": [["p1", "p1", ""]] * rows,
    "title": [["Donau", "Donau", ""]] * rows,
    "passage": [[_TEXT, _TEXT, ""]] * rows,
    "metadata": [['{"url": "https://example.org"}', "{}", "{}"]] * rows,
    "answer_byte_start": [
      [len("Im Schwarzwald, bei Donaueschingen – ".encode()), _START, 0]
    ]
    * rows,
    "answer_byte_limit": [
      [
        len("Im Schwarzwald, bei Donaueschingen – 678 m".encode()),
        _START + len("Donaueschingen"),
        0,
      ]
    ]
    * rows,
    "retriever_score": [[3.0, 3.0, 0.0]] * rows,
    "reader_score": [[7.0, 6.0, 0.0]] * rows,
    "abstain": ["?" in question for question in questions],
  }


@pytest.fixture(scope="module")
def served():
  model = fake_model.FakeModel()
  server, address = fake_model.start(model)
  yield model, address
  server.stop(None).wait()


@pytest.fixture
def model(served):
  model, _ = served
  model.__init__()
  yield model
  model.release.set()


@pytest.fixture
def client(model, served):
  with serving.Client(served[1]) as client:
    yield client


@pytest.fixture
def pauses(monkeypatch):
  """The pauses between attempts, none of which is waited for."""
  pauses = []
  monkeypatch.setattr(model_channel.time, "sleep", pauses.append)
  return pauses


def test_an_answer_has_its_evidence(model, client):
  model.reply = _answers
  answer = client.ask("Wie hoch?")
  assert (answer.text, answer.probability) == ("678 m", 0.5)
  assert answer.question == "Wie hoch?"
  assert answer.abstain
  assert (answer.retriever_score, answer.reader_score) == (3.0, 7.0)
  evidence = answer.evidence
  assert (evidence.passage.id, evidence.passage.title) == ("p1", "Donau")
  assert evidence.passage.metadata == {"url": "https://example.org"}
  assert evidence.passage.link == "https://example.org"
  assert answer.further[0].evidence.passage.metadata == {}
  start, limit = evidence.character_span
  assert evidence.passage.text[start:limit] == "678 m"
  assert "– **678 m** –" in evidence.mark("**", "**")
  # The place left over is no answer.
  assert [further.text for further in answer.further] == ["Donaueschingen"]
  with pytest.raises(dataclasses.FrozenInstanceError):
    answer.text = "no"


def test_the_program_of_the_readme(
  model, served, tmp_path, monkeypatch, capsys
):
  def reply(texts):
    scores = {"score": [[1.0, 0.5, 0.0]] * len(texts)}
    return _answers(texts) | scores | {"embedding": [[0.5, 2.0]] * len(texts)}

  model.reply = reply
  defined = documented_programs.run(
    "README.md",
    tmp_path,
    monkeypatch,
    with_text="Client",
    old="localhost:8500",
    new=served[1],
  )
  assert capsys.readouterr().out.startswith("678 m 0.5 True\nDonau Im")
  assert [answer.text for answer in defined["answers"]] == ["678 m"] * 2
  assert defined["vectors"].shape == (2, 2)
  assert len(defined["passages"]) == 2


def test_the_program_of_the_api(model, served, tmp_path, monkeypatch):
  def reply(texts):
    scores = {"score": [[1.0, 0.5, 0.0]] * len(texts)}
    return _answers(texts) | scores | {"embedding": [[0.5, 2.0]] * len(texts)}

  model.reply = reply
  defined = documented_programs.run(
    "docs/api.md",
    tmp_path,
    monkeypatch,
    with_text="Client",
    old="localhost:8500",
    new=served[1],
  )
  assert defined["reply"].answer == "678 m"
  assert len(defined["replies"]) == len(defined["passages"]) == 2


def test_no_answer_has_no_evidence(model, client):
  def none(questions):
    outputs = _answers(questions)
    return outputs | {"answer": [["", "", ""]], "probability": [[0.0] * 3]}

  model.reply = none
  answer = client.ask("What")
  assert (answer.text, answer.evidence, answer.further) == ("", None, ())


def test_a_model_without_texts_gives_ids(model, client):
  def ids(questions):
    outputs = _answers(questions)
    return {
      name: values
      for name, values in outputs.items()
      if name not in ("title", "passage", "metadata")
    }

  model.reply = ids
  passage = client.ask("What").evidence.passage
  assert passage == replies.Passage("p1")


def test_requests_name_model_version_and_signature(model, served):
  model.reply = _answers
  with serving.Client(served[1], model="wiki", version=3) as client:
    client.ask("What", threshold=0.25)
  with serving.Client(served[1], label="canary") as client:
    client.ask("What")
  by_version, by_label = model.requests
  spec = by_version.model_spec
  assert (spec.name, spec.version.value) == ("wiki", 3)
  assert spec.signature_name == "answer_with_threshold"
  assert list(by_version.inputs["threshold"].float_val) == [0.25]
  spec = by_label.model_spec
  assert (spec.name, spec.version_label) == ("realm", "canary")
  assert spec.signature_name == "answer"
  assert list(by_label.inputs) == ["question"]
  with pytest.raises(ValueError, match="version or a label"):
    serving.Client(served[1], version=3, label="canary")


def test_long_lists_are_sent_in_parts_and_keep_their_order(model, served):
  model.reply = _answers
  questions = [f"q{number}" for number in range(7)]
  with serving.Client(served[1], max_batch=3) as client:
    answers = client.ask(questions)
    assert client.ask([]) == []
  assert [answer.question for answer in answers] == questions
  sizes = [len(r.inputs["question"].string_val) for r in model.requests]
  assert sizes == [3, 3, 1]


def test_retrieved_passages(model, client):
  model.reply = lambda texts: {
    "passage_id": [["a", "b", ""]] * len(texts),
    "title": [["A", "B", ""]] * len(texts),
    "passage": [["ta", "tb", ""]] * len(texts),
    "score": [[2.0, 1.0, 0.0]] * len(texts),
  }
  first, second = client.retrieve(["x", "y"])
  assert first == second == client.retrieve("x")
  assert [(r.passage.id, r.score) for r in first] == [("a", 2.0), ("b", 1.0)]
  assert model.requests[0].model_spec.signature_name == "retrieve"


def test_filled_masks(model, client):
  model.reply = lambda texts: {
    "token": [[["rome", "paris"], ["", ""]]],
    "probability": [[[0.75, 0.25], [0.0, 0.0]]],
    "token_without_retrieval": [[["paris", "rome"], ["", ""]]],
    "probability_without_retrieval": [[[0.5, 0.125], [0.0, 0.0]]],
    "passage_id": [["", "p9", ""]],
    "title": [["", "Italy", ""]],
    "passage": [["", "Rome is its capital.", ""]],
    "prior": [[0.75, 0.25, 0.0]],
    "posterior": [[0.25, 0.75, 0.0]],
  }
  filled = client.fill_mask("[MASK] is a city.")
  (mask,) = filled.masks
  assert [(t.text, t.probability) for t in mask.tokens] == [
    ("rome", 0.75),
    ("paris", 0.25),
  ]
  assert mask.tokens_without_retrieval[0].text == "paris"
  null, italy = filled.passages
  assert (null.passage.id, null.prior, null.posterior) == ("", 0.75, 0.25)
  assert (italy.passage.title, italy.posterior) == ("Italy", 0.75)


def test_embeddings_are_arrays(model, client):
  model.reply = lambda texts: {
    "embedding": [[float(len(text)), 1.0] for text in texts]
  }
  np.testing.assert_array_equal(client.embed_queries("abc"), [3, 1])
  np.testing.assert_array_equal(
    client.embed_queries(["a", "bc"]), [[1, 1], [2, 1]]
  )
  assert client.embed_queries([]).shape == (0, 0)


def test_what_passes_is_tried_again(model, client, pauses):
  model.reply = _answers
  model.failures = [_UNAVAILABLE, _BUSY, _UNAVAILABLE]
  assert client.ask("What").text == "678 m"
  assert len(model.requests) == 4
  for longest, pause in zip([0.1, 0.2, 0.4], pauses, strict=True):
    assert longest / 2 <= pause <= longest


def test_attempts_end_at_the_deadline(model, client, monkeypatch):
  clock = [0.0]
  monkeypatch.setattr(model_channel.time, "monotonic", lambda: clock[0])
  monkeypatch.setattr(
    model_channel.time,
    "sleep",
    lambda pause: clock.__setitem__(0, clock[0] + pause),
  )
  model.failures = [_BUSY] * 1000
  with pytest.raises(model_channel.ServerBusyError, match="queue is full"):
    client.ask("What", timeout=60)
  assert 50 < clock[0] < 60
  assert len(model.requests) < 40


@pytest.mark.parametrize(
  ("code", "details", "kind"),
  [
    (grpc.StatusCode.NOT_FOUND, "Servable not found", "RequestError"),
    (grpc.StatusCode.INVALID_ARGUMENT, "no\nsignature", "RequestError"),
    (grpc.StatusCode.INTERNAL, "op failed", "ServerError"),
    (
      grpc.StatusCode.RESOURCE_EXHAUSTED,
      "Received message larger than max (9 vs. 4)",
      "ServerBusyError",
    ),
  ],
)
def test_what_does_not_pass_is_not_tried_again(
  model, client, served, pauses, code, details, kind
):
  model.failures = [(code, details)]
  with pytest.raises(serving.ServerError) as caught:
    client.ask("What")
  error = caught.value
  assert type(error).__name__ == kind
  assert isinstance(error, errors.UserError)  # one line, for a command
  assert "\n" not in str(error)
  assert str(error).startswith(f"{served[1]}: {code.name}")
  assert (error.server, error.code) == (served[1], code)
  assert (len(model.requests), pauses) == (1, [])


def test_a_late_reply_is_a_deadline_error(model, client):
  model.release.clear()
  with pytest.raises(model_channel.DeadlineError, match="or wait longer"):
    client.ask("What", timeout=0.2)


def test_an_absent_server_is_named():
  with (
    serving.Client("localhost:1") as client,
    pytest.raises(
      model_channel.ServerUnavailableError,
      match="^localhost:1: .* running there",
    ),
  ):
    client.ask("What", timeout=0.2)


def test_another_model_s_reply_is_refused(model, client):
  with pytest.raises(serving.ServerError, match="no output 'answer'"):
    client.ask("What")
  model.reply = lambda texts: {"embedding": [[1.0]]}
  with pytest.raises(serving.ServerError, match="shape .* for 2 texts"):
    client.embed_queries(["a", "b"])


def test_all_addresses_are_asked_in_turn():
  models = [fake_model.FakeModel(), fake_model.FakeModel()]
  started = [fake_model.start(model) for model in models]
  ports = [address.rsplit(":", 1)[1] for _, address in started]
  target = "ipv4:" + ",".join(f"127.0.0.1:{port}" for port in ports)
  for model in models:
    model.reply = _answers
  with serving.Client(target) as client:
    for _ in range(20):
      client.ask("What")
  assert all(len(model.requests) > 5 for model in models)
  for server, _ in started:
    server.stop(None).wait()


def test_a_text_is_a_str(client):
  with pytest.raises(TypeError, match="not bytes"):
    client.ask([b"What"])


def test_tls(tmp_path):
  if shutil.which("openssl") is None:
    pytest.skip("needs openssl, which makes the certificate")
  subprocess.run(
    "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost"
    " -addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem",
    shell=True,
    cwd=tmp_path,
    check=True,
    capture_output=True,
  )
  key = (tmp_path / "key.pem").read_bytes()
  certificate = (tmp_path / "cert.pem").read_bytes()
  model = fake_model.FakeModel()
  model.reply = _answers
  server, address = fake_model.start(
    model, grpc.ssl_server_credentials([(key, certificate)])
  )
  credentials = grpc.ssl_channel_credentials(certificate)
  with serving.Client(address, credentials=credentials) as client:
    assert client.ask("What").text == "678 m"
  with (
    serving.Client(address) as client,
    pytest.raises(model_channel.ServerUnavailableError),
  ):
    client.ask("What", timeout=0.2)
  server.stop(None).wait()


def test_the_client_leaves_tensorflow_alone():
  program = """
import sys
from realm_tf import serving
assert "grpc" not in sys.modules
serving.Client("localhost:1").close()
assert "tensorflow" not in sys.modules
import tensorflow
from tensorflow_serving.apis import predict_pb2
request = predict_pb2.PredictRequest()
request.inputs["x"].CopyFrom(tensorflow.make_tensor_proto(["a"]))
assert tensorflow.make_ndarray(request.inputs["x"]) == [b"a"]
assert tensorflow.reduce_sum([1, 2]) == 3
"""
  subprocess.run([sys.executable, "-c", program], check=True)
