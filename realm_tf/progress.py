"""Progress lines: step, speed and time left."""

import time


def format_duration(secs: float) -> str:
  """Returns "1h02m", "3m04s" or "5s"."""
  whole = round(secs)
  if whole >= 3600:
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
  if whole >= 60:
    return f"{whole // 60}m{whole % 60:02d}s"
  return f"{whole}s"


class Progress:
  """Counts steps and seconds; pauses are left out of the speed."""

  def __init__(self, first_step: int, last_step: int, examples_per_step: int):
    """Starts the clock at `first_step`, of `last_step` in all."""
    self._last_step = last_step
    self._examples_per_step = examples_per_step
    self._mark_step = first_step
    self._mark_secs = time.monotonic()
    self._steps_per_sec = 0.0

  def resume(self, step: int) -> None:
    """Restarts the measurement after a pause."""
    self._mark_step = step
    self._mark_secs = time.monotonic()

  def measure(self, step: int) -> float:
    """Returns examples a second since the last mark, and sets a new one."""
    secs = max(time.monotonic() - self._mark_secs, 1e-9)
    self._steps_per_sec = (step - self._mark_step) / secs
    self.resume(step)
    return self._steps_per_sec * self._examples_per_step

  def line(self, step: int, means: dict[str, float], noun: str = "step") -> str:
    """Returns the progress line; `noun` is the word for a step."""
    left = (self._last_step - step) / max(self._steps_per_sec, 1e-9)
    values = "  ".join(f"{name} {value:.3f}" for name, value in means.items())
    return (
      f"{noun} {step}/{self._last_step} ({step / self._last_step:.0%})  "
      f"{values}{'  ' if values else ''}{self._steps_per_sec:.2f} {noun}s/s  "
      f"{format_duration(left)} left"
    )
