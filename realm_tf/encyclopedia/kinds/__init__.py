"""All kinds of entity that the encyclopedia has articles on."""

from realm_tf.encyclopedia.kinds import culture
from realm_tf.encyclopedia.kinds import geography
from realm_tf.encyclopedia.kinds import science
from realm_tf.encyclopedia.schema import Kind

KINDS: tuple[Kind, ...] = (*geography.KINDS, *culture.KINDS, *science.KINDS)
