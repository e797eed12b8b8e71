import pytest

from realm_tf import progress


@pytest.mark.parametrize(
  ("secs", "text"),
  [
    (0, "0s"),
    (4.6, "5s"),
    (59.6, "1m00s"),
    (60, "1m00s"),
    (184, "3m04s"),
    (3600, "1h00m"),
    (3725, "1h02m"),
    (90_000, "25h00m"),
  ],
)
def test_durations(secs, text):
  assert progress.format_duration(secs) == text


def test_speed_leaves_pauses_out(monkeypatch):
  now = [100.0]
  monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
  meter = progress.Progress(10, 110, examples_per_step=8)
  now[0] += 5
  assert meter.measure(20) == pytest.approx(16.0)
  now[0] += 1000  # a pause
  meter.resume(20)
  now[0] += 10
  assert meter.measure(60) == pytest.approx(32.0)
  line = meter.line(60, {"loss": 1.23456})
  assert line == "step 60/110 (55%)  loss 1.235  4.00 steps/s  12s left"
  line = meter.line(60, {}, "question")
  assert line == "question 60/110 (55%)  4.00 questions/s  12s left"
