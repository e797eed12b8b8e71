"""All kinds of places."""

from realm_tf.encyclopedia.kinds.cities import CITIES
from realm_tf.encyclopedia.kinds.countries import COUNTRIES
from realm_tf.encyclopedia.kinds.landforms import DESERTS
from realm_tf.encyclopedia.kinds.landforms import ISLANDS
from realm_tf.encyclopedia.kinds.landforms import MOUNTAINS
from realm_tf.encyclopedia.kinds.us_states import US_STATES
from realm_tf.encyclopedia.kinds.waters import LAKES
from realm_tf.encyclopedia.kinds.waters import RIVERS
from realm_tf.encyclopedia.schema import Kind

KINDS: tuple[Kind, ...] = (
  COUNTRIES,
  US_STATES,
  RIVERS,
  LAKES,
  MOUNTAINS,
  ISLANDS,
  DESERTS,
  CITIES,
)
