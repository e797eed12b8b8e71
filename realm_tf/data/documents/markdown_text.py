"""Markdown files: CommonMark with tables, after YAML front matter if any."""

import datetime
import re
from typing import Any

import yaml

from realm_tf.data.documents import html_text
from realm_tf.data.documents import parts
from realm_tf.data.documents import plain_text

_FRONT_MATTER = re.compile(
  r"---[^\S\n]*\n(.*?\n)(?:---|\.\.\.)[^\S\n]*(?:\n|$)", re.DOTALL
)
_NO_FIELDS = ("title", "text")


def read(content: bytes, path: str) -> parts.Parts:
  """Reads Markdown; its title is the front matter's, or the first heading.

  Raises:
    formats.UnfitFile: If it is no text.
  """
  import markdown_it

  text = plain_text.decode(content, path).replace("\r\n", "\n")
  matter, text = _front_matter(text)
  renderer = markdown_it.MarkdownIt("commonmark").enable("table")
  page = html_text.parse(renderer.render(text))
  heading = page.find(re.compile(r"^h[1-6]$"))
  title = matter.get("title") or (heading.get_text() if heading else "")
  fields = {k: v for k, v in matter.items() if k not in _NO_FIELDS}
  return parts.Parts(str(title), [html_text.text_of(page)], fields)


def _front_matter(text: str) -> tuple[dict[str, Any], str]:
  """Returns the fields of the front matter, and the text after it.

  Only single values and lists of them are taken. What is not YAML with names
  and values is text.
  """
  match = _FRONT_MATTER.match(text)
  if not match:
    return {}, text
  try:
    found = yaml.safe_load(match[1])
  except (yaml.YAMLError, ValueError, RecursionError):
    return {}, text
  if not isinstance(found, dict):
    return {}, text
  fields = {str(name): _as_json(value) for name, value in found.items()}
  fields = {name: value for name, value in fields.items() if value is not None}
  return fields, text[match.end() :]


def _as_json(value: Any) -> Any:
  """Returns a value, or a list of values, of JSON; None for others."""
  if isinstance(value, list):
    return [_as_json(one) for one in value if not isinstance(one, list)]
  if isinstance(value, datetime.date):
    return value.isoformat()
  if isinstance(value, float):
    return value if abs(value) < float("inf") else None
  return value if isinstance(value, bool | int | str) else None
