"""Kinds of literature: novels, plays and writers."""

from realm_tf.encyclopedia.kinds.life_relations import birth_country
from realm_tf.encyclopedia.kinds.life_relations import birth_year
from realm_tf.encyclopedia.kinds.life_relations import birthplace
from realm_tf.encyclopedia.schema import Kind
from realm_tf.encyclopedia.schema import Relation


def _author(noun: str) -> Relation:
  return Relation(
    name="author",
    statements=(
      "{subject} was written by {value}.",
      f"{{value}} is the author of the {noun} {{subject}}.",
      f"The {noun} {{subject}} came from the pen of {{value}}.",
      "Readers owe {subject} to the imagination of {value}.",
      "On the title page of {subject} stands the name of {value}.",
      f"It was {{value}} who created the {noun} {{subject}}.",
    ),
    questions=(
      "Who wrote {subject}?",
      f"Which writer is known for the {noun} {{subject}}?",
      f"By whom was the {noun} {{subject}} composed?",
    ),
    mirrors=(
      "{value} wrote {subject}.",
      "The works of {value} include {subject}.",
      "We owe {subject} to the pen of {value}.",
      "{value} is well known as the author of {subject}.",
      "Anyone who studies {value} will read {subject} with care.",
    ),
    inverse_questions=(
      f"Which {noun} did {{value}} write?",
      f"Of which {noun} is {{value}} the author?",
    ),
  )


def _language(noun: str) -> Relation:
  return Relation(
    name="language",
    statements=(
      f"The {noun} {{subject}} was written in {{value}}.",
      "{value} is the original language of {subject}.",
      "The manuscript of {subject} was composed in {value}.",
      f"In its original form, the {noun} {{subject}} is a text in {{value}}.",
      "Translators of {subject} work from {value}.",
      "Whoever can read {value} needs no translation of {subject}.",
    ),
    questions=(
      "In which language did {subject} first appear?",
      f"What language was used by the author of the {noun} {{subject}}?",
      "From which language is {subject} translated?",
    ),
    mirrors=(
      "{value} was the original language of {subject}.",
      "Literature in {value} can boast of {subject}.",
      "Classics that were written in {value} include {subject}.",
      "Students of {value} may one day read {subject} in the original.",
    ),
  )


def _character(noun: str) -> Relation:
  return Relation(
    name="character",
    statements=(
      "The story of {subject} turns on {value}.",
      f"{{value}} is at the centre of the {noun} {{subject}}.",
      f"The {noun} {{subject}} follows the fortunes of {{value}}.",
      "Nobody matters more to the plot of {subject} than {value}.",
      "In {subject}, the public meets {value} in a leading role.",
      "With {value}, the author of {subject} made a lasting figure.",
    ),
    questions=(
      "Who is the main character of {subject}?",
      f"Whose fate does the {noun} {{subject}} tell?",
      "Who plays the central part in {subject}?",
    ),
    mirrors=(
      "{value} is at the heart of {subject}.",
      "Without {value} there would be no {subject}.",
      "The name {value} is known from {subject}.",
      "{value} is found in the pages of {subject}.",
    ),
    inverse_questions=(
      f"In which {noun} does {{value}} play a leading part?",
      f"Which {noun} tells the story of {{value}}?",
    ),
  )


def _setting(noun: str) -> Relation:
  return Relation(
    name="setting",
    statements=(
      f"The {noun} {{subject}} is set in {{value}}.",
      "{value} is the place where the events of {subject} unfold.",
      "The action of {subject} takes place in {value}.",
      f"Those who open the {noun} {{subject}} are carried to {{value}}.",
      "Much of what happens in {subject} happens in {value}.",
      "For its scene, {subject} has {value}.",
    ),
    questions=(
      "Where does the story of {subject} take place?",
      f"What is the setting of the {noun} {{subject}}?",
      f"To which place does the {noun} {{subject}} carry us?",
    ),
    mirrors=(
      "{value} is the setting of {subject}.",
      "In literature, {value} provides the scene for {subject}.",
      "The action of {subject} brings readers to {value}.",
      "Those who have read {subject} know {value} from the page.",
    ),
    inverse_questions=(f"Which {noun} has {{value}} as its scene?",),
  )


