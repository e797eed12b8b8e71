"""How a global batch is spread."""

from realm_tf import errors


def check_batch(batch_size: int, replicas: int) -> None:
  """Raises if a batch cannot be spread evenly.

  Args:
    batch_size: Of all replicas.
    replicas: How many.

  Raises:
    errors.UserError: If it does not divide.
  """
  if batch_size % replicas:
    raise errors.UserError(
      f"config.batch_size={batch_size} must divide by the {replicas} replicas."
    )
