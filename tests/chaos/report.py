"""The table of an attack on readers, and how to repeat each breach."""

import collections
from collections.abc import Iterable
from collections.abc import Sequence

from tests.chaos import verdicts

_SHOWN = 400  # characters of a message


def table(attacks: Iterable[verdicts.Attack]) -> str:
  """Returns a Markdown table of outcomes by reader."""
  counts: dict[str, collections.Counter[str]] = collections.defaultdict(
    collections.Counter
  )
  for attack in attacks:
    counts[attack.reader][attack.verdict] += 1
  found = [
    name for name in verdicts.BREACHES if any(c[name] for c in counts.values())
  ]
  columns = [*verdicts.GOOD, *found]
  rows = [
    [name, sum(c.values()), *(c[column] for column in columns)]
    for name, c in sorted(counts.items())
  ]
  total = sum(counts.values(), collections.Counter[str]())
  rows.append(["all", sum(total.values()), *(total[name] for name in columns)])
  lines = [
    "| reader | inputs | " + " | ".join(columns) + " |",
    "|---|" + "---|" * (1 + len(columns)),
  ]
  lines += ["| " + " | ".join(map(_cell, row)) + " |" for row in rows]
  return "\n".join(lines)


def _cell(value: object) -> str:
  return f"{value:,}" if isinstance(value, int) else str(value)


def breaches(attacks: Sequence[verdicts.Attack]) -> str:
  """Returns each kind of breach once, with a command that repeats it."""
  kinds: dict[tuple[str, str, str], list[verdicts.Attack]] = (
    collections.defaultdict(list)
  )
  for attack in attacks:
    if attack.verdict in verdicts.BREACHES:
      place = attack.message.rpartition("[")[2]
      kinds[attack.reader, attack.verdict, place].append(attack)
  parts = []
  for (reader, verdict, _), found in kinds.items():
    # One damage tells more than two.
    first = min(found, key=lambda a: (a.damage.count("; "), len(a.damage)))
    parts.append(
      f"{reader}: {verdict}, {len(found)} times. {first.damage}\n"
      f"  {first.message[:_SHOWN]}\n"
      f"  python -m tests.chaos --reader={reader!r} --case={first.case}"
    )
  return "\n\n".join(parts)
