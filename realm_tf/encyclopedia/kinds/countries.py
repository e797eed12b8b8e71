"""Sovereign countries."""

from realm_tf.encyclopedia.schema import Kind
from realm_tf.encyclopedia.schema import Relation

_CAPITAL = Relation(
  name="capital",
  statements=(
    "{value} is the capital of {subject}.",
    "The seat of government of {subject} is {value}.",
    "Decisions for the whole of {subject} are taken in {value}.",
    "Ministers who govern {subject} have their offices in {value}.",
    "{subject} is governed from {value}.",
    "Newspapers write {value} when they mean the rulers of {subject}.",
  ),
  questions=(
    "From which city is {subject} run?",
    "What is the chief administrative city of {subject}?",
    "In which city would one find the national authorities of {subject}?",
  ),
  mirrors=(
    "{value} serves as the capital city of {subject}.",
    "The national leaders of {subject} work in {value}.",
    "Visitors to {value} see the buildings in which {subject} is governed.",
    "The central authorities of {subject} are found in {value}.",
  ),
  inverse_questions=(
    "Which country is ruled from {value}?",
    "Of which country is {value} the capital?",
  ),
)

_CURRENCY = Relation(
  name="currency",
  statements=(
    "The currency of {subject} is {value}.",
    "Shoppers in {subject} pay with {value}.",
    "Prices in the markets of {subject} are given in {value}.",
    "Banks in {subject} keep their accounts in {value}.",
    "{value} is legal tender in {subject}.",
    "Wages in {subject} are paid in {value}.",
  ),
  questions=(
    "What money do people use in {subject}?",
    "Which coins and notes does a traveller need in {subject}?",
    "In what would one settle a bill in {subject}?",
  ),
  mirrors=(
    "{value} is the money of {subject}.",
    "Cash machines in {subject} hand out {value}.",
    "Among the users of {value} are the people of {subject}.",
    "Taxes in {subject} are collected in {value}.",
  ),
  inverse_questions=("Which country has {value} as its money?",),
)

_LANGUAGES = Relation(
  name="languages",
  statements=(
    "The official language list of {subject} names {value}.",
    "Public documents in {subject} are written in {value}.",
    "By law the state speaks to the citizens of {subject} in {value}.",
    "Courts and schools of {subject} work in {value}.",
    "Official status in {subject} belongs to {value}.",
  ),
  questions=(
    "What do people speak in the government offices of {subject}?",
    "Which language has legal standing in {subject}?",
    "Which tongue would a civil servant of {subject} need to know?",
  ),
  mirrors=(
    "{value} has official standing in {subject}.",
    "Anyone who understands {value} can read the laws of {subject}.",
    "Among the homes of {value} as a language of state one counts {subject}.",
    "Civil servants in {subject} use {value} at work.",
  ),
  inverse_questions=("In which country is {value} an official tongue?",),
)

_CONTINENT = Relation(
  name="continent",
  statements=(
    "{subject} lies in {value}.",
    "Geographers count {subject} among the countries of {value}.",
    "An atlas shows {subject} on its pages about {value}.",
    "Students of {value} read about {subject}.",
    "The land of {subject} belongs to {value}.",
  ),
  questions=(
    "On which continent is {subject} situated?",
    "Which part of the world is home to {subject}?",
    "To which continent would one travel in order to see {subject}?",
  ),
  mirrors=(
    "{value} is home to {subject}.",
    "The countries of {value} include {subject}.",
    "A map of {value} shows {subject}.",
    "Travellers who tour {value} may cross {subject}.",
  ),
)

_NEIGHBOURS = Relation(
  name="neighbours",
  statements=(
    "{subject} shares a land border with {value}.",
    "The neighbours of {subject} include {value}.",
    "Beyond the border of {subject} lies the territory of {value}.",
    "Frontier posts of {subject} face {value}.",
    "Next to {subject} on the map one finds {value}.",
  ),
  questions=(
    "Which country adjoins {subject}?",
    "Name a state that is next door to {subject}.",
    "Which land begins where {subject} ends?",
  ),
)

_RIVER = Relation(
  name="river",
  statements=(
    "{value} is among the chief rivers of {subject}.",
    "Fishing and farming in {subject} draw on {value}.",
    "Rain that falls on {subject} feeds {value}.",
    "On a map of {subject} the blue line of {value} stands out.",
    "Schoolchildren in {subject} learn about the river called {value}.",
  ),
  questions=(
    "Which important waterway does {subject} have?",
    "What large stream is found in {subject}?",
    "Name a great river of {subject}.",
  ),
  mirrors=(
    "The river {value} matters greatly to {subject}.",
    "Along its course, {value} brings water to {subject}.",
    "The banks of {value} belong at least partly to {subject}.",
    "Those who follow {value} come to {subject}.",
  ),
)

_MOUNTAIN = Relation(
  name="mountain",
  statements=(
    "{value} is the highest point of {subject}.",
    "No summit in {subject} rises above {value}.",
    "Climbers who want to stand on top of {subject} go up {value}.",
    "The tallest peak of {subject} is {value}.",
    "At {value} the land of {subject} reaches its greatest height.",
  ),
  questions=(
    "Which mountain is the loftiest in {subject}?",
    "Where is one furthest above the sea in {subject}?",
    "What elevation tops all others in {subject}?",
  ),
  mirrors=(
    "{value} towers over all other ground in {subject}.",
    "From the summit of {value} one looks down on the rest of {subject}.",
    "Nothing in {subject} stands higher than {value}.",
    "{value} holds the height record of {subject}.",
  ),
  inverse_questions=("Which country has {value} as its top?",),
)

_LARGEST_CITY = Relation(
  name="largest_city",
  statements=(
    "{value} is the largest city of {subject}.",
    "More people live in {value} than in any other city of {subject}.",
    "The biggest urban population of {subject} is found in {value}.",
    "By number of residents {value} comes first in {subject}.",
    "Of all towns in {subject}, the most crowded is {value}.",
  ),
  questions=(
    "Which city in {subject} has the greatest number of inhabitants?",
    "What is the most populous city in {subject}?",
    "Where does {subject} have its largest concentration of people?",
  ),
  mirrors=(
    "{value} outranks every other city of {subject} in size.",
    "No other city in {subject} has as many inhabitants as {value}.",
    "With its crowds, {value} is the number one among the cities of {subject}.",
    "{value} has grown into the greatest city in {subject}.",
  ),
  inverse_questions=("In which country is {value} the most populous city?",),
)

COUNTRIES = Kind(
  name="countries",
  table="countries.tsv",
  introductions=(
    "{subject} is a country with a flag and an anthem of its own.",
    "The nation of {subject} has a seat among the states of the world.",
    "Many books have been written about the history of {subject}.",
    "Travellers know {subject} for its people and its landscapes.",
    "Here are some facts about {subject}.",
  ),
  relations=(
    _CAPITAL,
    _CURRENCY,
    _LANGUAGES,
    _CONTINENT,
    _NEIGHBOURS,
    _RIVER,
    _MOUNTAIN,
    _LARGEST_CITY,
  ),
)
