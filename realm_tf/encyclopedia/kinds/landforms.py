"""Mountains, islands and deserts."""

from realm_tf.encyclopedia.schema import Kind
from realm_tf.encyclopedia.schema import Relation

_RANGE = Relation(
  name="range",
  statements=(
    "{subject} belongs to {value}.",
    "Around {subject} rise the other peaks of {value}.",
    "{subject} is a summit of {value}.",
    "Geologists who study {value} know {subject} well.",
    "On the map {subject} is drawn within {value}.",
  ),
  questions=(
    "Of which mountain chain is {subject} a part?",
    "In which highlands would one look for {subject}?",
  ),
  mirrors=(
    "The peaks of {value} include {subject}.",
    "Climbers in {value} dream of {subject}.",
    "In {value} one finds {subject}.",
    "A panorama of {value} shows {subject}.",
  ),
  inverse_questions=("Name a famous peak of {value}.",),
)

_MOUNTAIN_COUNTRIES = Relation(
  name="countries",
  statements=(
    "{subject} stands in {value}.",
    "The slopes of {subject} belong to {value}.",
    "Expeditions to {subject} travel to {value}.",
    "The land around the foot of {subject} is part of {value}.",
    "Postcards from {value} often show {subject}.",
  ),
  questions=(
    "In which country does {subject} rise?",
    "Where in the world is {subject}?",
  ),
  mirrors=(
    "The mountains of {value} include {subject}.",
    "Hikers in {value} admire {subject}.",
    "In {value} one can see {subject}.",
    "Mountaineers come to {value} because of {subject}.",
  ),
)

_FIRST_ASCENT = Relation(
  name="first_ascent",
  statements=(
    "{subject} was first climbed in {value}.",
    "In {value} people reached the top of {subject} for the first time.",
    "The first ascent of {subject} took place in {value}.",
    "Until {value} nobody was known to have stood on {subject}.",
    "Climbing history remembers {value} as the year of {subject}.",
  ),
  questions=(
    "When was {subject} conquered?",
    "In what year did someone get up {subject} before anyone else?",
  ),
)

_CLIMBER = Relation(
  name="climber",
  statements=(
    "The first to reach the top of {subject} included {value}.",
    "Fame for the conquest of {subject} belongs to {value}.",
    "{subject} was first climbed by {value}.",
    "Before {value}, no one had stood on the summit of {subject}.",
    "The success on {subject} made the name of {value} known.",
  ),
  questions=(
    "Who conquered {subject}?",
    "Which mountaineer got up {subject} before anyone else?",
  ),
  mirrors=(
    "{value} made the first ascent of {subject}.",
    "The mountaineer {value} went where none had been on {subject}.",
    "{value} is remembered for a climb of {subject}.",
    "Books on climbing credit {value} with the conquest of {subject}.",
  ),
  inverse_questions=("Which summit did {value} reach first?",),
)

MOUNTAINS = Kind(
  name="mountains",
  table="mountains.tsv",
  introductions=(
    "{subject} is a famous mountain.",
    "Clouds often hide the top of {subject}.",
    "Photographers love the outline of {subject}.",
    "Guidebooks describe the routes that lead up {subject}.",
  ),
  relations=(_RANGE, _MOUNTAIN_COUNTRIES, _FIRST_ASCENT, _CLIMBER),
)

_ISLAND_COUNTRY = Relation(
  name="country",
  statements=(
    "The island of {subject} belongs to {value}.",
    "People born on {subject} are citizens of {value}.",
    "{subject} is under the flag of {value}.",
    "Passports of {value} are held by those who come from {subject}.",
    "As an island, {subject} forms part of {value}.",
  ),
  questions=(
    "Which nation owns {subject}?",
    "To which state does {subject} pertain?",
  ),
  mirrors=(
    "The islands of {value} include {subject}.",
    "Offshore, {value} has {subject}.",
    "Ferries and planes of {value} serve {subject}.",
    "Under the flag of {value} one finds {subject}.",
  ),
)

