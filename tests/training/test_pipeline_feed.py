import threading

import pytest
import tensorflow as tf

from realm_tf.training import pipeline_feed

LAST = 200
ONE = tf.distribute.OneDeviceStrategy("/cpu:0")


def pipeline(name, last=LAST):
  """Yields the step's number and the pipeline's name."""

  def make(first_step):
    dataset = tf.data.Dataset.range(first_step, last)
    return dataset.map(lambda step: {"step": step, "name": name})

  return make


def gated(name):
  """A pipeline that is only made once the gate is opened."""
  gate = threading.Event()

  def make(first_step):
    assert gate.wait(60)
    return pipeline(name)(first_step)

  return make, gate


def take(feed, count):
  result = []
  for _ in range(count):
    features, replaced = feed.next()
    step, name = int(features["step"]), features["name"].numpy().decode()
    result.append((step, name, replaced))
  return result


def test_batches_come_in_order_from_the_first_step():
  feed = pipeline_feed.Feed(ONE, pipeline("a"), 7)
  assert take(feed, 5) == [(i, "a", False) for i in range(7, 12)]
  assert not feed.is_replacing()


def test_a_new_pipeline_takes_over_and_nothing_is_lost_or_repeated():
  feed = pipeline_feed.Feed(ONE, pipeline("a"), 0)
  seen = take(feed, 3)
  feed.replace(pipeline("b"))
  assert feed.is_replacing()
  feed.wait_until_ready()
  seen += take(feed, 20)
  assert [step for step, _, _ in seen] == list(range(23))
  names = "".join(name for _, name, _ in seen)
  assert names == "a" * 7 + "b" * 16  # after its lead of four steps
  assert [step for step, _, replaced in seen if replaced] == [7]
  assert not feed.is_replacing()


@pytest.mark.parametrize("late_by", [0, 1, 3, 4, 5, 9])
def test_the_old_pipeline_feeds_until_the_new_one_is_ready(late_by):
  feed = pipeline_feed.Feed(ONE, pipeline("a"), 0)
  make, gate = gated("b")
  feed.replace(make)
  seen = take(feed, late_by)
  assert all(name == "a" for _, name, _ in seen)
  gate.set()
  feed.wait_until_ready()
  seen += take(feed, 12)
  assert [step for step, _, _ in seen] == list(range(late_by + 12))
  first = max(4, late_by)
  assert [step for step, name, _ in seen if name == "b"] == list(
    range(first, late_by + 12)
  )
  assert [step for step, _, replaced in seen if replaced] == [first]


def test_many_replacements_while_running_lose_nothing():
  long = 100_000
  feed = pipeline_feed.Feed(ONE, pipeline("0", long), 0)
  seen = []
  for version in range(1, 4):
    feed.replace(pipeline(str(version), long))
    while feed.is_replacing():
      seen += take(feed, 1)
      assert len(seen) < long - 10, "the new pipeline never took over"
  seen += take(feed, 5)
  assert [step for step, _, _ in seen] == list(range(len(seen)))
  names = [name for _, name, _ in seen]
  assert names == sorted(names)
  assert set(names) == {str(i) for i in range(4)}


def test_a_pipeline_no_faster_than_training_is_ready_nevertheless():
  read = []

  def batches():
    for step in range(10_000):
      read.append(step)
      yield step

  # Training takes a step for each that is passed over: always 49 ahead.
  prepared = pipeline_feed.Prepared(batches, 0, lambda: len(read) + 49)
  iterator = prepared.wait()
  assert prepared.first_step == len(read) - 1 < 200
  assert next(iterator) == prepared.first_step


def test_a_replacement_replaced_in_turn_never_feeds():
  feed = pipeline_feed.Feed(ONE, pipeline("a"), 0)
  make, gate = gated("b")
  feed.replace(make)
  take(feed, 2)
  feed.replace(pipeline("c"))
  gate.set()
  feed.wait_until_ready()
  seen = take(feed, 10)
  assert [step for step, _, _ in seen] == list(range(2, 12))
  assert {name for _, name, _ in seen} == {"a", "c"}


def test_waiting_takes_over_at_once():
  feed = pipeline_feed.Feed(ONE, pipeline("a"), 5)
  take(feed, 2)
  feed.replace(pipeline("b"), wait=True)
  assert not feed.is_replacing()
  assert [x[:2] for x in take(feed, 3)] == [(i, "b") for i in (7, 8, 9)]


class BrokenError(Exception):
  pass


def broken(first_step):
  raise BrokenError("no index")


def broken_on_reading(first_step):
  nothing = tf.zeros([0], tf.int64)
  return tf.data.Dataset.range(first_step, LAST).map(
    lambda step: {"step": tf.gather(nothing, step), "name": "x"}
  )


def test_an_error_in_the_preparing_thread_surfaces_in_the_training_thread():
  feed = pipeline_feed.Feed(ONE, pipeline("a"), 0)
  feed.replace(broken)
  with pytest.raises(BrokenError, match="no index"):
    feed.wait_until_ready()
  with pytest.raises(BrokenError, match="no index"):
    take(feed, 10)
  with pytest.raises(BrokenError, match="no index"):
    pipeline_feed.Feed(ONE, broken, 0)
  feed = pipeline_feed.Feed(ONE, pipeline("a"), 0)
  with pytest.raises(BrokenError, match="no index"):
    feed.replace(broken, wait=True)


def test_an_error_of_the_first_batch_surfaces_too():
  feed = pipeline_feed.Feed(ONE, pipeline("a"), 0)
  with pytest.raises(tf.errors.InvalidArgumentError):
    feed.replace(broken_on_reading, wait=True)


def test_a_replacement_beyond_the_last_step_does_not_disturb_the_end():
  feed = pipeline_feed.Feed(ONE, pipeline("a", last=10), 7)
  feed.replace(pipeline("b", last=10))
  feed.wait_until_ready()
  assert [x[:2] for x in take(feed, 3)] == [(i, "a") for i in (7, 8, 9)]
