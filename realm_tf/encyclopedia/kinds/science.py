"""The kinds of science, from chemical elements to diseases."""

from realm_tf.encyclopedia.kinds import animals
from realm_tf.encyclopedia.kinds import astronomy
from realm_tf.encyclopedia.kinds import chemistry
from realm_tf.encyclopedia.kinds import discovery
from realm_tf.encyclopedia.kinds import medicine
from realm_tf.encyclopedia.schema import Kind

KINDS: tuple[Kind, ...] = (
  chemistry.KINDS
  + astronomy.KINDS
  + discovery.KINDS
  + animals.KINDS
  + medicine.KINDS
)
