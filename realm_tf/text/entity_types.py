"""The entity types and labels of the tagger, and other names of the types."""

TYPES = ("PER", "LOC", "ORG", "MISC")

# From a name in lower case, as data sets have it, to the type.
_ALIASES = {
  "per": "PER",
  "person": "PER",
  "loc": "LOC",
  "location": "LOC",
  "gpe": "LOC",
  "org": "ORG",
  "organization": "ORG",
  "organisation": "ORG",
  "corporation": "ORG",
  "group": "ORG",
  "misc": "MISC",
  "miscellaneous": "MISC",
  "creative-work": "MISC",
  "product": "MISC",
}
KNOWN = tuple(_ALIASES)

OUTSIDE = "O"
# By id; 0 is outside of all entities.
LABELS = (
  OUTSIDE,
  *(f"{prefix}-{kind}" for kind in TYPES for prefix in "BI"),
)


def map_type(name: str) -> str | None:
  """Returns the type that a data set's type stands for; None if unknown."""
  return _ALIASES.get(name.lower())
