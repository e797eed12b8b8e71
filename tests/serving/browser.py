"""Drives headless Chromium by the WebDriver protocol, with urllib alone."""

import base64
import contextlib
import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request

_FLAGS = (
  "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run"
  " --disable-background-networking --disable-component-update --disable-sync"
  " --disable-dev-shm-usage --hide-scrollbars"
).split()
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
KEYS = {"Enter": "\ue007", "Escape": "\ue00c"}


def missing():
  """Returns what is not installed, or ""."""
  programs = ("chromium", "chromedriver")
  absent = [name for name in programs if shutil.which(name) is None]
  return " and ".join(absent)


class Browser:
  """A session of chromedriver."""

  def __init__(self, root, profile):
    capabilities = {
      "browserName": "chrome",
      "goog:chromeOptions": {
        "binary": shutil.which("chromium"),
        "args": [*_FLAGS, f"--user-data-dir={profile}"],
      },
      "goog:loggingPrefs": {"browser": "ALL"},
    }
    self._root = root
    self._session = ""
    session = self._call(
      "POST", "/session", {"capabilities": {"alwaysMatch": capabilities}}
    )
    self._session = f"/session/{session['sessionId']}"

  def _call(self, method, path, body=None):
    request = urllib.request.Request(
      self._root + self._session + path,
      method=method,
      data=None if body is None else json.dumps(body).encode(),
    )
    try:
      with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)["value"]
    except urllib.error.HTTPError as error:
      raise AssertionError(json.load(error)["value"]["message"]) from error

  def close(self):
    self._call("DELETE", "")

  def open(self, url):
    self._call("POST", "/url", {"url": url})

  def back(self):
    self._call("POST", "/back", {})

  def run(self, script, *args):
    """Returns what JavaScript returns."""
    body = {"script": script, "args": list(args)}
    return self._call("POST", "/execute/sync", body)

  def wait(self, script, *args):
    """Waits until JavaScript returns something true; returns it."""
    limit = time.monotonic() + 30
    while not (value := self.run(script, *args)):
      if time.monotonic() > limit:
        text = self.run("return document.body.innerText")
        raise AssertionError(f"never came: {script} {args}; the page: {text}")
      time.sleep(0.02)
    return value

  def press(self, keys):
    """Types where the focus is."""
    focus = self._call("GET", "/element/active")[_ELEMENT]
    self._call("POST", f"/element/{focus}/value", {"text": keys})

  def click(self, selector):
    body = {"using": "css selector", "value": selector}
    element = self._call("POST", "/element", body)[_ELEMENT]
    self._call("POST", f"/element/{element}/click", {})

  def log(self):
    """Returns what the console has had since."""
    return self._call("POST", "/se/log", {"type": "browser"})

  def look_like(self, width, height, scheme):
    """Sets the size of the page, and whether it is light or dark."""
    for command, params in (
      (
        "Emulation.setDeviceMetricsOverride",
        {
          "width": width,
          "height": height,
          "deviceScaleFactor": 1,
          "mobile": width < 600,
        },
      ),
      (
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
      ),
    ):
      body = {"cmd": command, "params": params}
      self._call("POST", "/goog/cdp/execute", body)

  def screenshot(self, path):
    path.write_bytes(base64.b64decode(self._call("GET", "/screenshot")))


@contextlib.contextmanager
def start(profile):
  """Runs chromedriver and a browser meanwhile.

  Args:
    profile: A new folder.
  """
  driver = subprocess.Popen(
    ["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True
  )
  try:
    for line in driver.stdout:
      if "started successfully on port" in line:
        port = line.rstrip(".\n").rsplit(" ", 1)[1]
        break
    else:
      raise AssertionError("chromedriver did not start")
    with contextlib.closing(
      Browser(f"http://127.0.0.1:{port}", profile)
    ) as browser:
      yield browser
  finally:
    driver.terminate()
    driver.communicate()
