"""Plain HTTP requests, as curl sends them."""

import http.client
import json
from typing import Any
from typing import NamedTuple


class Reply(NamedTuple):
  """Status, headers and body of an answer."""

  status: int
  headers: http.client.HTTPMessage
  body: bytes

  @property
  def json(self) -> Any:
    """The body as JSON."""
    return json.loads(self.body)


def send(
  port: int,
  path: str,
  body: Any = None,
  *,
  method: str | None = None,
  headers: dict[str, str] | None = None,
) -> Reply:
  """Sends one request on a connection of its own.

  Args:
    port: On this machine.
    path: As it is, escapes included.
    body: Bytes as they are; else something that becomes JSON; None for none.
    method: By default POST with a body, GET without.
    headers: Beside those that are needed.
  """
  if body is not None and not isinstance(body, bytes):
    body = json.dumps(body).encode()
  connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
  try:
    connection.request(
      method or ("GET" if body is None else "POST"),
      path,
      body=body,
      headers=headers or {},
    )
    response = connection.getresponse()
    return Reply(response.status, response.headers, response.read())
  finally:
    connection.close()
