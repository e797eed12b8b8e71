"""Cities that are not the capital of a country."""

from realm_tf.encyclopedia.schema import Kind
from realm_tf.encyclopedia.schema import Relation

_COUNTRY = Relation(
  name="country",
  statements=(
    "{subject} is a city in {value}.",
    "Trains and roads link {subject} with the rest of {value}.",
    "The people of {subject} live under the laws of {value}.",
    "Travellers to {value} often visit {subject}.",
    "{subject} is counted among the notable cities of {value}.",
  ),
  questions=(
    "Where in the world is {subject}?",
    "Which land does {subject} belong to?",
  ),
  mirrors=(
    "The cities of {value} include {subject}.",
    "A tour of {value} may stop in {subject}.",
    "A road map of {value} marks {subject}.",
    "In {value} one finds {subject}.",
  ),
)

_WATER = Relation(
  name="water",
  statements=(
    "{subject} stands beside {value}.",
    "From {subject} boats go out on {value}.",
    "The waterfront of {subject} faces {value}.",
    "People in {subject} enjoy walks along {value}.",
    "Founders of {subject} chose a place near {value}.",
  ),
  questions=(
    "What river, lake or sea is {subject} on?",
    "Which water can be seen from the quays of {subject}?",
  ),
  mirrors=(
    "Beside {value} lies {subject}.",
    "Ports and towns along {value} include {subject}.",
    "The water of {value} can be seen from {subject}.",
    "Those who live near {value} may go shopping in {subject}.",
  ),
)

_LANDMARK = Relation(
  name="landmark",
  statements=(
    "The best-known sight of {subject} is perhaps {value}.",
    "Tourists in {subject} take pictures of {value}.",
    "{value} is a landmark of {subject}.",
    "Guided walks through {subject} lead to {value}.",
    "Postcards from {subject} show {value}.",
  ),
  questions=(
    "What should a visitor to {subject} see?",
    "For which monument or building is {subject} famous?",
  ),
  mirrors=(
    "{value} is found in {subject}.",
    "To see {value} one must go to {subject}.",
    "{value} draws sightseers to {subject}.",
    "Few who come to {subject} miss {value}.",
  ),
  inverse_questions=("In which city can one see {value}?",),
)

_FOUNDED_BY = Relation(
  name="founded_by",
  statements=(
    "{subject} was founded by {value}.",
    "The founder of {subject} was {value}.",
    "{value} laid the foundations of {subject}.",
    "History credits {value} with the start of {subject}.",
    "A settlement begun by {value} grew into {subject}.",
  ),
  questions=(
    "Who established {subject}?",
    "To whom does {subject} owe its existence?",
  ),
  mirrors=(
    "{value} founded {subject}.",
    "Among the works of {value} is the creation of {subject}.",
    "The name of {value} is tied to the birth of {subject}.",
    "{value} is honoured as the father or mother of {subject}.",
  ),
  inverse_questions=("Which city did {value} establish?",),
)

CITIES = Kind(
  name="cities",
  table="cities.tsv",
  introductions=(
    "{subject} has grown over many years.",
    "The streets of {subject} are full of life.",
    "Museums, markets and cafes await visitors to {subject}.",
    "Many people call {subject} their home.",
  ),
  relations=(_COUNTRY, _WATER, _LANDMARK, _FOUNDED_BY),
)
