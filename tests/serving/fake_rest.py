"""The page's files, and a model behind TensorFlow Serving's REST API."""

import base64
import contextlib
import json
import pathlib
import threading
import urllib.parse
from http import server

from realm_tf import serving

_PAGE = pathlib.Path(serving.__file__).parent / "page"
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; "
_POLICY += "img-src data:; connect-src *"

DANUBE = (
  "Die Donau – nach der Wolga der zweitlängste Strom in Europa – entspringt im"
  " Schwarzwald, wo bei Donaueschingen die Brigach und die Breg zusammenfließen"
  " („Brigach und Breg bringen die Donau zuweg“), und mündet nach 2.850 km ins"
  " Schwarze Meer."
)
RHINE = "The Rhine rises in the Swiss Alps and runs to the North Sea."
SCRIPT = (
  "A passage with <script>document.title = 'broken'</script> and"
  " <img src=x onerror=\"document.title='broken'\"> & more."
)
# By the id of the passage. Models of before have none, as `fill_mask` here.
METADATA = {
  "412": '{"url":"https://example.org/donau?a=1&b=2","page":3,"by":"<b>"}',
  "s": '{"url":"javascript:document.title=\'broken\'","n":["<i>",1]}',
}


def _span(text, answer):
  start = text.encode().index(answer.encode())
  return start, start + len(answer.encode())


def answer(question):
  """Three answers; of "script" one with markup; of "unsure" with doubt."""
  if question == "nothing":
    rows = [("", 0.0, "", "", "", (0, 0), 0.0, 0.0)]
  elif question == "script":
    rows = [
      ("<b>more</b>", 0.5, "s", "<i>S</i>", SCRIPT, _span(SCRIPT, "more"), 1, 1)
    ]
  else:
    rows = [
      ("Schwarzwald", 0.71, "412", "Donau", DANUBE, None, 12.25, 7.5),
      ("Donaueschingen", 0.22, "412", "Donau", DANUBE, None, 12.25, 6.25),
      ("Swiss Alps", 0.04, "97", "Rhine", RHINE, None, 9.5, 5.75),
    ]
  rows += [("", 0.0, "", "", "", (0, 0), 0.0, 0.0)]
  return {
    "answer": [row[0] for row in rows],
    "probability": [row[1] for row in rows],
    "passage_id": [row[2] for row in rows],
    "title": [row[3] for row in rows],
    "passage": [row[4] for row in rows],
    "metadata": [METADATA.get(row[2], "{}") for row in rows],
    "answer_byte_start": [(r[5] or _span(r[4], r[0]))[0] for r in rows],
    "answer_byte_limit": [(r[5] or _span(r[4], r[0]))[1] for r in rows],
    "retriever_score": [row[6] for row in rows],
    "reader_score": [row[7] for row in rows],
    "abstain": question == "unsure",
  }


def retrieve(_):
  return {
    "passage_id": ["412", "97", "s", ""],
    "title": ["Donau", "Rhine", "<i>S</i>", ""],
    "passage": [DANUBE, RHINE, SCRIPT, ""],
    "metadata": [METADATA["412"], "{}", METADATA["s"], "{}"],
    "score": [12.25, 9.5, -1.0, float("nan")],
  }


def fill_mask(text):
  masks = text.count("[MASK]")
  none = ["", "", ""]
  return {
    "token": ([["black", "swiss", "north"], ["alps", "sea", ""]] + [none])[
      :masks
    ]
    + [none],
    "probability": [[0.83, 0.09, 0.0004], [0.4, 0.3, 0.0]][:masks]
    + [[0.0] * 3],
    "token_without_retrieval": [["north", "black", "red"], ["sea", "of", ""]][
      :masks
    ]
    + [none],
    "probability_without_retrieval": [[0.31, 0.12, 0.1], [0.5, 0.2, 0.0]][
      :masks
    ]
    + [[0.0] * 3],
    "passage_id": ["", "412", "97", ""],
    "title": ["", "Donau", "Rhine", ""],
    "passage": ["", DANUBE, RHINE, ""],
    "prior": [0.4, 0.35, 0.25, 0.0],
    "posterior": [0.13, 0.82, 0.05, 0.0],
  }


