"""Kinds of belief and thought: gods and heroes, philosophers."""

from realm_tf.encyclopedia.kinds.life_relations import birth_country
from realm_tf.encyclopedia.kinds.life_relations import birth_year
from realm_tf.encyclopedia.kinds.life_relations import birthplace
from realm_tf.encyclopedia.schema import Kind
from realm_tf.encyclopedia.schema import Relation

GODS_AND_HEROES = Kind(
  name="gods_and_heroes",
  table="gods_and_heroes.tsv",
  introductions=(
    "{subject} is a figure of myth.",
    "{subject} is known from old stories.",
    "Poets and artists have often portrayed {subject}.",
    "The stories about {subject} are very old.",
    "Collections of myths tell of {subject}.",
  ),
  relations=(
    Relation(
      name="mythology",
      statements=(
        "{subject} belongs to {value}.",
        "The tales of {subject} come from {value}.",
        "{value} is the body of legend in which {subject} appears.",
        "Readers of {value} soon meet {subject}.",
        "Scholars of {value} have much to say about {subject}.",
        "Without {subject}, a whole part of {value} would be missing.",
      ),
      questions=(
        "Which mythology is {subject} from?",
        "In what body of legend does {subject} appear?",
        "To which mythology do the stories of {subject} belong?",
      ),
      mirrors=(
        "The figures of {value} include {subject}.",
        "{value} tells of {subject}.",
        "In {value} we hear about {subject}.",
        "A handbook of {value} has entries on {subject}.",
      ),
    ),
    Relation(
      name="domain",
      statements=(
        "People of old saw in {subject} the power over {value}.",
        "{value} was the realm of {subject}.",
        "Among the gods, {subject} had charge of {value}.",
        "In matters of {value}, worshippers turned to {subject}.",
        "The power of {subject} was felt in {value}.",
        "To think of {subject} was to think of {value}.",
      ),
      questions=(
        "What was {subject} the deity of?",
        "Over what did {subject} have power?",
      ),
      mirrors=(
        "In myth, {value} was the concern of {subject}.",
        "Old beliefs placed {value} in the care of {subject}.",
        "Prayers about {value} went to {subject}.",
      ),
      inverse_questions=(
        "Which deity watched over {value}?",
        "Who had power over {value} in myth?",
      ),
    ),
    Relation(
      name="father",
      statements=(
        "The father of {subject} was {value}.",
        "{subject} was a child of {value}.",
        "{value} was the father of {subject}.",
        "By birth, {subject} came from the line of {value}.",
        "Legend makes {value} the father of {subject}.",
        "A family tree shows {value} directly above {subject}.",
      ),
      questions=(
        "Who fathered {subject}?",
        "Whose child was {subject}?",
        "What was the name of the father of {subject}?",
      ),
      mirrors=(
        "{value} fathered {subject}.",
        "The children of {value} include {subject}.",
        "In legend, {value} is named as the father of {subject}.",
        "In the old stories, the family of {value} includes {subject}.",
      ),
      inverse_questions=(
        "Which figure of myth was a child of {value}?",
        "Of whom was {value} the father?",
      ),
    ),
    Relation(
      name="consort",
      statements=(
        "{subject} was married to {value}.",
        "The consort of {subject} was {value}.",
        "In marriage, {subject} was joined with {value}.",
        "{value} shared the life of {subject} as a spouse.",
        "Storytellers name {value} as the partner of {subject}.",
        "At the side of {subject} stood {value}, joined by marriage.",
      ),
      questions=(
        "Who was the spouse of {subject}?",
        "Whom did {subject} marry?",
        "What was the name of the partner of {subject}?",
      ),
      mirrors=(
        "{value} was the spouse of {subject}.",
        "The stories of {value} tell of a marriage to {subject}.",
        "{value} was joined in wedlock with {subject}.",
        "A tale of love and marriage ties {value} to {subject}.",
      ),
      inverse_questions=("To whom was {value} wedded in myth?",),
    ),
    Relation(
      name="symbol",
      statements=(
        "The symbol of {subject} is {value}.",
        "Artists show {subject} with {value}.",
        "{value} is the sign by which {subject} is known.",
        "In pictures, {value} points to {subject}.",
        "An old image with {value} may well stand for {subject}.",
        "Sculptors gave {subject} the attribute of {value}.",
      ),
      questions=(
        "What is the attribute of {subject} in art?",
        "By which sign can {subject} be recognised?",
      ),
      mirrors=(
        "In myth, {value} was the attribute of {subject}.",
        "Old pictures connect {value} with {subject}.",
        "As an emblem, {value} stood for {subject}.",
      ),
      inverse_questions=("Which figure of myth is shown with {value}?",),
    ),
  ),
)

PHILOSOPHERS = Kind(
  name="philosophers",
  table="philosophers.tsv",
  introductions=(
    "{subject} was a philosopher.",
    "{subject} belongs to the great thinkers.",
    "The thought of {subject} is taught at universities.",
    "As a thinker, {subject} is still discussed today.",
    "Histories of philosophy devote many pages to {subject}.",
  ),
  relations=(
    birth_country("philosopher"),
    birthplace("philosopher"),
    birth_year("philosopher"),
    Relation(
      name="work",
      statements=(
        "{subject} wrote {value}.",
        "The author of {value} was {subject}.",
        "{value} is a major work of {subject}.",
        "With {value}, {subject} left readers some lasting ideas.",
        "The ideas of {subject} can be studied in {value}.",
        "Students who read {subject} often begin with {value}.",
      ),
      questions=(
        "Which famous book did {subject} write?",
        "What is a major work by {subject}?",
        "What should one read by the philosopher {subject}?",
      ),
      mirrors=(
        "{value} was written by {subject}.",
        "Behind {value} stands the thought of {subject}.",
        "{value} comes from the desk of {subject}.",
        "Readers of {value} enter the mind of {subject}.",
      ),
      inverse_questions=(
        "Who wrote {value}?",
        "Which philosopher is the author of {value}?",
      ),
    ),
    Relation(
      name="idea",
      statements=(
        "{subject} is associated with {value}.",
        "The teaching of {subject} belongs to {value}.",
        "{value} is the school of thought linked to {subject}.",
        "In philosophy, the name of {subject} recalls {value}.",
        "Textbooks introduce {value} with {subject}.",
        "A follower of {subject} would feel at home in {value}.",
      ),
      questions=(
        "With which school of thought is {subject} connected?",
        "What current of philosophy does {subject} represent?",
      ),
      mirrors=(
        "Thinkers linked to {value} include {subject}.",
        "{value} owes much to {subject}.",
        "In philosophy, {value} is connected with {subject}.",
        "The history of {value} cannot be told without {subject}.",
      ),
      inverse_questions=(
        "Which philosopher is a main figure of {value}?",
        "Whose name recalls {value} in philosophy?",
      ),
    ),
  ),
)

KINDS: tuple[Kind, ...] = (GODS_AND_HEROES, PHILOSOPHERS)
