"""The files of the page, read once: a request can name no others."""

import pathlib
from collections.abc import Mapping
from typing import NamedTuple

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "page"
_INDEX = "index.html"
_TYPES = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/x-icon",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
}

HEADERS: Mapping[str, str] = {
  "Cache-Control": "no-cache",
  # The page loads its own files alone. It may ask another server, which its
  # address names.
  "Content-Security-Policy": (
    "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src http: https:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
  ),
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
}


class PageFile(NamedTuple):
  """A file and its media type."""

  content: bytes
  media_type: str


def read() -> dict[str, PageFile]:
  """Returns the files of `FOLDER` by their paths on the server.

  Files of unknown types are left out.
  """
  found = {
    f"/{path.relative_to(FOLDER).as_posix()}": PageFile(
      path.read_bytes(), _TYPES[path.suffix]
    )
    for path in sorted(FOLDER.rglob("*"))
    if path.is_file() and path.suffix in _TYPES
  }
  if f"/{_INDEX}" in found:
    found["/"] = found[f"/{_INDEX}"]
  return found
