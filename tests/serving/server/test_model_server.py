"""What a server is started with: its page, metrics, ports and TLS."""

import contextlib
import datetime
import ipaddress
import pathlib
import threading
from concurrent import futures

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from grpc_health.v1 import health_pb2
from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha import reflection_pb2_grpc

from benchmarks import http_requests
from benchmarks import serving_clients
from realm_tf import errors
from realm_tf.serving.server import batch_settings
from realm_tf.serving.server import model_config
from realm_tf.serving.server import model_server
from realm_tf.serving.server import page_files
from realm_tf.serving.server import server_options


@pytest.fixture
def new(model_folders):
  """Makes servers of the model `numbers` that do not listen yet."""

  def make(**flags) -> model_server.Server:
    return model_server.Server(
      server_options.Options(
        model_name="numbers",
        model_base_path=str(model_folders / "numbers"),
        lame_duck_seconds=0.0,
        **{"port": 0, "rest_api_port": 0} | flags,
      )
    )

  return make


@pytest.fixture
def start(new):
  """Starts such servers, and stops them."""
  started = []

  def make(**flags) -> model_server.Server:
    server = new(**flags)
    server.start()
    started.append(server)
    return server

  yield make
  for server in started:
    server.stop()


@pytest.fixture
def page(tmp_path, monkeypatch):
  """A page of three files beside one that nobody may read."""
  folder = tmp_path / "page"
  folder.mkdir()
  (folder / "index.html").write_text("<!doctype html>")
  (folder / "app.js").write_text("ask();")
  (folder / "style.css").write_text("body {}")
  (folder / "notes.py").write_text("secret")
  (tmp_path / "secret.txt").write_text("secret")
  monkeypatch.setattr(page_files, "FOLDER", folder)


def test_the_page_is_among_the_packages_files():
  assert {"/", "/app.js", "/style.css"} <= page_files.read().keys()


def test_the_page_and_nothing_else(page, start):
  port = start().rest_api_port
  for path, media_type in {
    "/": "text/html; charset=utf-8",
    "/index.html": "text/html; charset=utf-8",
    "/?q=who": "text/html; charset=utf-8",
    "/app.js": "text/javascript; charset=utf-8",
    "/style.css": "text/css; charset=utf-8",
  }.items():
    reply = http_requests.send(port, path)
    assert (reply.status, reply.headers["Content-Type"]) == (200, media_type)
    policy = reply.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
  for path in (
    "/notes.py",
    "/../secret.txt",
    "/%2e%2e/secret.txt",
    "/..%2fsecret.txt",
    "//etc/passwd",
    "/app.js/../../secret.txt",
    "/app.js%00.html",
  ):
    reply = http_requests.send(port, path)
    assert reply.status == 404, path
    assert b"secret" not in reply.body
  assert http_requests.send(port, "/", b"x").status == 405
  head = http_requests.send(port, "/", method="HEAD")
  assert (head.status, head.body) == (200, b"")


def test_other_pages_may_ask_where_a_flag_says_so(start):
  path, origin = "/v1/models/numbers", {"Origin": "http://example.org"}
  closed, open_ = start(), start(rest_api_enable_cors_support=True)
  reply = http_requests.send(closed.rest_api_port, path, headers=origin)
  assert reply.headers["Access-Control-Allow-Origin"] is None
  for method in ("GET", "OPTIONS"):
    reply = http_requests.send(
      open_.rest_api_port, path, method=method, headers=origin
    )
    assert reply.status == 200
    assert reply.headers["Access-Control-Allow-Origin"] == "*"


def test_the_metrics_are_where_the_monitoring_config_says(start, tmp_path):
  path = tmp_path / "monitoring.config"
  path.write_text('prometheus_config { enable: true path: "/figures" }')
  port = start(monitoring_config_file=str(path)).rest_api_port
  assert http_requests.send(port, "/figures").status == 200
  usual = "/monitoring/prometheus/metrics"
  assert http_requests.send(port, usual).status == 404
  path.write_text("prometheus_config { enable: false }")
  port = start(monitoring_config_file=str(path)).rest_api_port
  assert http_requests.send(port, usual).status == 404


def test_a_port_that_is_taken(start):
  first = start()
  with pytest.raises(errors.UserError, match="`port`: cannot listen on"):
    start(port=first.port)
  with pytest.raises(errors.UserError, match="`rest_api_port`: cannot listen"):
    start(rest_api_port=first.rest_api_port)


