"""What is read of text, Markdown, HTML and PDF files."""

import gzip
import sys

import pytest

from realm_tf import errors
from realm_tf.data import formats
from realm_tf.data.documents import extra
from realm_tf.data.documents import read_document
from tests.data import written_pdf

for _module in ("bs4", "lxml", "markdown_it", "pypdfium2"):
  pytest.importorskip(_module, reason="needs the extra `documents`")


@pytest.fixture
def read(tmp_path):
  def write_and_read(name, content, kind):
    path = tmp_path / name
    path.write_bytes(
      content if isinstance(content, bytes) else content.encode()
    )
    return read_document.read(str(path), kind)

  return write_and_read


@pytest.fixture
def unfit(read):
  def reason_of(*args):
    with pytest.raises(formats.UnfitFile) as caught:
      read(*args)
    assert args[0] in str(caught.value)
    assert "\n" not in str(caught.value)
    return caught.value.reason

  return reason_of


def test_plain_text_has_its_files_name_as_title(read):
  text = "One\nline.\n\n\nTwo é.\n"
  found = read("annual_report 2020.txt", "\ufeff" + text, "text")
  assert found == ("annual report 2020", "One line.\n\nTwo é.", {}, ())
  assert read("a.txt", text.encode("utf-16"), "text").text == found.text
  assert read("a.txt.gz", gzip.compress(b"One."), "text")[:2] == ("a", "One.")


def test_markdown_becomes_paragraphs(read):
  found = read(
    "bridges.md",
    """\
# Old *bridges*

The **old** bridge [was built](https://example.org)
in 1801. <script>no()</script>

| name | built |
|---|---|
| Old | 1801 |

- one
- two

```
x = 1
```
""",
    "markdown",
  )
  assert found.title == "Old bridges"
  assert found.text.split("\n\n") == [
    *("The old bridge was built in 1801.", "name | built", "Old | 1801"),
    *("one", "two", "x = 1"),
  ]
  assert found.fields == {}
  assert read("no_heading.md", "Text.", "markdown").title == "no heading"


def test_front_matter_gives_title_and_fields(read):
  found = read(
    "a.md",
    "---\ntitle: Rivers\ndate: 2024-05-01\nurl: https://example.org\n"
    "tags: [water, 3]\nnested: {a: 1}\nbad: .nan\n---\n# Heading\nText.\n",
    "markdown",
  )
  assert found.title == "Rivers"
  assert found.text == "Heading\n\nText."
  assert found.fields == {
    "date": "2024-05-01",
    "url": "https://example.org",
    "tags": ["water", 3],
  }
  # A line between two others is no front matter.
  for text in ("---\nOne: two: three\n---\nText.", "---\n- a\n---\nText."):
    assert "Text." in read("b.md", text, "markdown").text
    assert read("b.md", text, "markdown").fields == {}


def test_html_is_read_without_what_stands_around(read):
  found = read(
    "page.html",
    """\
<html><head><title>Rivers &amp; lakes</title><style>p {}</style>
<link rel="canonical" href="https://example.org/rivers"></head>
<body><nav>Home</nav><header>Our site</header><div role="navigation">Up</div>
<main><header><h1>Rivers &amp; lakes</h1></header>
<p>The Dan<b>ube</b>

flows.<br>It is long.</p><p hidden>Hidden.</p>
<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>
<script>no()</script><form>Search</form><ul><li>one<li>two</ul></main>
<aside>Ads</aside><footer>Imprint</footer></body></html>
""",
    "html",
  )
  assert found.title == "Rivers & lakes"
  assert found.text.split("\n\n") == [
    *("The Danube flows. It is long.", "a | b", "1 | 2", "one", "two"),
  ]
  assert found.fields == {"url": "https://example.org/rivers"}


def test_html_without_a_frame(read):
  found = read(
    "a.htm", b'<meta charset="windows-1252"><h1>Z\xfcrich</h1>Old.', "html"
  )
  assert found[:3] == ("Zürich", "Old.", {})
  link = '<link rel="canonical" href="javascript:x"><p>Text.'
  assert read("my_page.html", link, "html")[:3] == ("my page", "Text.", {})
  utf_16 = "<p>Zürich.".encode("utf-16")
  assert read("a.html", utf_16, "html").text == "Zürich."
  # Of several articles all are the text.
  two = "<article>One.</article><article>Two.</article>"
  assert read("b.html", two, "html").text == "One.\n\nTwo."


def test_pdf_has_pages_and_paragraphs(read):
  long = "The old bridge over the river was built of stone in the year 1801"
  pages = [
    ["Report 1", "Bridges", long, long, "and rebuilt."],
    ["Report 2", "The new one is of steel and", "iron."],
    ["Report 3"],
    ["Report 4", "goes on here."],
  ]
  found = read("a.pdf", written_pdf.write(pages, "Our bridges"), "pdf")
  assert found.title == "Our bridges"
  # The running heads are gone.
  assert found.text.split("\n\n") == [
    "Bridges",
    f"{long} {long} and rebuilt.",
    "The new one is of steel and iron.",
    "goes on here.",
  ]
  starts = [found.text[start:][:7] for start in found.page_starts]
  assert (*starts[:2], starts[3]) == ("Bridges", "The new", "goes on")
  one = read("my_file.pdf", written_pdf.write([["One page."]]), "pdf")
  assert one == ("my file", "One page.", {}, ())


def test_unfit_files_have_a_reason(unfit):
  pdf = written_pdf.write([["One page."]])
  assert unfit("a.pdf", pdf[: len(pdf) // 2], "pdf") == "broken_pdf"
  assert unfit("a.pdf", b"%PDF-1.4 and nothing else", "pdf") == "broken_pdf"
  assert unfit("a.pdf", written_pdf.ENCRYPTED, "pdf") == "encrypted_pdf"
  assert unfit("a.pdf", written_pdf.write([[], []]), "pdf") == "empty_text"
  for kind in read_document.KINDS:
    assert unfit("a", b"", kind) == "empty_file"
  for kind in ("text", "markdown"):
    assert unfit("a", b"\x89PNG\r\n\x1a\n\0\0", kind) == "not_text"
    assert unfit("a", b"text with\0 zero", kind) == "not_text"
    assert unfit("a", b" \n\n", kind) == "empty_text"
  assert unfit("a", b"<p>text\0", "html") == "not_text"
  assert unfit("a", "<nav>Home</nav>", "html") == "empty_text"


def test_a_very_long_title_is_cut(read):
  found = read("a.html", f"<title>{'long ' * 100}</title>Text.", "html")
  assert len(found.title) <= 152
  assert found.title.endswith("long …")


@pytest.mark.parametrize(
  "kind, module", [("pdf", "pypdfium2"), ("html", "bs4")]
)
def test_a_missing_extra_is_one_line(kind, module, monkeypatch):
  monkeypatch.setitem(sys.modules, module, None)
  with pytest.raises(errors.UserError) as caught:
    extra.check(kind, f"folder/a.{kind}")
  assert "extra `documents`" in str(caught.value)
  assert "\n" not in str(caught.value)
  extra.check("text", "folder/a.txt")
