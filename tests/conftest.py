import contextlib
import pathlib
import random
import shutil
import signal
import sys

import hypothesis
import numpy as np
import pytest

from realm_tf import environment
from realm_tf.launch import console
from tests import quick

# Before any test module imports TensorFlow.
environment.configure()
environment.collect_garbage_rarely()
# As commands do, but for the flags, which depend on what has been imported.
console.show_log(())

# `nohup` and shells in the background have processes ignore these, and what the
# tests start would inherit it.
for _number, _handler in (
  (signal.SIGINT, signal.default_int_handler),
  (signal.SIGHUP, signal.SIG_DFL),
):
  if signal.getsignal(_number) is signal.SIG_IGN:
    signal.signal(_number, _handler)

# The first example of a test may trace a tf.function, and a run that failed
# must fail again.
hypothesis.settings.register_profile(
  "realm_tf", deadline=None, derandomize=True, max_examples=50
)
hypothesis.settings.load_profile("realm_tf")

_ROOT = pathlib.Path(__file__).resolve().parents[1]
# What `make test-fast` leaves out: tests of runs that are trained for them, and
# what trains, exports or starts processes itself.
_SLOW_FIXTURES = {"world", "overfitted"}
_SLOW_FILES = (
  "across_stacks/",
  "baselines/test_drqa.py",
  "baselines/test_graph_retriever.py",
  "baselines/test_path_retriever.py",
  "baselines/test_t5_closed_book.py",
  "chaos/",
  "checkpoints/test_sentence_encoders.py",
  "checkpoints/test_reading.py",
  "checkpoints/test_realm_folders.py",
  "data/corpus/test_corpora.py",
  "data/examples/test_ict_examples.py",
  "data/examples/test_mlm_examples.py",
  "data/examples/test_packing.py",
  "data/ingest/test_build.py",
  "data/ingest/test_corpus_edit.py",
  "data/ingest/test_ordered_shards.py",
  "data/sentences/test_annotate.py",
  "data/sentences/test_annotated_corpus.py",
  "demo/test_bert.py",
  "end_to_end/",
  "evaluation/test_evaluate.py",
  "export/",
  "index/build/",
  "index/device/",
  "index/job/",
  "index/search/test_searchers.py",
  "index/search/test_tensorflow_searcher.py",
  "index/test_graph_searchers.py",
  "models/test_rematerialization.py",
  "models/test_scratch.py",
  "models/test_trainable.py",
  "serving/",
  "test_documented_programs.py",
  "tfds_builders/",
  "tpu/test_compiler.py",
  "tpu/test_lowering.py",
  "tpu/test_step_programs.py",
  "training/init/",
  "training/recipes/",
  "training/test_grouped_rows.py",
  "training/test_loop.py",
  "training/test_mixed_precision.py",
  "training/test_one_client.py",
  "training/test_pipeline_feed.py",
  "training/test_steps.py",
  "training/test_training_checkpoints.py",
)
# Of half a minute and more, in this order before all others: begun last, one of
# them would keep one worker of pytest-xdist busy and the others waiting.
_LONG_FILES = (
  "end_to_end/test_many_hosts.py",
  "serving/export/test_export_run.py",
  "end_to_end/test_disturbed_run.py",
  "training/recipes/test_finetuning.py",
  "end_to_end/test_device_retrieval.py",
  "end_to_end/test_pretrain_flow.py",
  "training/recipes/test_following.py",
  "end_to_end/test_trainer_kill.py",
  "end_to_end/test_without_scann.py",
  "end_to_end/test_followed_finetuning.py",
  "end_to_end/test_refresh_kill.py",
  "end_to_end/test_refreshed_resume.py",
  "evaluation/test_evaluation_run.py",
  "training/tasks/test_device_task.py",
)


def _path_of(item):
  return item.path.relative_to(_ROOT / "tests").as_posix()


def _rank(item):
  """Returns where an item's file comes; others keep their order behind."""
  path = _path_of(item)
  return _LONG_FILES.index(path) if path in _LONG_FILES else len(_LONG_FILES)


def pytest_collection_modifyitems(items):
  """Marks slow tests, and has the longest files begin first."""
  items.sort(key=_rank)
  for item in items:
    path = _path_of(item)
    if path.startswith(_SLOW_FILES) or _SLOW_FIXTURES & {*item.fixturenames}:
      item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="module", autouse=True)
