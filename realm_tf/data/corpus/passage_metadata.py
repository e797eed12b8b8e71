"""Metadata of passages: what is known of them beside title and text."""

import json
from collections.abc import Mapping
from typing import Any

# What readers get where a passage has no metadata.
NONE = "{}"


def encode(fields: Mapping[str, Any]) -> str:
  """Returns fields as a JSON object; "" if there are none.

  Args:
    fields: Values of JSON, by name. None and "" stand for no value.
  """
  known = {k: v for k, v in fields.items() if v is not None and v != ""}
  if not known:
    return ""
  text = json.dumps(known, ensure_ascii=False, separators=(",", ":"))
  return text.encode("utf-8", "replace").decode()


def decode(metadata: str) -> dict[str, Any]:
  """Returns the fields of a passage's metadata; {} for ""."""
  return json.loads(metadata) if metadata else {}