def test_the_recipes_for_tensorflow_serving_are_understood():
  recipes = pathlib.Path(__file__).resolve().parents[3] / "serving"
  settings = batch_settings.read(str(recipes / "batching.config"))
  assert settings.max_batch_size > 1
  (model,) = model_config.read(str(recipes / "models.config"))
  assert set(model.labels) == {"stable", "canary"}


def test_watches_that_come_and_go_together(start):
  server = start()

  def come_and_go() -> None:
    address = f"127.0.0.1:{server.port}"
    with grpc.insecure_channel(
      address, serving_clients.OWN_CONNECTION
    ) as channel:
      for _ in range(25):
        watch = health_pb2_grpc.HealthStub(channel).Watch(
          health_pb2.HealthCheckRequest(), timeout=30
        )
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        watch.cancel()

  with futures.ThreadPoolExecutor(8) as pool:
    for client in [pool.submit(come_and_go) for _ in range(8)]:
      client.result()


def test_streams_take_no_threads_from_requests(start, channel):
  server = start(max_concurrent_runs=1, max_queued_requests=0)
  to_server = channel(server.port)
  health_stub = health_pb2_grpc.HealthStub(to_server)
  reflection_stub = reflection_pb2_grpc.ServerReflectionStub(to_server)
  request = health_pb2.HealthCheckRequest()
  ended = threading.Event()

  def questions():
    yield reflection_pb2.ServerReflectionRequest(list_services="")
    ended.wait()

  try:
    for _ in range(20):
      watch = health_stub.Watch(request, timeout=30)
      assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
      stream = reflection_stub.ServerReflectionInfo(questions(), timeout=30)
      assert next(stream).list_services_response.service
    response = health_stub.Check(request, timeout=10)
    assert response.status == health_pb2.HealthCheckResponse.SERVING
  finally:
    ended.set()


def test_a_watch_that_begins_anew_does_not_delay_the_end(new, channel):
  server = new(grace_seconds=300)
  server.start()
  stub = health_pb2_grpc.HealthStub(channel(server.port))

  def watch_again_and_again() -> None:
    code = grpc.StatusCode.CANCELLED
    while code == grpc.StatusCode.CANCELLED:
      watch = stub.Watch(health_pb2.HealthCheckRequest(), timeout=60)
      began.set()
      with contextlib.suppress(grpc.RpcError):
        list(watch)
      code = watch.code()

  began = threading.Event()
  with futures.ThreadPoolExecutor() as pool:
    watched = pool.submit(watch_again_and_again)
    began.wait()
    assert pool.submit(server.stop).result(timeout=60) == 0
    watched.result(timeout=60)


def test_tls(start, tmp_path):
  key, certificate = _certificate()
  path = tmp_path / "ssl.config"
  path.write_text(
    f"server_key: {_quoted(key)} server_cert: {_quoted(certificate)}"
  )
  port = start(ssl_config_file=str(path)).port
  credentials = grpc.ssl_channel_credentials(certificate)
  with grpc.secure_channel(f"127.0.0.1:{port}", credentials) as channel:
    stub = health_pb2_grpc.HealthStub(channel)
    response = stub.Check(health_pb2.HealthCheckRequest(), timeout=20)
  assert response.status == health_pb2.HealthCheckResponse.SERVING
  with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
    stub = health_pb2_grpc.HealthStub(channel)
    with pytest.raises(grpc.RpcError) as raised:
      stub.Check(health_pb2.HealthCheckRequest(), timeout=20)
  assert raised.value.code() == grpc.StatusCode.UNAVAILABLE
  path.write_text(f"server_key: {_quoted(key)}")
  with pytest.raises(errors.UserError, match="needs server_key and server_c"):
    start(ssl_config_file=str(path))


def _quoted(pem: bytes) -> str:
  return '"' + pem.decode().replace("\n", "\\n") + '"'


def _certificate() -> tuple[bytes, bytes]:
  """Returns a key and a certificate for this machine that it signed itself."""
  key = ec.generate_private_key(ec.SECP256R1())
  name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
  now = datetime.datetime.now(datetime.UTC)
  local = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
  certificate = (
    x509.CertificateBuilder()
    .subject_name(name)
    .issuer_name(name)
    .public_key(key.public_key())
    .serial_number(1)
    .not_valid_before(now - datetime.timedelta(days=1))
    .not_valid_after(now + datetime.timedelta(days=1))
    .add_extension(x509.SubjectAlternativeName([local]), critical=False)
    .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    .sign(key, hashes.SHA256())
  )
  return (
    key.private_bytes(
      serialization.Encoding.PEM,
      serialization.PrivateFormat.PKCS8,
      serialization.NoEncryption(),
    ),
    certificate.public_bytes(serialization.Encoding.PEM),
  )
