"""Kinds of discovery: scientists, inventions and units of measurement."""

from realm_tf.encyclopedia.kinds.life_relations import birth_year
from realm_tf.encyclopedia.kinds.life_relations import birthplace
from realm_tf.encyclopedia.schema import Kind
from realm_tf.encyclopedia.schema import Relation

SCIENTISTS = Kind(
  name="scientists",
  table="scientists.tsv",
  introductions=(
    "{subject} is a name from the history of science.",
    "Science remembers {subject} to this day.",
    "Textbooks of science mention {subject}.",
    "The research of {subject} changed how people see the world.",
    "Students of science come across the name of {subject}.",
  ),
  relations=(
    Relation(
      name="field",
      statements=(
        "The field of {subject} was {value}.",
        "{subject} made a name in {value}.",
        "In the history of {value}, {subject} has a firm place.",
        "Experts in {value} know the work of {subject}.",
        "The research of {subject} advanced {value}.",
        "Most of what {subject} achieved belongs to {value}.",
      ),
      questions=(
        "In which field of science did {subject} work?",
        "What science did {subject} advance?",
      ),
      mirrors=(
        "The great names of {value} include {subject}.",
        "Progress in {value} owes much to {subject}.",
        "Histories of {value} tell of {subject}.",
        "Students of {value} learn about {subject}.",
      ),
    ),
    Relation(
      name="country",
      statements=(
        "The scientist {subject} was born in {value}.",
        "To be born in {value} was the lot of {subject}.",
        "By birth, {subject} belonged to {value}.",
        "{subject} started life in {value}.",
        "The scientist {subject} came from {value}.",
        "The land where {subject} was born is {value}.",
      ),
      questions=(
        "In which country was the scientist {subject} born?",
        "What was the native land of {subject}?",
      ),
      mirrors=(
        "{value} gave science {subject}.",
        "Scientists born in {value} include {subject}.",
        "Science owes {subject} to {value}.",
        "{value} was the native land of {subject}.",
      ),
    ),
    birthplace("scientist"),
    birth_year("scientist"),
    Relation(
      name="known_for",
      statements=(
        "{subject} is known for {value}.",
        "The fame of {subject} rests on {value}.",
        "Textbooks link {subject} with {value}.",
        "The name of {subject} comes up wherever people teach {value}.",
        "Science associates {value} with {subject}.",
        "With {value}, {subject} entered the history of science.",
      ),
      questions=(
        "What is {subject} known for?",
        "On what does the fame of {subject} rest?",
      ),
      mirrors=(
        "Mention {value}, and experts think of {subject}.",
        "Whoever reads about {value} meets the name of {subject}.",
        "The history of {value} cannot leave out {subject}.",
        "In the story of {value}, a part was played by {subject}.",
      ),
      inverse_questions=(
        "Which scientist is known for {value}?",
        "Whose fame rests on {value}?",
      ),
    ),
    Relation(
      name="workplace",
      statements=(
        "{subject} worked in {value}.",
        "{value} was a place of work for {subject}.",
        "Colleagues in {value} knew {subject} well.",
        "Part of the career of {subject} was spent in {value}.",
        "Research took {subject} to {value}.",
        "Visitors to {value} can follow the footsteps of {subject} at work.",
      ),
      questions=(
        "Where did {subject} do research?",
        "In what place could colleagues meet {subject} at work?",
      ),
      mirrors=(
        "{value} was a place of work of {subject}.",
        "Scientists who worked in {value} include {subject}.",
        "The scientific past of {value} includes {subject}.",
        "For research, {value} attracted {subject}.",
      ),
      inverse_questions=("Which scientist did research in {value}?",),
    ),
  ),
)

