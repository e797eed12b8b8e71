"""The kinds of culture: letters, music, the arts, belief and society."""

from realm_tf.encyclopedia.kinds import arts
from realm_tf.encyclopedia.kinds import belief
from realm_tf.encyclopedia.kinds import literature
from realm_tf.encyclopedia.kinds import music
from realm_tf.encyclopedia.kinds import society
from realm_tf.encyclopedia.schema import Kind

KINDS: tuple[Kind, ...] = (
  literature.KINDS + music.KINDS + arts.KINDS + belief.KINDS + society.KINDS
)