_SIGNATURES = {
  "answer": ("question", answer),
  "retrieve": ("question", retrieve),
  "fill_mask": ("text", fill_mask),
}


def _in_base64(values):
  if isinstance(values, list):
    return [_in_base64(value) for value in values]
  return {"b64": base64.b64encode(values.encode()).decode()}


class _Handler(server.BaseHTTPRequestHandler):
  """Model `realm` gives plain strings, model `binary` *_bytes in base64."""

  def do_GET(self):  # noqa: N802
    path = urllib.parse.urlsplit(self.path).path
    if path.endswith("/metadata"):
      self._model("metadata", None)
    elif path.startswith("/v1/"):
      self._send(404, json.dumps({"error": "Malformed request"}))
    else:
      file = _PAGE / (path.strip("/") or "index.html")
      if file.parent == _PAGE and file.is_file():
        self._send(200, file.read_text("utf-8"), _TYPES[file.suffix])
      else:
        self._send(404, "no such file", "text/plain")

  def do_OPTIONS(self):  # noqa: N802
    self._send(200, "")

  def do_POST(self):  # noqa: N802
    size = int(self.headers["Content-Length"])
    self._model("predict", json.loads(self.rfile.read(size)))

  def _model(self, verb, request):
    name = urllib.parse.urlsplit(self.path).path.split("/")[3].split(":")[0]
    if name not in ("realm", "binary"):
      message = f"Servable not found for request: Latest({name})"
      self._send(404, json.dumps({"error": message}))
      return
    binary = name == "binary"
    if verb == "metadata":
      self._send(200, json.dumps(_metadata(binary)))
      return
    key, function = _SIGNATURES[request["signature_name"]]
    (text,) = request["inputs"][key]
    self.server.asked.append((request["signature_name"], text))
    self.server.release.wait(30)
    if text == "fail":
      self._send(400, json.dumps({"error": "Bad <input> in question"}))
      return
    outputs = {} if text == "strange" else function(text)
    outputs = {
      _output_name(key, values, binary): [
        _in_base64(values) if _is_binary(key, values, binary) else values
      ]
      for key, values in outputs.items()
    }
    self._send(200, json.dumps({"outputs": outputs}))

  def _send(self, status, body, content_type="application/json"):
    content = body.encode()
    self.send_response(status)
    self.send_header("Content-Type", content_type)
    self.send_header("Content-Length", str(len(content)))
    self.send_header("Content-Security-Policy", _POLICY)
    self.send_header("Access-Control-Allow-Origin", "*")
    self.send_header("Access-Control-Allow-Headers", "Content-Type")
    self.end_headers()
    self.wfile.write(content)

  def log_message(self, *_):
    pass


def _is_binary(name, values, binary):
  while isinstance(values, list):
    values = values[0]
  return binary and isinstance(values, str)


def _output_name(name, values, binary):
  return name + "_bytes" if _is_binary(name, values, binary) else name


def _metadata(binary):
  definitions = {}
  for signature, (key, function) in _SIGNATURES.items():
    if binary and signature == "fill_mask":
      continue
    outputs = function("[MASK]")
    definitions[signature] = {
      "inputs": {key: {"dtype": "DT_STRING"}},
      "outputs": {
        _output_name(name, values, binary): {}
        for name, values in outputs.items()
      },
      "method_name": "tensorflow/serving/predict",
    }
  return {
    "model_spec": {"name": "realm", "signature_name": "", "version": "7"},
    "metadata": {"signature_def": {"signature_def": definitions}},
  }


@contextlib.contextmanager
def serve():
  """Serves on a free port meanwhile.

  Its `asked` lists what it was asked; it replies once `release` is set.
  """
  http = server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
  http.asked = []
  http.release = threading.Event()
  http.release.set()
  thread = threading.Thread(target=http.serve_forever, daemon=True)
  thread.start()
  try:
    yield http
  finally:
    http.shutdown()
    http.server_close()
    thread.join()
