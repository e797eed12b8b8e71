"""The frame of a report: one self-contained HTML file, and its tables.

All text goes through `Markup.format`, which escapes it. The page allows no
script, and loads nothing.
"""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence

from markupsafe import Markup

_ROW_HEAD = Markup('<th scope="row">{}</th>')
# Columns that stand to the right, on one line.
_NUMBERS = ("percent", "95% interval", "questions", "F1", "rank")
# Cells by the name of their column, if they are special.
_HEADS = dict.fromkeys(_NUMBERS, Markup('<th class="number">{}</th>'))
_CELLS = dict.fromkeys(_NUMBERS, Markup('<td class="number">{}</td>')) | {
  "figure": _ROW_HEAD
}

_PAGE = Markup("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" \
content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 15px/1.45 sans-serif; margin: 2em auto; max-width: 70em; \
padding: 0 1em; color: #222; }}
.table {{ overflow-x: auto; margin: 1em 0; }}
table {{ border-collapse: collapse; }}
th, td {{ padding: .3em .8em; border-bottom: 1px solid #ddd; \
text-align: left; vertical-align: top; }}
th, .number {{ white-space: nowrap; }}
th[scope] {{ font-weight: normal; }}
td {{ overflow-wrap: anywhere; }}
td:not(.number) {{ min-width: 6em; }}
.number {{ text-align: right; }}
figure {{ display: inline-block; margin: 1em 2em 1em 0; max-width: 100%; \
vertical-align: top; }}
svg {{ max-width: 100%; height: auto; }}
figcaption {{ font-weight: bold; }}
@media (max-width: 30em) {{ body {{ padding: 0 .5em; }} \
th, td {{ padding: .3em .4em; }} }}
.warning {{ background: #fff3cd; padding: .6em 1em; }}
</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
""")


def whole(title: str, parts: Iterable[Markup]) -> str:
  """Returns the page.

  Args:
    title: Its heading.
    parts: What stands below it.
  """
  return str(_PAGE.format(title=title, body=Markup("\n").join(parts)))


def facts(values: Mapping[str, str]) -> Markup:
  """Returns a table of names and values."""
  cells = (_ROW_HEAD, Markup("<td>{}</td>"))
  return _framed(_row(cells, value) for value in values.items())


def table(header: Sequence[str], rows: Iterable[Iterable[str]]) -> Markup:
  """Returns a table.

  Args:
    header: Names of the columns; some have cells of their own kind.
    rows: Texts of the cells.
  """
  heads = [_HEADS.get(name, Markup("<th>{}</th>")) for name in header]
  cells = [_CELLS.get(name, Markup("<td>{}</td>")) for name in header]
  return _framed([_row(heads, header), *(_row(cells, row) for row in rows)])


def _row(cells: Iterable[Markup], texts: Iterable[str]) -> Markup:
  filled = (cell.format(text) for cell, text in zip(cells, texts, strict=True))
  return Markup("<tr>{}</tr>").format(Markup("").join(filled))


def _framed(rows: Iterable[Markup]) -> Markup:
  """Wraps a table so that a narrow screen can scroll it."""
  table = Markup('<div class="table"><table>\n{}\n</table></div>')
  return table.format(Markup("\n").join(rows))