def _keras_generators():
  """Has Keras draw weights as if no other module's tests had run before.

  A model with dropout switches its generators on for the whole process, and
  they draw other weights.
  """
  tensorflow = sys.modules.get("tensorflow")
  if tensorflow is not None:
    tensorflow.keras.backend.experimental.disable_tf_random_generator()


@pytest.fixture(autouse=True)
def _state_of_tensorflow():
  """Starts each test from the same random state, and in float32.

  A run sets the precision of the products of its whole process, and the
  generator from which Keras draws the seeds of weights.
  """
  random.seed(0)
  np.random.seed(0)
  tensorflow = sys.modules.get("tensorflow")
  if tensorflow is not None:
    from realm_tf import devices

    tensorflow.keras.utils.set_random_seed(0)
    devices.set_precision("float32", on_cpu=True)


@pytest.fixture
def eagerly():
  """Runs functions without tracing them; see `quick`."""
  with quick.untraced():
    yield


@pytest.fixture
def embeds_here(monkeypatch):
  """Has a first index built in this process; see `quick`."""
  quick.embed_here(monkeypatch.setattr)


@pytest.fixture
def bfloat16():
  """Has models made in the test compute as those on GPUs and TPUs do."""
  from realm_tf import devices

  devices.set_precision("bfloat16", on_cpu=False)
  yield
  devices.set_precision("float32", on_cpu=False)


@pytest.fixture
def forget_scann():
  """Returns a context in which ScaNN cannot be imported."""
  from realm_tf import stack
  from realm_tf.index.search import searchers

  @contextlib.contextmanager
  def forget():
    with pytest.MonkeyPatch.context() as patch:
      patch.setitem(sys.modules, "scann", None)
      stack.why_no_scann.cache_clear()
      searchers.warn_of_no_scann.cache_clear()
      yield
    stack.why_no_scann.cache_clear()

  return forget


@pytest.fixture
def no_scann(forget_scann):
  """A machine on which ScaNN cannot be imported."""
  with forget_scann():
    yield


@pytest.fixture(scope="session")
def shared_data() -> pathlib.Path:
  """The data sets beside the repository, or a skipped test without them."""
  path = _ROOT.parent / "shared" / "data"
  if not path.is_dir():
    pytest.skip("needs the data sets in ../shared/data, beside the repository")
  return path


@pytest.fixture(scope="session")
def small_corpus(tmp_path_factory) -> str:
  """A corpus on disk with the vocabulary of `synthetic`."""
  from realm_tf.data.ingest import build
  from tests import synthetic

  folder = tmp_path_factory.mktemp("corpus")
  (folder / "vocab.txt").write_text("\n".join(synthetic.VOCABULARY) + "\n")
  (folder / "articles.jsonl").write_text('{"title": "wa", "text": "na wb."}\n')
  build.build(
    build.BuildOptions(
      inputs=[str(folder / "articles.jsonl")],
      output=str(folder / "corpus"),
      vocab=str(folder / "vocab.txt"),
    )
  )
  return str(folder / "corpus")


@pytest.fixture(scope="session")
def _made_once(tmp_path_factory, worker_id):
  """Returns what has a folder made by one process and copied by the others."""
  from realm_tf.runs import locks

  shared = tmp_path_factory.getbasetemp()
  if worker_id != "master":
    shared = shared.parent  # of all workers of pytest-xdist

  def copy(name, make, target):
    original = shared / f"made-once-{name}"
    with locks.FileLock(f"{original}.lock"):
      if not (original / "made").exists():
        original.mkdir()
        make(original)
        (original / "made").touch()
    shutil.copytree(original, target, symlinks=True)
    return original

  return copy


def _rename(folder, old, new):
  """Has a folder's JSON name another place."""
  for path in folder.rglob("*.json"):
    text = path.read_text()
    if old in text:
      path.write_text(text.replace(old, new))


@pytest.fixture(scope="module")
def world(tmp_path_factory, _made_once):
  """A corpus, its questions, and runs to start from."""
  from tests import people

  root = tmp_path_factory.mktemp("copied") / "world"
  original = _made_once("world", people.write_world, root)
  _rename(root, str(original), str(root))
  return root


@pytest.fixture(scope="module")
def overfitted(world, tmp_path_factory, _made_once):
  """A fine-tuned run of `world` that knows all answers."""
  from tests import people

  def make(folder):
    people.overfit(world, folder / "run")
    _rename(folder, str(world), "WORLD")

  copy = tmp_path_factory.mktemp("copied") / "overfitted"
  _made_once("overfitted", make, copy)
  _rename(copy, "WORLD", str(world))
  return copy / "run"
