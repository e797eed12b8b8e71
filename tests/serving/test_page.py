import socket
import urllib.parse

import pytest

from tests.serving import browser as browser_lib
from tests.serving import fake_rest

pytestmark = pytest.mark.skipif(
  bool(browser_lib.missing()),
  reason=f"needs {browser_lib.missing()}, as Debian's packages chromium and "
  "chromium-driver have them",
)

_QUESTION = "Wo entspringt die Donau?"


class _Page:
  """The page in a browser, before a fake server."""

  def __init__(self, browser, http):
    self.browser = browser
    self.http = http
    self.root = f"http://127.0.0.1:{http.server_port}/"

  def open(self, query="", **state):
    """Opens the page anew; waits until it knows the model's modes."""
    self.browser.open("about:blank")
    self.browser.open(
      self.root + query + ("#" + urllib.parse.urlencode(state) if state else "")
    )
    self.browser.wait(
      "return !document.querySelector('#modes').hidden"
      " || document.querySelector('#error p')"
    )

  def text(self, selector):
    """The text of the first such element, once there is one."""
    return self.browser.wait(
      "return document.querySelector(arguments[0])?.textContent", selector
    )

  def texts(self, selector):
    return self.browser.run(
      "return [...document.querySelectorAll(arguments[0])]"
      ".map((element) => element.textContent)",
      selector,
    )

  def hash(self):
    fragment = self.browser.run("return location.hash")
    return dict(urllib.parse.parse_qsl(fragment.removeprefix("#")))


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
  profile = tmp_path_factory.mktemp("chromium")
  with fake_rest.serve() as http, browser_lib.start(profile) as browser:
    yield _Page(browser, http)


@pytest.fixture
def page(opened):
  opened.http.asked.clear()
  opened.browser.look_like(1280, 900, "light")
  yield opened
  # Neither errors nor broken policies, but for replies that are errors.
  complaints = [
    entry["message"]
    for entry in opened.browser.log()
    if "status of 4" not in entry["message"]
    and "ERR_CONNECTION_REFUSED" not in entry["message"]
  ]
  assert complaints == []


def test_ask_and_see_the_answer_marked(page):
  page.open()
  page.browser.press(_QUESTION + browser_lib.KEYS["Enter"])  # it has the focus
  assert page.text(".best") == "Schwarzwald"
  assert page.texts(".best + .measure .value") == ["71%"]
  # Bytes are not characters: dashes and umlauts stand before the answer.
  assert page.texts("#result > .evidence mark") == ["Schwarzwald"]
  assert page.texts("#result > .evidence blockquote") == [fake_rest.DANUBE]
  assert page.texts("figcaption")[0] == "Donau"
  assert page.texts("summary .answer") == ["Donaueschingen", "Swiss Alps"]
  assert page.texts("summary .value") == ["22%", "4.0%"]
  widths = page.browser.run(
    "return [...document.querySelectorAll('.bar > span')]"
    ".map((bar) => bar.style.width)"
  )
  assert widths == ["71%", "22%", "4%"]
  assert page.text("#status").startswith("Answer: Schwarzwald, 71%.")
  assert "realm · version 7" in page.text("#model")
  assert page.http.asked == [("answer", _QUESTION)]


def test_metadata_is_text_and_its_address_a_link(page):
  page.open(mode="retrieve", q=_QUESTION)
  assert page.texts(".passages figcaption") == ["Donau", "Rhine", "<i>S</i>"]
  links = page.browser.run(
    "return [...document.querySelectorAll('.passages a')].map("
    "(a) => [a.textContent, a.href, a.rel])"
  )
  address = "https://example.org/donau?a=1&b=2"
  assert links == [["Donau", address, "noopener noreferrer"]]
  assert page.texts(".passages .facts") == [
    "page: 3 · by: <b> · Passage 412",
    "Passage 97",
    "url: javascript:document.title='broken' · n: [\"<i>\",1] · Passage s",
  ]


def test_a_candidate_opens_with_its_own_mark(page):
  page.open(mode="answer", q=_QUESTION)
  page.text(".best")
  page.browser.click("li:nth-child(2) summary")
  assert page.texts("details[open] mark") == ["Swiss Alps"]


def test_modes_of_the_model_are_switched(page):
  page.open(mode="answer", q=_QUESTION)
  page.text(".best")
  assert page.texts("#modes label") == ["Answer", "Passages", "Fill in"]
  page.browser.click("#mode-retrieve")
  assert page.text(".passages .value") == "12.25"
  assert page.texts(".best") == []
  assert page.texts(".passages figcaption") == ["Donau", "Rhine", "<i>S</i>"]
  assert page.hash() == {"mode": "retrieve", "q": _QUESTION}
  page.browser.click("#mode-fill")  # the question has no [MASK]
  assert "Write [MASK]" in page.text("#hint")
  page.browser.back()
  assert page.text(".best") == "Schwarzwald"
  assert page.http.asked == [
    ("answer", _QUESTION),
    ("retrieve", _QUESTION),
    ("answer", _QUESTION),
  ]


