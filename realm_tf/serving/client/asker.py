"""Asks a server one text at a time."""

from collections.abc import Callable

from realm_tf.answering import replies
from realm_tf.serving.client import serving_client

_TIMEOUT_SECS = 10.0


def connect(
  server: str, model: str
) -> Callable[[str], replies.Answer | replies.Filled]:
  """Returns a function that asks a server.

  Args:
    server: HOST:PORT of its gRPC.
    model: The model's name there.

  Returns:
    From a text to its reply, which raises a `model_channel.ServerError`: a text
    with a "[MASK]" is filled, any other is a question.
  """
  client = serving_client.Client(server, model=model, timeout=_TIMEOUT_SECS)

  def ask(text: str) -> replies.Answer | replies.Filled:
    return client.fill_mask(text) if replies.MASK in text else client.ask(text)

  return ask
