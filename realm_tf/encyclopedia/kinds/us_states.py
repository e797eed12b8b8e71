"""The states of the United States."""

from realm_tf.encyclopedia.schema import Kind
from realm_tf.encyclopedia.schema import Relation

_CAPITAL = Relation(
  name="capital",
  statements=(
    "{value} is the state capital of {subject}.",
    "The legislature of {subject} sits in {value}.",
    "The governor of {subject} works in {value}.",
    "State laws for {subject} are passed in {value}.",
    "The statehouse of {subject} stands in {value}.",
  ),
  questions=(
    "From which city is {subject} administered?",
    "Where would one meet the senators of the state legislature of {subject}?",
    "Which city houses the state government of {subject}?",
  ),
  mirrors=(
    "{value} is the place from which {subject} is governed.",
    "State officials of {subject} have their offices in {value}.",
    "A governor who leads {subject} resides in {value}.",
    "{value} holds the state archives and the capitol of {subject}.",
  ),
  inverse_questions=("Which state has its capitol in {value}?",),
)

_NICKNAME = Relation(
  name="nickname",
  statements=(
    "{subject} is nicknamed {value}.",
    "People fondly call {subject} by the name of {value}.",
    "The popular name of {subject} is {value}.",
    "Souvenirs sold in {subject} often praise {value}.",
    "Americans speak of {subject} as {value}.",
  ),
  questions=(
    "What is {subject} also known as?",
    "By which byname does {subject} go?",
  ),
  inverse_questions=(
    "Which state is called {value}?",
    "What is the proper name of {value}?",
  ),
)

_LARGEST_CITY = Relation(
  name="largest_city",
  statements=(
    "{value} is the largest city of {subject}.",
    "More residents of {subject} live in {value} than in any other city.",
    "In population, {value} leads the cities of {subject}.",
    "The biggest city anywhere in {subject} is {value}.",
    "Of all municipalities in {subject}, the most populous is {value}.",
  ),
  questions=(
    "Which city of {subject} has the most inhabitants?",
    "Where in {subject} do the greatest number of people dwell?",
  ),
  mirrors=(
    "{value} has more inhabitants than any other city in {subject}.",
    "No city in {subject} is bigger than {value}.",
    "{value} ranks first in size in {subject}.",
    "A census of {subject} puts {value} at the top.",
  ),
  inverse_questions=("In which state is {value} the most populous city?",),
)

_STATEHOOD = Relation(
  name="statehood",
  statements=(
    "{subject} entered the Union in {value}.",
    "The year {value} made {subject} a state.",
    "In {value} the American flag began to stand for {subject} too.",
    "Statehood came to {subject} in {value}.",
    "{subject} has been one of the United States since {value}.",
  ),
  questions=(
    "When did {subject} become a state?",
    "In what year was {subject} admitted or did it ratify the Constitution?",
  ),
)

_BIRD = Relation(
  name="bird",
  statements=(
    "The state bird of {subject} is {value}.",
    "{value} was chosen as the feathered emblem of {subject}.",
    "Among all birds, the people of {subject} honour {value} as theirs.",
    "By law {value} represents the birds of {subject}.",
    "Birdwatchers in {subject} regard {value} as their state symbol.",
  ),
  questions=(
    "Which winged animal is a symbol of {subject}?",
    "What bird did lawmakers pick for {subject}?",
  ),
  mirrors=(
    "{value} is the official bird of {subject}.",
    "Lawmakers made {value} an emblem of {subject}.",
    "One meets {value} on the list of symbols of {subject}.",
    "As a bird, {value} stands for {subject}.",
  ),
  inverse_questions=("Which state has {value} as its feathered symbol?",),
)

_FLOWER = Relation(
  name="flower",
  statements=(
    "The state flower of {subject} is {value}.",
    "{value} is the floral emblem of {subject}.",
    "Gardeners in {subject} take pride in {value}, their official blossom.",
    "Among all plants in bloom, {subject} has adopted {value}.",
    "By law {value} represents the flowers of {subject}.",
  ),
  questions=(
    "Which blossom is a symbol of {subject}?",
    "What bloom did lawmakers pick for {subject}?",
  ),
  mirrors=(
    "{value} is the official flower of {subject}.",
    "Botanists find {value} among the symbols of {subject}.",
    "Lawmakers chose {value} as the plant that stands for {subject}.",
    "In bloom, {value} reminds people of {subject}.",
  ),
  inverse_questions=("Which state has {value} as its floral symbol?",),
)

US_STATES = Kind(
  name="us_states",
  table="us_states.tsv",
  introductions=(
    "{subject} is one of the fifty American states.",
    "The people of {subject} elect two senators to the Congress.",
    "Among the states of America, {subject} has a history of its own.",
    "Many visitors tour {subject} each year.",
  ),
  relations=(
    _CAPITAL,
    _NICKNAME,
    _LARGEST_CITY,
    _STATEHOOD,
    _BIRD,
    _FLOWER,
  ),
)
