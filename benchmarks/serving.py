r"""Questions answered by an export and by transformers, side by side.

python -m benchmarks.serving --model_dir=RUN --export=EXPORTS \
  --questions=questions.txt --peer_python=.venv-peer/bin/python

EXPORTS is what `realm_tf.launch.export --model_dir=RUN` wrote. The peer is
`RealmForOpenQA`, with random weights of the run's shape over the run's passages
(`serving_peer.py`, in a Python with torch and transformers). First each
question is asked of one after the other: the export in this process, the local
server by gRPC, the peer. Then clients ask the server without a pause.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from collections.abc import Sequence

import tensorflow as tf
import tensorflow_text  # noqa: F401

from benchmarks import serving_clients
from benchmarks import serving_load
from benchmarks import timing
from realm_tf.configs import schema
from realm_tf.data.corpus import corpora
from realm_tf.runs import run_config
from realm_tf.serving.client import serving_client

_WARM_UP = 4  # questions
_WARM_UP_SECONDS = 5.0


class _Peer:
  """The process that answers by transformers."""

  def __init__(self, python: str, folder: pathlib.Path):
    self._process = subprocess.Popen(
      [
        python,
        str(pathlib.Path(__file__).with_name("serving_peer.py")),
        folder,
      ],
      stdin=subprocess.PIPE,
      stdout=subprocess.PIPE,
      text=True,
    )

  def ask(self, question: str) -> float:
    """Returns the seconds that the peer itself took."""
    assert self._process.stdin and self._process.stdout
    self._process.stdin.write(question + "\n")
    self._process.stdin.flush()
    return float(self._process.stdout.readline())

  def end(self) -> None:
    """Ends the process."""
    self._process.communicate()


def _write_peer(
  run: run_config.RunConfig, config: schema.OrqaConfig, folder: pathlib.Path
) -> None:
  """Writes shape, vocabulary and passages for the peer."""
  corpus = corpora.Corpus.open(run.corpus)
  _, bodies = corpus.read_texts()
  (folder / "vocab.txt").write_bytes(
    pathlib.Path(run.corpus, "vocab.txt").read_bytes()
  )
  (folder / "bodies.json").write_text(json.dumps(list(bodies)))
  shape = {
    "vocab_size": corpus.tokenizer.vocab_size,
    "hidden_size": config.hidden_size,
    "num_hidden_layers": config.num_layers,
    "num_attention_heads": config.num_heads,
    "intermediate_size": config.intermediate_size,
    "retriever_proj_size": config.projection_size,
    "span_hidden_size": config.span_hidden_size,
    "max_span_width": config.max_span_length,
    "reader_beam_size": config.reader_beam,
    "reader_seq_len": config.reader_length,
    "searcher_seq_len": config.query_length,
    "searcher_beam_size": min(config.retriever_beam, len(bodies)),
    "num_block_records": len(bodies),
  }
  (folder / "shape.json").write_text(json.dumps(shape))


def _timed(function: Callable[[], object]) -> float:
  start = time.perf_counter()
  function()
  return time.perf_counter() - start


def _one_by_one(
  askers: dict[str, Callable[[str], float]], questions: Sequence[str]
) -> dict[str, list[float]]:
  """Returns seconds a question by who answered, asked in turn."""
  for question in questions[:_WARM_UP]:
    for ask in askers.values():
      ask(question)
  seconds: dict[str, list[float]] = {name: [] for name in askers}
  for question in questions:
    for name, ask in askers.items():
      seconds[name].append(ask(question))
  return seconds


def _throughput(
  server: serving_load.Server,
  clients: int,
  questions: Sequence[str],
  seconds: float,
) -> list[float]:
  """Returns the seconds of each answer that clients got in a time."""
  for pause in (_WARM_UP_SECONDS, seconds):
    asked = serving_clients.Load(questions)
    with asked.clients(clients, server.port):
      time.sleep(pause)
  if asked.errors:
    raise SystemExit(f"a request failed: {asked.errors[0]}")
  return asked.seconds


def _row(
  name: str,
  seconds: Sequence[float],
  rate: float,
  peer: float,
  peer_rate: float,
) -> list[str]:
  median = statistics.median(seconds)
  return [
    name,
    serving_load.milliseconds(seconds, 50),
    serving_load.milliseconds(seconds, 99),
    f"{rate:,.1f}",
    f"{peer / median:.1f}" if peer else "-",
    f"{rate / peer_rate:.1f}" if peer else "-",
  ]


def main() -> None:
  """Measures and prints."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument("--model_dir", required=True)
  parser.add_argument("--export", type=pathlib.Path, required=True)
  parser.add_argument("--questions", type=pathlib.Path, required=True)
  parser.add_argument("--peer_python", default="")
  parser.add_argument("--count", type=int, default=50)
  parser.add_argument("--clients", type=int, nargs="*", default=[16, 64])
  parser.add_argument("--seconds", type=float, default=20.0)
  args = parser.parse_args()
  run = run_config.read(args.model_dir)
  assert isinstance(run.config, schema.OrqaConfig)
  questions = args.questions.read_text(encoding="utf-8").splitlines()
  asked = questions[: args.count]
  newest = max(
    (p for p in args.export.iterdir() if p.name.isdigit()),
    key=lambda p: int(p.name),
  )
  answer = tf.saved_model.load(str(newest)).signatures["answer"]
  with (
    tempfile.TemporaryDirectory() as folder,
    serving_load.serving(args.export) as alone,
    serving_load.serving(args.export, "--enable_batching") as batching,
    serving_client.Client(f"127.0.0.1:{alone.port}") as client,
  ):
    askers: dict[str, Callable[[str], float]] = {
      "export, in a process": lambda q: _timed(
        lambda: answer(question=tf.constant([q]))
      ),
      "export, local server by gRPC": lambda q: _timed(lambda: client.ask(q)),
    }
    peer = None
    if args.peer_python:
      _write_peer(run, run.config, pathlib.Path(folder))
      peer = _Peer(args.peer_python, pathlib.Path(folder))
      askers["transformers"] = peer.ask
    seconds = _one_by_one(askers, asked)
    if peer:
      peer.end()
    peer_median = statistics.median(seconds.get("transformers", [0.0]))
    peer_rate = 1 / peer_median if peer_median else 0.0
    rows = [
      _row(name, s, 1 / statistics.mean(s), peer_median, peer_rate)
      for name, s in seconds.items()
    ]
    for server, how in ((alone, "one by one"), (batching, "batched")):
      for clients in args.clients:
        s = _throughput(server, clients, questions, args.seconds)
        name = f"server, {how}, {clients} clients"
        rate = len(s) / args.seconds
        rows.append(_row(name, s, rate, peer_median, peer_rate))
  config = run.config
  timing.print_table(
    f"{config.num_layers} layers of {config.hidden_size}, "
    f"{len(asked)} questions, {config.reader_beam} passages read of "
    f"up to {config.reader_length} wordpieces",
    ["", "p50", "p99", "questions/s", "latency ratio", "throughput ratio"],
    rows,
    [
      "ratios: transformers' p50 by this p50, and this rate by transformers'",
      "transformers answers one question at a time; it has random weights, "
      "which take as long as others",
      f"matrix rate {timing.matrix_rate() / 1e9:.0f} GFLOP/s in float32",
    ],
  )


if __name__ == "__main__":
  main()