_WATERS = Relation(
  name="waters",
  statements=(
    "{subject} is washed by {value}.",
    "The beaches of {subject} look out on {value}.",
    "Ships bound for {subject} cross {value}.",
    "{subject} rises out of {value}.",
    "Storms from {value} batter the coast of {subject}.",
  ),
  questions=(
    "What sea or ocean laps the shores of {subject}?",
    "Into what would a swimmer from {subject} dive?",
  ),
  mirrors=(
    "The islands in {value} include {subject}.",
    "Sailors on {value} call at {subject}.",
    "Surrounded by {value} or at its edge lies {subject}.",
    "Charts of {value} mark {subject}.",
  ),
)

_MAIN_TOWN = Relation(
  name="main_town",
  statements=(
    "The main town of {subject} is {value}.",
    "Most business on {subject} is done in {value}.",
    "{value} is the principal settlement of {subject}.",
    "Of all settlements on {subject}, {value} is the largest.",
    "The busiest streets of {subject} are those of {value}.",
  ),
  questions=(
    "Which place is the centre of life on {subject}?",
    "Where would one find the chief town of {subject}?",
  ),
  mirrors=(
    "{value} is the leading town on {subject}.",
    "Visitors who land at {value} have arrived on {subject}.",
    "The island around {value} is {subject}.",
    "From {value} roads lead to all parts of {subject}.",
  ),
  inverse_questions=("On which island does {value} lie?",),
)

_PEAK = Relation(
  name="peak",
  statements=(
    "The highest point of {subject} is {value}.",
    "{value} is the roof of {subject}.",
    "No ground on {subject} is higher than {value}.",
    "The best view over {subject} is from {value}.",
    "Hikers who want to stand on top of {subject} climb {value}.",
  ),
  questions=(
    "What is the loftiest elevation on {subject}?",
    "Which mountain tops {subject}?",
  ),
  mirrors=(
    "{value} overlooks the whole island of {subject}.",
    "On {subject} nothing rises above {value}.",
    "{value} is the greatest height on {subject}.",
    "The island below {value} is {subject}.",
  ),
  inverse_questions=("On which island does {value} rise?",),
)

ISLANDS = Kind(
  name="islands",
  table="islands.tsv",
  introductions=(
    "{subject} is an island with a character of its own.",
    "Boats and planes bring visitors to {subject}.",
    "The coast of {subject} is popular with travellers.",
    "Islanders from {subject} are proud of their home.",
  ),
  relations=(_ISLAND_COUNTRY, _WATERS, _MAIN_TOWN, _PEAK),
)

_DESERT_COUNTRIES = Relation(
  name="countries",
  statements=(
    "{subject} covers parts of {value}.",
    "The dry land of {subject} lies within {value}.",
    "Dry winds from {subject} blow across {value}.",
    "Those who cross {subject} travel in {value}.",
    "Maps of {value} show the empty expanse of {subject}.",
  ),
  questions=(
    "In which country is {subject} found?",
    "Whose territory includes {subject}?",
  ),
  mirrors=(
    "The deserts of {value} include {subject}.",
    "Parts of {value} are taken up by {subject}.",
    "In {value} one can visit the dry land of {subject}.",
    "Little rain falls where {value} meets {subject}.",
  ),
)

_DESERT_CONTINENT = Relation(
  name="continent",
  statements=(
    "{subject} is a desert of {value}.",
    "Among the dry regions of {value} is {subject}.",
    "{subject} is situated on the continent of {value}.",
    "Explorers of {value} wrote about {subject}.",
    "The climate of {value} has given rise to {subject}.",
  ),
  questions=(
    "On which continent does {subject} lie?",
    "Which part of the world is home to {subject}?",
  ),
  mirrors=(
    "The deserts of {value} include {subject}.",
    "In {value} little rain falls on {subject}.",
    "Dry regions of {value} are known as {subject}.",
    "A climate map of {value} shows {subject}.",
  ),
)

DESERTS = Kind(
  name="deserts",
  table="deserts.tsv",
  introductions=(
    "{subject} is a desert where rain is rare.",
    "Plants and animals of {subject} must live with little water.",
    "Nights under the clear sky of {subject} can be cold.",
    "Satellite pictures show {subject} as a pale patch.",
  ),
  relations=(_DESERT_COUNTRIES, _DESERT_CONTINENT),
)