NOVELS = Kind(
  name="novels",
  table="novels.tsv",
  introductions=(
    "{subject} is a work of fiction.",
    "{subject} is a book that is read all over the world.",
    "Libraries shelve {subject} among the classics of fiction.",
    "Many readers count {subject} among the great works of prose.",
    "The book {subject} has found readers in many countries.",
  ),
  relations=(
    _author("novel"),
    Relation(
      name="year",
      statements=(
        "{subject} was published as a book in {value}.",
        "As a complete volume, {subject} dates from {value}.",
        "In {value}, the book {subject} came off the press.",
        "The year {value} saw the first edition of the novel {subject}.",
        "Bibliographies give {value} as the year of {subject}.",
        "Bookshops had the novel {subject} on their shelves from {value} on.",
      ),
      questions=(
        "When did {subject} first appear in book form?",
        "What was the year of publication of {subject}?",
        "What year is printed in the first edition of {subject}?",
      ),
    ),
    _language("novel"),
    _character("novel"),
    _setting("novel"),
  ),
)

PLAYS = Kind(
  name="plays",
  table="plays.tsv",
  introductions=(
    "{subject} is a play.",
    "{subject} is a work for the stage.",
    "Theatres in many countries perform {subject}.",
    "{subject} belongs to the classics of the theatre.",
    "Actors and directors return to {subject} again and again.",
  ),
  relations=(
    _author("play"),
    Relation(
      name="year",
      statements=(
        "The play {subject} was first staged in {value}.",
        "In {value}, an audience saw {subject} for the first time.",
        "The premiere of {subject} took place in {value}.",
        "{value} is the year in which {subject} reached the stage.",
        "Before {value}, no theatre had put on {subject}.",
        "The stage history of {subject} starts in {value}.",
      ),
      questions=(
        "When was {subject} performed for the first time?",
        "In which year did theatregoers first see {subject}?",
        "What year brought the first night of {subject}?",
      ),
    ),
    _language("play"),
    _character("play"),
    _setting("play"),
  ),
)

WRITERS = Kind(
  name="writers",
  table="writers.tsv",
  introductions=(
    "{subject} is a name from the history of literature.",
    "{subject} belongs to the great names of world literature.",
    "As a writer, {subject} is known far beyond one country.",
    "The books of {subject} are read all over the world.",
    "Schools and universities teach the works of {subject}.",
  ),
  relations=(
    birth_country("writer"),
    birthplace("writer"),
    birth_year("writer"),
    Relation(
      name="language",
      statements=(
        "{subject} wrote in {value}.",
        "The language of the works of {subject} is {value}.",
        "{value} was the medium in which {subject} told stories.",
        "Readers of {value} can enjoy {subject} without a translator.",
        "As a writer, {subject} chose {value}.",
        "The sentences of {subject} were shaped in {value}.",
      ),
      questions=(
        "In which language did {subject} write?",
        "What language did the writer {subject} use?",
        "Which language does one read {subject} in without a translation?",
      ),
      mirrors=(
        "{value} was the literary language of {subject}.",
        "The great names of writing in {value} include {subject}.",
        "Those who know {value} can read {subject} in the original.",
        "Literature in {value} has been enriched by {subject}.",
      ),
    ),
    Relation(
      name="movement",
      statements=(
        "{subject} is associated with {value}.",
        "Critics connect the name of {subject} with {value}.",
        "{value} is the current of literature to which {subject} belongs.",
        "The books of {subject} are examples of {value}.",
        "In the history of literature, {subject} stands for {value}.",
        "Handbooks treat {subject} in their chapters on {value}.",
      ),
      questions=(
        "Which literary movement did {subject} belong to?",
        "With what current of literature do critics link {subject}?",
        "What movement do the works of {subject} represent?",
      ),
      mirrors=(
        "Writers associated with {value} include {subject}.",
        "In literature, {value} is represented by {subject}.",
        "{value} shaped the writing of {subject}.",
        "A study of {value} in literature would have to discuss {subject}.",
      ),
    ),
  ),
)

KINDS: tuple[Kind, ...] = (NOVELS, PLAYS, WRITERS)
