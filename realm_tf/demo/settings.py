"""What the demo is made of; without TensorFlow."""

import os

# Enough facts that a few epochs cannot learn them by heart, and few enough
# relations that a model of two layers learns to read them in minutes.
KINDS = (
  "countries+us_states+rivers+mountains+composers+painters+languages"
  "+chemical_elements+planets_and_moons+inventions"
)
VOCAB_SIZE = 8_000
# The small BERT that comes with the package; see `bert`.
BERT = os.path.join(os.path.dirname(__file__), "bert")
