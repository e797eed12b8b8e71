"""HTTP: the REST API, the metrics and the page, in its own thread."""

import asyncio
import logging
import threading
from collections.abc import Coroutine
from concurrent import futures
from typing import Any
from typing import NamedTuple
from typing import TypeVar

from aiohttp import web

from realm_tf.serving.server import json_values
from realm_tf.serving.server import page_files
from realm_tf.serving.server import rest_api
from realm_tf.serving.server import server_metrics

_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")
_API = "/v1/"
_LAST_SECONDS = 0.2
_POLL_SECONDS = 0.02
_CLOSING_SECONDS = 2.0
_CORS = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Allow-Methods": "POST, GET",
  "Access-Control-Allow-Headers": "Content-Type",
}


class HttpOptions(NamedTuple):
  """How HTTP is served.

  Attributes:
    host: Where to listen.
    port: 0 for any that is free.
    threads: Requests of the API that are worked on at the same time.
    most_bytes: Of a body.
    most_seconds: That a body may take to arrive.
    cors: Whether pages of other servers may ask.
    metrics_path: Where the metrics are; empty for nowhere.
  """

  host: str
  port: int
  threads: int
  most_bytes: int
  most_seconds: float
  cors: bool
  metrics_path: str


class HttpServer:
  """Listens from `start` to `stop`."""

  def __init__(
    self,
    api: rest_api.RestApi,
    metrics: server_metrics.Metrics,
    options: HttpOptions,
  ):
    """Opens nothing yet."""
    self._api, self._metrics, self._options = api, metrics, options
    self._page = page_files.read()
    self._pool = futures.ThreadPoolExecutor(options.threads, "rest")
    app = web.Application(client_max_size=options.most_bytes)
    app.router.add_route("*", "/{path:.*}", self._handle)
    self._runner = web.AppRunner(
      app, access_log=None, shutdown_timeout=_CLOSING_SECONDS
    )
    self._last_requests = False
    self._in_hand = 0  # in the thread of the loop only

  def start(self) -> int:
    """Listens; returns the port.

    Raises:
      OSError: The port is taken.
    """
    self._loop = asyncio.new_event_loop()
    self._thread = threading.Thread(
      target=self._loop.run_forever, name="http", daemon=True
    )
    self._thread.start()
    try:
      return self._call(self._start())
    except OSError:
      self._end_loop()
      raise

  def announce_end(self) -> None:
    """Closes each connection with its next answer."""
    self._last_requests = True

  def stop(self, seconds: float) -> None:
    """Takes no more connections, and ends when all requests are answered.

    Args:
      seconds: How long answers may take; then connections are cut.
    """
    self._call(self._stop(seconds))
    self._end_loop()
    self._pool.shutdown(wait=False)

  def _end_loop(self) -> None:
    self._loop.call_soon_threadsafe(self._loop.stop)
    self._thread.join()
    self._loop.close()

  def _call(self, coroutine: Coroutine[Any, Any, _Result]) -> _Result:
    return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

  async def _start(self) -> int:
    await self._runner.setup()
    site = web.TCPSite(self._runner, self._options.host, self._options.port)
    await site.start()
    return self._runner.addresses[0][1]

  async def _stop(self, seconds: float) -> None:
    for site in list(self._runner.sites):
      await site.stop()
    # Once it closes connections, aiohttp drops what these still bring: clients
    # that have just connected get the time to ask first.
    await asyncio.sleep(_LAST_SECONDS)
    end = self._loop.time() + seconds
    while self._in_hand and self._loop.time() < end:
      await asyncio.sleep(_POLL_SECONDS)
    await self._runner.cleanup()

  async def _handle(self, request: web.Request) -> web.Response:
    self._in_hand += 1
    try:
      response = await self._respond(request)
    finally:
      self._in_hand -= 1
    if self._last_requests:
      response.force_close()
    return response

  async def _respond(self, request: web.Request) -> web.Response:
    path = request.raw_path.partition("?")[0]
    if path.lower().startswith(_API):
      response = await self._ask(request, path)
    elif request.method not in ("GET", "HEAD"):
      response = _text(405, "only GET")
    elif path == self._options.metrics_path:
      response = web.Response(
        body=self._metrics.page(),
        headers={"Content-Type": server_metrics.CONTENT_TYPE},
      )
    elif path in self._page:
      response = web.Response(
        body=self._page[path].content,
        headers={
          **page_files.HEADERS,
          "Content-Type": self._page[path].media_type,
        },
      )
    else:
      response = _text(404, "not found")
    return response

  async def _ask(self, request: web.Request, path: str) -> web.Response:
    headers = dict(_CORS) if self._options.cors else {}
    if request.method == "OPTIONS" and self._options.cors:
      return web.Response(status=200, headers=headers)
    try:
      body = await asyncio.wait_for(request.read(), self._options.most_seconds)
      reply = await self._loop.run_in_executor(
        self._pool, self._api.reply, request.method, path, body
      )
    except web.HTTPRequestEntityTooLarge:
      reply = _refused(
        413, f"the body has over {self._options.most_bytes} bytes"
      )
    except TimeoutError:
      reply = _refused(408, "the body took too long to arrive")
    except web.RequestPayloadError as e:
      reply = _refused(400, f"the body is damaged: {e}")
    except Exception:  # noqa: BLE001 - the client must not see a traceback
      _log.exception("a request failed")
      reply = _refused(500, "the server failed; see its log")
    headers["Content-Type"] = "application/json"
    return web.Response(status=reply.status, body=reply.body, headers=headers)


def _refused(status: int, message: str) -> rest_api.Reply:
  return rest_api.Reply(status, json_values.error(message))


def _text(status: int, message: str) -> web.Response:
  return web.Response(
    status=status, text=f"{message}\n", headers=page_files.HEADERS
  )
