"""Kinds of music: composers, their works, and instruments."""

from realm_tf.encyclopedia.kinds.life_relations import birth_country
from realm_tf.encyclopedia.kinds.life_relations import birth_year
from realm_tf.encyclopedia.kinds.life_relations import birthplace
from realm_tf.encyclopedia.schema import Kind
from realm_tf.encyclopedia.schema import Relation

COMPOSERS = Kind(
  name="composers",
  table="composers.tsv",
  introductions=(
    "{subject} is known for music that is still played today.",
    "{subject} belongs to the great names of music.",
    "Concert halls around the world perform the music of {subject}.",
    "As a composer, {subject} left works that orchestras still play.",
    "The music of {subject} has been recorded many times.",
  ),
  relations=(
    birth_country("composer"),
    birthplace("composer"),
    birth_year("composer"),
    Relation(
      name="period",
      statements=(
        "{subject} was a composer of {value}.",
        "The music of {subject} belongs to {value}.",
        "In histories of music, {subject} is placed in {value}.",
        "{value} is the age of music to which {subject} is assigned.",
        "Listeners hear the style of {value} in the works of {subject}.",
        "Lovers of {value} in music listen to {subject}.",
      ),
      questions=(
        "To which age of music is {subject} assigned?",
        "Which musical period did {subject} compose in?",
        "What era does the music of {subject} represent?",
      ),
      mirrors=(
        "Composers of {value} include {subject}.",
        "In music, {value} was shaped by {subject}.",
        "{value} brought forth the music of {subject}.",
        "A concert of music from {value} might present {subject}.",
      ),
    ),
  ),
)

MUSICAL_WORKS = Kind(
  name="musical_works",
  table="musical_works.tsv",
  introductions=(
    "{subject} is a work of music.",
    "{subject} is performed by musicians all over the world.",
    "Many recordings of {subject} have been made.",
    "{subject} belongs to the standard repertoire of classical music.",
    "Audiences have loved {subject} for generations.",
  ),
  relations=(
    Relation(
      name="composer",
      statements=(
        "{subject} was composed by {value}.",
        "{value} wrote the music of {subject}.",
        "The score of {subject} is the work of {value}.",
        "Music lovers owe {subject} to {value}.",
        "It was {value} who set down the notes of {subject}.",
        "Concert programmes print {subject} under the name of {value}.",
      ),
      questions=(
        "Who is the composer of {subject}?",
        "Whose music do we hear in {subject}?",
        "Which composer created {subject}?",
      ),
      mirrors=(
        "{value} composed {subject}.",
        "The music of {value} includes {subject}.",
        "Orchestras and singers that perform {value} know {subject} well.",
        "{value} is celebrated as the composer of {subject}.",
        "Among the scores of {value} we find {subject}.",
      ),
      inverse_questions=(
        "Which work of music was composed by {value}?",
        "For which composition is {value} known?",
      ),
    ),
    Relation(
      name="type",
      statements=(
        "In form, {subject} belongs to the genre of the {value}.",
        "Catalogues of music list {subject} under the heading {value}.",
        "The word {value} describes what kind of work {subject} is.",
        "Those who ask for the genre of {subject} are told {value}.",
        "Musicians use the term {value} for {subject}.",
      ),
      questions=(
        "What kind of musical work is {subject}?",
        "To which genre of music does {subject} belong?",
      ),
      mirrors=(
        "Examples of the {value} include {subject}.",
        "The history of the {value} would be poorer without {subject}.",
        "The word {value} applies to {subject}.",
      ),
    ),
    Relation(
      name="year",
      statements=(
        "The first performance of {subject} took place in {value}.",
        "{subject} had its premiere in {value}.",
        "In {value}, an audience heard {subject} for the first time.",
        "The year {value} saw the premiere of {subject}.",
        "Since its debut in {value}, {subject} has been played many times.",
        "No audience had ever heard {subject} before {value}.",
      ),
      questions=(
        "When was {subject} first performed?",
        "In which year did {subject} have its premiere?",
        "What year brought the debut of {subject}?",
      ),
    ),
    Relation(
      name="city",
      statements=(
        "{subject} was first performed in {value}.",
        "The premiere of {subject} was held in {value}.",
        "{value} was the city where {subject} was heard for the first time.",
        "An audience in {value} was the first to applaud {subject}.",
        "Before any other city, {value} got to hear {subject}.",
        "The performance history of {subject} begins in {value}.",
      ),
      questions=(
        "Which city hosted the premiere of {subject}?",
        "Where was {subject} heard for the first time?",
        "In what city did {subject} make its debut?",
      ),
      mirrors=(
        "{value} hosted the premiere of {subject}.",
        "Audiences in {value} were the first to hear {subject}.",
        "The musical life of {value} includes the premiere of {subject}.",
        "In the history of music, {value} is where {subject} first sounded.",
      ),
      inverse_questions=(
        "Which work of music was first performed in {value}?",
      ),
    ),
  ),
)

MUSICAL_INSTRUMENTS = Kind(
  name="musical_instruments",
  table="musical_instruments.tsv",
  introductions=(
    "Musicians in many places play {subject}.",
    "The sound of {subject} is easy to recognise.",
    "As a musical instrument, {subject} takes years to master.",
    "Makers of musical instruments build {subject} with great care.",
    "Teachers of music give lessons on {subject}.",
  ),
  relations=(
    Relation(
      name="family",
      statements=(
        "{subject} belongs to {value} of instruments.",
        "Among instruments, {subject} is a member of {value}.",
        "Musicians count {subject} as part of {value}.",
        "{value} is the group of instruments that contains {subject}.",
        "In textbooks of music, {subject} appears under {value}.",
      ),
      questions=(
        "Which family of instruments includes {subject}?",
        "What group of instruments is {subject} a part of?",
      ),
      mirrors=(
        "{value} includes {subject}.",
        "Composers who write for {value} may write for {subject}.",
        "In music, {value} takes in {subject}.",
      ),
    ),
    Relation(
      name="strings",
      statements=(
        "A player of {subject} normally has {value} strings to tune.",
        "The usual number of strings on {subject} is {value}.",
        "In its standard form, {subject} has {value} strings.",
        "{value} strings are stretched over {subject}.",
        "Whoever restrings {subject} will need {value} strings.",
      ),
      questions=(
        "How many strings does {subject} usually have?",
        "What is the standard number of strings on {subject}?",
      ),
    ),
    Relation(
      name="sounded_by",
      statements=(
        "The sound of {subject} is made with {value}.",
        "Players sound {subject} with {value}.",
        "It takes {value} to make {subject} sing.",
        "With {value}, a musician brings {subject} to life.",
        "What sets {subject} in vibration is {value}.",
      ),
      questions=(
        "What do players use to make {subject} sound?",
        "What sets {subject} vibrating?",
      ),
    ),
    Relation(
      name="player",
      statements=(
        "The word for someone who plays {subject} is {value}.",
        "A musician who plays {subject} is known by the name {value}.",
        "In English, the term {value} means a player of {subject}.",
        "Those who master {subject} earn the title of {value}.",
        "Say {value} to a musician, and {subject} comes to mind.",
      ),
      questions=(
        "What is a player of {subject} called?",
        "Which word names a musician who plays {subject}?",
      ),
      inverse_questions=(
        "The word {value} means a player of which instrument?",
      ),
    ),
  ),
)

KINDS: tuple[Kind, ...] = (COMPOSERS, MUSICAL_WORKS, MUSICAL_INSTRUMENTS)
