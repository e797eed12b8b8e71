import dataclasses
from typing import Any

import pytest

from realm_tf import typed


@dataclasses.dataclass
class Inner:
  file: str
  rows: int = 0


@dataclasses.dataclass
class Outer:
  inner: Inner
  inners: tuple[Inner, ...] = ()
  counts: dict[str, int] = dataclasses.field(default_factory=dict)
  choice: tuple[str, ...] | None = None
  rate: float = 0.0
  done: bool = False
  extra: Any = None


def test_what_is_as_declared_passes():
  typed.check(Outer(Inner("a")))
  typed.check(
    Outer(
      Inner("a", 2),
      (Inner("b"), Inner("c", 1)),
      {"x": 1},
      ("y",),
      rate=3,
      done=True,
      extra=[1],
    )
  )


@pytest.mark.parametrize(
  ("changes", "message"),
  [
    ({"inner": {"file": "a"}}, "`inner` must be Inner, not {'file': 'a'}"),
    ({"inner": Inner(5)}, "`inner.file` must be str, not 5"),
    ({"inner": Inner("a", True)}, "`inner.rows` must be int, not True"),
    ({"inner": Inner("a", 1.0)}, "`inner.rows` must be int, not 1.0"),
    (
      {"inners": (Inner("a"), Inner("b", "3"))},
      "`inners[1].rows` must be int, not '3'",
    ),
    ({"inners": [Inner("a")]}, "`inners` must be tuple"),
    ({"counts": {"x": None}}, "`counts['x']` must be int, not None"),
    ({"counts": {1: 1}}, "`a key of counts` must be str, not 1"),
    ({"choice": ("a", 2)}, "`choice[1]` must be str, not 2"),
    ({"choice": "a"}, "`choice` must be tuple"),
    ({"rate": "0.1"}, "`rate` must be float, not '0.1'"),
    ({"done": 1}, "`done` must be bool, not 1"),
  ],
)
def test_the_field_of_another_type_is_named(changes, message):
  with pytest.raises(TypeError) as caught:
    typed.check(Outer(**({"inner": Inner("a")} | changes)))
  assert str(caught.value).startswith(message)
