"""Asks a model that TensorFlow Serving, or `launch.serve`, serves.

Takes what `launch.export` writes; docs/serving.md has its signatures.
"""

import functools
import time
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any
from typing import Self
from typing import TypeVar
from typing import overload

import grpc
import numpy as np

from realm_tf.answering import replies
from realm_tf.answering import reply_tensors
from realm_tf.serving.client import model_channel
from realm_tf.serving.client import tensor_protos

# A str is a sequence of str, too, hence not `Sequence[str]`.
_Texts = list[str] | tuple[str, ...]
_Reply = TypeVar("_Reply")


class Client:
  """A client of one served model; safe to share between threads.

  Every method takes one text or a list, and returns one reply or a list in the
  same order. Long lists are sent in parts. A call ends within its timeout, all
  parts and retries included, or raises a `ServerError` that names the server.

  Example:
    with Client("localhost:8500", model="realm") as client:
      answer = client.ask("where does the danube rise?")
      print(answer.text, answer.probability, answer.evidence.mark())
  """

  def __init__(
    self,
    server: str,
    *,
    model: str = "realm",
    version: int | None = None,
    label: str | None = None,
    credentials: grpc.ChannelCredentials | None = None,
    timeout: float = 30.0,
    max_batch: int = 64,
  ):
    """Opens a channel; nothing is sent yet.

    Args:
      server: Its gRPC address, such as `localhost:8500`.
      model: The model's name there.
      version: Of the model; by default the newest.
      label: Of a version, such as `stable`, instead of its number.
      credentials: For TLS, such as `grpc.ssl_channel_credentials()`.
      timeout: Seconds that a call may take, where it does not say otherwise.
      max_batch: Most texts of one request.

    Raises:
      ValueError: Both a version and a label were given, or `max_batch` is not
        positive.
    """
    if max_batch < 1:
      raise ValueError(f"max_batch must be positive, not {max_batch}")
    self._server = server
    self._timeout = timeout
    self._max_batch = max_batch
    self._channel = model_channel.ModelChannel(
      server, model, version=version, label=label, credentials=credentials
    )

  def __enter__(self) -> Self:
    return self

  def __exit__(self, *_: object) -> None:
    self.close()

  def close(self) -> None:
    """Ends the connection, and calls under way."""
    self._channel.close()

  @overload
  def ask(
    self,
    question: str,
    *,
    threshold: float | None = None,
    timeout: float | None = None,
  ) -> replies.Answer: ...

  @overload
  def ask(
    self,
    question: _Texts,
    *,
    threshold: float | None = None,
    timeout: float | None = None,
  ) -> list[replies.Answer]: ...

  def ask(
    self,
    question: str | _Texts,
    *,
    threshold: float | None = None,
    timeout: float | None = None,
  ) -> replies.Answer | list[replies.Answer]:
    """Answers questions.

    Args:
      question: One or more.
      threshold: Probability below which the model abstains; by default the
        one that it was exported with.
      timeout: Seconds for the whole call.

    Raises:
      ServerError: The server gave no answer.
    """

    def put(questions: Sequence[str], inputs: Any) -> None:
      tensor_protos.put_strings(inputs["question"], questions)
      if threshold is not None:
        tensor_protos.put_floats(
          inputs["threshold"], [threshold] * len(questions)
        )

    signature = "answer" if threshold is None else "answer_with_threshold"
    return self._call(signature, put, question, reply_tensors.answer, timeout)

  @overload
  def retrieve(
    self, question: str, *, timeout: float | None = None
  ) -> tuple[replies.Retrieved, ...]: ...

  @overload
  def retrieve(
    self, question: _Texts, *, timeout: float | None = None
  ) -> list[tuple[replies.Retrieved, ...]]: ...

  def retrieve(
    self, question: str | _Texts, *, timeout: float | None = None
  ) -> tuple[replies.Retrieved, ...] | list[tuple[replies.Retrieved, ...]]:
    """Returns the passages that are retrieved for questions, best first.

    Args:
      question: One or more.
      timeout: Seconds for the whole call.

    Raises:
      ServerError: The server gave no passages.
    """
    return self._call(
      "retrieve",
      _put_as("question"),
      question,
      reply_tensors.retrieved,
      timeout,
    )

  @overload
  def fill_mask(
    self, text: str, *, timeout: float | None = None
  ) -> replies.Filled: ...

  @overload
  def fill_mask(
    self, text: _Texts, *, timeout: float | None = None
  ) -> list[replies.Filled]: ...

  def fill_mask(
    self, text: str | _Texts, *, timeout: float | None = None
  ) -> replies.Filled | list[replies.Filled]:
    """Fills the [MASK]s of texts, with retrieval and without.

    Args:
      text: One or more, each with one or more "[MASK]".
      timeout: Seconds for the whole call.

    Raises:
      ServerError: The server filled nothing.
    """
    return self._call(
      "fill_mask", _put_as("text"), text, reply_tensors.filled, timeout
    )

  def embed_queries(
    self, text: str | _Texts, *, timeout: float | None = None
  ) -> np.ndarray:
    """Returns the embeddings of queries, which passages are retrieved by.

    Args:
      text: One or more.
      timeout: Seconds for the whole call.

    Returns:
      <float32>[D] of one text, <float32>[N, D] of a list; [0, 0] of an empty
      list, whose D is not known.

    Raises:
      ServerError: The server gave no embeddings.
    """
    rows = self._call(
      "embed_query",
      _put_as("text"),
      text,
      lambda _, outputs: outputs["embedding"],
      timeout,
    )
    if isinstance(text, str):
      return rows
    return np.stack(rows) if rows else np.zeros([0, 0], np.float32)

  def _call(
    self,
    signature: str,
    put: Callable[[Sequence[str], Any], None],
    text: str | _Texts,
    read: Callable[[str, reply_tensors.Outputs], _Reply],
    timeout: float | None,
  ) -> Any:
    """Sends texts in parts and reads the reply to each.

    Args:
      signature: Of the model.
      put: Writes texts into the inputs of a request.
      text: One or more.
      read: Takes a text and its outputs, without the axis of the batch.
      timeout: Seconds.

    Returns:
      The reply to one text, or a list.
    """
    deadline = time.monotonic() + (
      self._timeout if timeout is None else timeout
    )
    texts = [text] if isinstance(text, str) else list(text)
    for one in texts:
      if not isinstance(one, str):
        raise TypeError(f"a text is a str, not {type(one).__name__}")
    results: list[_Reply] = []
    for first in range(0, len(texts), self._max_batch):
      part = texts[first : first + self._max_batch]
      outputs = self._channel.predict(
        signature, functools.partial(put, part), deadline
      )
      results += self._read(part, outputs, read)
    return results[0] if isinstance(text, str) else results

  def _read(
    self,
    texts: Sequence[str],
    outputs: reply_tensors.Outputs,
    read: Callable[[str, reply_tensors.Outputs], _Reply],
  ) -> list[_Reply]:
    for name, values in outputs.items():
      if values.ndim == 0 or len(values) != len(texts):
        raise model_channel.ServerError(
          self._server,
          f"output {name} has shape {list(values.shape)} for"
          f" {len(texts)} texts",
        )
    try:
      return [
        read(text, {name: values[row] for name, values in outputs.items()})
        for row, text in enumerate(texts)
      ]
    except KeyError as error:
      raise model_channel.ServerError(
        self._server,
        f"the reply has no output {error}: is the model one of"
        " launch.export, and of this kind?",
      ) from error


def _put_as(name: str) -> Callable[[Sequence[str], Any], None]:
  """Returns a function that writes texts as the input of that name."""
  return lambda texts, inputs: tensor_protos.put_strings(inputs[name], texts)
