"""The kind of animals."""

from realm_tf.encyclopedia.schema import Kind
from realm_tf.encyclopedia.schema import Relation

ANIMALS = Kind(
  name="animals",
  table="animals.tsv",
  introductions=(
    "{subject} is an animal.",
    "Books about animals show pictures of {subject}.",
    "Zoologists have watched {subject} with great interest.",
    "As an animal, {subject} has always fascinated people.",
    "Films about nature often feature {subject}.",
  ),
  relations=(
    Relation(
      name="class",
      statements=(
        "{subject} belongs to {value}.",
        "Zoologists count {subject} among {value}.",
        "Among {value} we find {subject}.",
        "In the animal kingdom, {subject} is placed with {value}.",
        "The class to which {subject} belongs is that of {value}.",
        "A textbook on {value} describes {subject}.",
      ),
      questions=(
        "To which class of animals does {subject} belong?",
        "What class of animals includes {subject}?",
      ),
      mirrors=(
        "Animals counted among {value} include {subject}.",
        "The class of {value} takes in {subject}.",
        "Experts on {value} know {subject}.",
        "A book about {value} has pages on {subject}.",
      ),
    ),
    Relation(
      name="family",
      statements=(
        "The close relatives of {subject} are {value}.",
        "{subject} is counted among {value}.",
        "{value} are the group of animals that includes {subject}.",
        "Biologists group {subject} with {value}.",
        "By descent, {subject} is one of {value}.",
        "Whoever studies {value} studies {subject} too.",
      ),
      questions=(
        "With which group of close relatives is {subject} counted?",
        "What animals are the close relatives of {subject}?",
      ),
      mirrors=(
        "The group that is called {value} includes {subject}.",
        "By descent, {value} include {subject}.",
        "A family portrait of {value} would show {subject}.",
        "Biologists who work on {value} study {subject}.",
      ),
    ),
    Relation(
      name="home",
      statements=(
        "{subject} is at home in {value}.",
        "In the wild, {subject} is found in {value}.",
        "Those who look for {subject} look in {value}.",
        "Nature films shot in {value} may star {subject}.",
        "To see {subject} in the wild, travellers go to {value}.",
        "The native range of {subject} lies in {value}.",
      ),
      questions=(
        "Where does {subject} live in the wild?",
        "Which part of the world is the home of {subject}?",
      ),
      mirrors=(
        "Nature has made {value} the home of {subject}.",
        "The wildlife of {value} includes {subject}.",
        "Travellers in {value} may come across {subject}.",
        "Among the animals of {value} one finds {subject}.",
      ),
      inverse_questions=("Which animal has its home in {value}?",),
    ),
    Relation(
      name="food",
      statements=(
        "{subject} feeds on {value}.",
        "The diet of {subject} consists largely of {value}.",
        "On the menu of {subject} we find {value}.",
        "Much of what {subject} eats is {value}.",
        "The hunger of {subject} is stilled by {value}.",
        "For {value}, {subject} will go a long way.",
      ),
      questions=(
        "What does {subject} eat?",
        "On which food does {subject} live?",
      ),
      inverse_questions=("Which animal feeds on {value}?",),
    ),
    Relation(
      name="young",
      statements=(
        "The young of {subject} go by the name {value}.",
        "{value} is the word for the offspring of {subject}.",
        "In English, the offspring of {subject} is called {value}.",
        "Young offspring of {subject} are known by the word {value}.",
        "Say {value}, and you may mean the young of {subject}.",
      ),
      questions=(
        "What are the young of {subject} called?",
        "Which word names the offspring of {subject}?",
      ),
      inverse_questions=("The word {value} means the young of which animal?",),
    ),
    Relation(
      name="group",
      statements=(
        "The word for a group of the species {subject} is {value}.",
        "In company, {subject} forms what English calls the {value}.",
        "The term {value} is used when {subject} lives in numbers.",
        "English has the collective noun {value} for {subject}.",
        "With others of its kind, {subject} makes up the {value}.",
      ),
      questions=(
        "Which collective noun is used for {subject}?",
        "What word does English have for {subject} in company?",
      ),
      inverse_questions=("For which animal is {value} the collective noun?",),
    ),
  ),
)

KINDS: tuple[Kind, ...] = (ANIMALS,)
