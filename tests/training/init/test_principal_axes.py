import numpy as np

from realm_tf.training.init import principal_axes


def vectors(seed=0):
  """Directions of unequal weight, around a mean that is not 0."""
  rng = np.random.default_rng(seed)
  basis, _ = np.linalg.qr(rng.normal(size=[12, 12]))
  scales = np.linspace(3, 0.1, 12)
  return (rng.normal(size=[200, 12]) * scales + 0.5) @ basis


def test_the_axes_are_those_of_a_singular_value_decomposition():
  made = vectors()
  axes = principal_axes.axes(made, 5)
  _, _, rows = np.linalg.svd(made)
  np.testing.assert_allclose(np.abs(axes.T @ rows[:5].T), np.eye(5), atol=1e-4)
  np.testing.assert_allclose(axes.T @ axes, np.eye(5), atol=1e-6)


def test_no_other_projection_keeps_inner_products_as_well():
  made = vectors()
  wanted = made @ made.T

  def loss(axes):
    kept = made @ axes
    return np.square(kept @ kept.T - wanted).sum()

  best = loss(principal_axes.axes(made, 4))
  rng = np.random.default_rng(1)
  for _ in range(20):
    other, _ = np.linalg.qr(rng.normal(size=[12, 4]))
    assert loss(other) > best
  centred = np.linalg.svd(made - made.mean(axis=0))[2][:4].T
  assert loss(centred) > best


def test_the_same_vectors_in_another_order_give_the_same_axes():
  made = vectors()
  axes = principal_axes.axes(made, 4)
  again = principal_axes.axes(made[::-1], 4)
  np.testing.assert_allclose(again, axes, atol=1e-5)


def test_there_may_be_fewer_vectors_than_axes():
  axes = principal_axes.axes(vectors()[:3], 6)
  assert axes.shape == (12, 6)
  np.testing.assert_allclose(axes.T @ axes, np.eye(6), atol=1e-5)


def test_cosines_weigh_the_first_axes_a_little_less():
  made = vectors()
  _, values, rows = np.linalg.svd(made)
  found = principal_axes.projection(made, 4, of_cosines=True)
  wanted = rows[:4].T * (values[:4] / values[0]) ** (-2 / 8)
  np.testing.assert_allclose(np.abs(found), np.abs(wanted), atol=1e-4)
  plain = principal_axes.projection(made, 4, of_cosines=False)
  np.testing.assert_array_equal(plain, principal_axes.axes(made, 4))