INVENTIONS = Kind(
  name="inventions",
  table="inventions.tsv",
  introductions=(
    "{subject} counts as an important invention.",
    "Museums of technology tell the story of {subject}.",
    "Many people have made use of {subject}.",
    "As an invention, {subject} had a lasting influence.",
    "Lists of inventions mention {subject}.",
  ),
  relations=(
    Relation(
      name="inventor",
      statements=(
        "{subject} was invented by {value}.",
        "The credit for {subject} goes to {value}.",
        "{value} came up with {subject}.",
        "It was {value} who gave the world {subject}.",
        "We owe {subject} to {value}.",
        "Behind {subject} stands the ingenuity of {value}.",
      ),
      questions=(
        "Who invented {subject}?",
        "To whom does the credit for {subject} go?",
        "Whose idea was {subject}?",
      ),
      mirrors=(
        "{value} is remembered for inventing {subject}.",
        "The ingenuity of {value} lies behind {subject}.",
        "The world thanks {value} for {subject}.",
        "In the history of technology, {value} is linked with {subject}.",
      ),
      inverse_questions=(
        "What was invented by {value}?",
        "For which invention is {value} remembered?",
      ),
    ),
    Relation(
      name="year",
      statements=(
        "{subject} dates from {value}.",
        "The invention of {subject} took place in {value}.",
        "In {value}, {subject} made its appearance.",
        "The year {value} gave the world {subject}.",
        "The history of {subject} goes back to {value}.",
        "Timelines of technology place {subject} in {value}.",
      ),
      questions=(
        "When was {subject} invented?",
        "In which year did {subject} appear?",
      ),
    ),
    Relation(
      name="country",
      statements=(
        "{subject} was invented in {value}.",
        "{value} is the country where {subject} came into being.",
        "The birthplace of {subject} is {value}.",
        "From {value}, {subject} went out into the world.",
        "The early story of {subject} took place in {value}.",
      ),
      questions=(
        "In which country was {subject} invented?",
        "What country does {subject} come from?",
      ),
      mirrors=(
        "{value} gave the world {subject}.",
        "Inventions made in {value} include {subject}.",
        "Technology owes {subject} to {value}.",
        "In {value}, an inventive mind thought of {subject}.",
      ),
    ),
    Relation(
      name="field",
      statements=(
        "{subject} belongs to the field of {value}.",
        "In histories of {value}, {subject} marks a step forward.",
        "The area in which {subject} is used is called {value}.",
        "With {subject}, {value} gained something new.",
        "Experts in {value} know the importance of {subject}.",
      ),
      questions=(
        "Which field did {subject} advance?",
        "To what area of life or technology does {subject} belong?",
      ),
      mirrors=(
        "Inventions in the field of {value} include {subject}.",
        "Progress in {value} came with {subject}.",
        "The history of {value} would be different without {subject}.",
        "Whoever looks into {value} will learn about {subject}.",
      ),
    ),
  ),
)

UNITS = Kind(
  name="units",
  table="units.tsv",
  introductions=(
    "{subject} is a unit of measurement.",
    "Tables of units include {subject}.",
    "Measurements may be given with {subject}.",
    "As a unit, {subject} has a precise definition.",
    "Textbooks define {subject} with care.",
  ),
  relations=(
    Relation(
      name="quantity",
      statements=(
        "{subject} is a unit of {value}.",
        "Scientists use {subject} to measure {value}.",
        "What {subject} measures is {value}.",
        "For {value}, there is {subject}.",
        "Values of {value} can be expressed with {subject}.",
        "The purpose of {subject} is to state {value}.",
      ),
      questions=(
        "Which quantity is measured with {subject}?",
        "What does {subject} serve to measure?",
      ),
      mirrors=(
        "Units for {value} include {subject}.",
        "To measure {value}, one can use {subject}.",
        "Statements about {value} may be made with {subject}.",
        "Science expresses {value} with the help of {subject}.",
      ),
      inverse_questions=("Which unit serves to measure {value}?",),
    ),
    Relation(
      name="named_after",
      statements=(
        "{subject} is named after {value}.",
        "The name of {subject} honours {value}.",
        "With {subject}, science pays tribute to {value}.",
        "{value} gave a name to {subject}.",
        "In {subject} lives on the memory of {value}.",
      ),
      questions=(
        "Whom does the name of {subject} honour?",
        "To whom does {subject} pay tribute?",
      ),
      mirrors=(
        "{value} is honoured in the name of {subject}.",
        "In memory of {value}, scientists speak of {subject}.",
        "The work of {value} is recalled by {subject}.",
        "Units named after {value} include {subject}.",
      ),
      inverse_questions=(
        "Which unit is named after {value}?",
        "What unit honours the memory of {value}?",
      ),
    ),
    Relation(
      name="symbol",
      statements=(
        "Physicists know {value} as the symbol of {subject}.",
        "In print, {value} is the short form of {subject}.",
        "The sign {value} stands for {subject}.",
        "After a number, {value} means {subject}.",
        "Writers save space with {value} in place of {subject}.",
      ),
      questions=(
        "Which symbol stands for {subject}?",
        "How is {subject} shortened in print?",
      ),
      inverse_questions=("Which unit has the symbol {value}?",),
    ),
  ),
)

KINDS: tuple[Kind, ...] = (SCIENTISTS, INVENTIONS, UNITS)