def test_masks_are_filled_with_and_without_passages(page):
  page.open(mode="fill", q="The [MASK] forest")
  assert page.text(".filled") == "The black forest"
  rows = page.browser.run(
    "return [...document.querySelectorAll('tbody tr')].map("
    "(row) => [...row.cells].map((cell) => cell.textContent))"
  )
  assert rows == [
    ["black", "83%", "12%"],
    ["swiss", "9.0%", "lower"],
    ["north", "< 0.1%", "31%"],
    ["red", "lower", "10%"],
  ]
  assert page.texts(".passages figcaption") == ["No passage", "Donau", "Rhine"]
  assert page.texts(".passages .value")[:4] == ["40%", "13%", "35%", "82%"]
  assert page.texts(".filled + .muted") == []
  page.open(mode="fill", q="The [MASK] in the [MASK] of [MASK]")
  assert page.text(".filled") == "The black in the alps of [MASK]"
  assert page.texts(".filled + .muted") == [
    "1 more [MASK] beyond what the model fills."
  ]


def test_an_error_of_the_server_is_a_message(page):
  page.open(mode="answer", q="fail")
  message = page.text("#error p")
  assert message == "The server says (400): Bad <input> in question"
  assert page.texts(".best") == []
  page.browser.run("document.querySelector('#text').value = 'fine'")
  page.browser.click(".retry")
  assert page.text(".best") == "Schwarzwald"
  assert page.texts("#error p") == []


def test_a_reply_without_the_outputs_is_a_message(page):
  page.open(mode="answer", q="strange")
  assert "not that of a model" in page.text("#error p")


def test_an_unknown_model_and_an_absent_server_are_messages(page):
  page.open("?model=other")
  assert "Servable not found" in page.text("#error p")
  with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]
  page.open(f"?server=127.0.0.1:{port}")
  assert f"http://127.0.0.1:{port} cannot be reached" in page.text("#error p")
  page.open("?server=javascript://x")
  assert "not the address of a server" in page.text("#error p")


def test_markup_of_the_model_is_text(page):
  page.open(mode="answer", q="script")
  assert page.text(".best") == "<b>more</b>"
  assert page.texts("blockquote") == [fake_rest.SCRIPT]
  assert page.texts("figcaption") == ["<i>S</i>"]
  assert page.texts("main script, main img, main b, main i") == []
  assert page.browser.run("return document.title") == "script · REALM"


def test_doubt_and_no_answer_are_said(page):
  page.open(mode="answer", q="unsure")
  assert "not sure enough" in page.text(".note")
  page.open(mode="answer", q="nothing")
  assert page.text(".note") == "The model found no answer."


def test_another_server_s_binary_strings(page):
  # By another name, the same server has another origin.
  server = urllib.parse.quote(page.root.replace("127.0.0.1", "localhost"))
  page.open(f"?server={server}&model=binary", mode="answer", q=_QUESTION)
  assert page.text("#result > .evidence mark") == "Schwarzwald"
  assert page.texts("#modes label") == ["Answer", "Passages"]
  assert "localhost" in page.text("#model")


def test_keys(page):
  page.open(mode="answer", q=_QUESTION)
  page.text(".best")
  page.browser.run("document.activeElement.blur()")
  page.browser.press("/")
  focus = "return document.activeElement.id"
  assert page.browser.run(focus) == "text"
  page.browser.press("a/b")  # there a slash is a slash
  value = "return document.querySelector('#text').value"
  assert page.browser.run(value) == "a/b"
  page.browser.press(browser_lib.KEYS["Escape"])
  assert page.browser.run(value) == ""
  assert page.hash() == {}
  assert page.texts("#result > *") == []


def test_escape_stops_a_request(page):
  page.http.release.clear()
  page.open(mode="answer", q=_QUESTION)
  page.browser.wait("return document.querySelector('[aria-busy]')")
  page.browser.press(browser_lib.KEYS["Escape"])
  page.http.release.set()
  assert page.text("#status") == "Stopped."
  assert page.texts("#result > *, #error p") == []
  page.browser.press(browser_lib.KEYS["Enter"])  # the question is still there
  assert page.text(".best") == "Schwarzwald"


@pytest.mark.parametrize("mode", ["answer", "retrieve", "fill"])
def test_nothing_is_wider_than_a_phone(page, mode):
  page.browser.look_like(390, 844, "dark")
  page.open(mode=mode, q="The [MASK] forest and the [MASK].")
  page.text(".link")
  assert page.browser.run("return document.documentElement.scrollWidth") == 390


def test_everything_to_use_has_a_name(page):
  page.open(mode="fill", q="The [MASK] forest")
  page.text(".link")
  nameless = page.browser.run(
    "return [...document.querySelectorAll('button, input, textarea, a')]"
    ".filter((e) => !(e.labels?.[0] ?? e).textContent.trim())"
    ".map((e) => e.outerHTML)"
  )
  assert nameless == []
