"""HTML files: the text of their main part, without navigation."""

import re
from typing import TYPE_CHECKING

from realm_tf.data import formats
from realm_tf.data.documents import parts
from realm_tf.data.documents import plain_text

if TYPE_CHECKING:
  import bs4

_NO_TEXT = (
  *("aside", "button", "canvas", "dialog", "form", "iframe", "nav"),
  *("noscript", "object", "script", "style", "svg", "template"),
)
# Of the page; those of an article may hold its title.
_AROUND = ("header", "footer")
_NO_TEXT_ROLES = (
  *("banner", "complementary", "contentinfo", "dialog", "menu", "navigation"),
  "search",
)
_BLOCKS = (
  *("address", "article", "blockquote", "body", "caption", "dd", "details"),
  *("div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "h1"),
  *("h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "ol", "p"),
  *("pre", "section", "summary", "table", "tbody", "tfoot", "thead", "tr"),
  "ul",
)
_WHITE_SPACE = re.compile(r"\s+")
_PARAGRAPH = "\n\n"
_BETWEEN_CELLS = " | "


def read(content: bytes, path: str) -> parts.Parts:
  """Reads HTML; its title is <title>, or the first heading.

  Its field `url` is its canonical address, if it names one.

  Raises:
    formats.UnfitFile: If it is no text.
  """
  if b"\0" in content and not content.startswith(plain_text.UTF_16_MARKS):
    raise formats.UnfitFile(
      formats.NOT_TEXT, f"{path} holds zero bytes: it is no text."
    )
  page = parse(content)
  heading = page.find("h1")
  title = page.title.get_text(" ") if page.title else ""
  if not title.strip() and heading:
    title = heading.get_text(" ")
  fields = {}
  canonical = page.find("link", rel="canonical", href=re.compile(r"^https?://"))
  if canonical:
    fields["url"] = str(canonical["href"])
  return parts.Parts(title, [text_of(page)], fields)


def parse(content: str | bytes) -> "bs4.BeautifulSoup":
  """Parses HTML; bytes are decoded as the file says, else as UTF-8."""
  import bs4

  return bs4.BeautifulSoup(content, "lxml")


def text_of(page: "bs4.BeautifulSoup") -> str:
  """Returns the text of a page's main part; the page is changed.

  Scripts, styles, forms, navigation and what is hidden are left out. Each
  block is a paragraph, each row of a table one line.
  """
  for part in page.find_all(_is_no_text):
    part.extract()
  main = page.find("main") or page.find(attrs={"role": "main"})
  articles = page.find_all("article")
  if main is None and len(articles) == 1:
    main = articles[0]
  if main is None or not main.get_text(strip=True):
    main = page.body or page
  for text in list(main.find_all(string=True)):
    if text.find_parent("pre") is None:
      text.replace_with(_WHITE_SPACE.sub(" ", text))
  for line_break in main.find_all("br"):
    line_break.replace_with("\n")
  for cell in main.find_all(["td", "th"]):
    if cell.find_next_sibling(["td", "th"]):
      cell.append(_BETWEEN_CELLS)
  for block in main.find_all(_BLOCKS):
    block.insert_before(_PARAGRAPH)
    block.insert_after(_PARAGRAPH)
  return main.get_text()


def _is_no_text(tag: "bs4.Tag") -> bool:
  """Whether an element is hidden, or not of the page's text."""
  return (
    tag.name in _NO_TEXT
    or tag.has_attr("hidden")
    or tag.get("aria-hidden") == "true"
    or tag.get("role") in _NO_TEXT_ROLES
    or (tag.name in _AROUND and tag.find_parent(["main", "article"]) is None)
  )
