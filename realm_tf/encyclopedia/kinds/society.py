"""Kinds of society: languages, rulers and sports."""

from realm_tf.encyclopedia.schema import Kind
from realm_tf.encyclopedia.schema import Relation

LANGUAGES = Kind(
  name="languages",
  table="languages.tsv",
  introductions=(
    "{subject} is a language.",
    "Books and songs exist in {subject}.",
    "Dictionaries of {subject} can be found in many libraries.",
    "As a language, {subject} has a history of its own.",
    "Linguists have described the grammar of {subject}.",
  ),
  relations=(
    Relation(
      name="family",
      statements=(
        "{subject} belongs to {value}.",
        "Linguists count {subject} among {value}.",
        "{value} are the relatives of {subject}.",
        "On the tree of languages, {subject} sits with {value}.",
        "In grammar and words, {subject} shows its kinship with {value}.",
        "Whoever compares {value} must look at {subject} too.",
      ),
      questions=(
        "To which group of languages does {subject} belong?",
        "What branch of languages includes {subject}?",
        "Among which languages is {subject} classed?",
      ),
      mirrors=(
        "{value} include {subject}.",
        "Experts on {value} study {subject}.",
        "The kinship of {value} extends to {subject}.",
        "A chart of {value} shows {subject}.",
      ),
      inverse_questions=("Which language is one of {value}?",),
    ),
    Relation(
      name="script",
      statements=(
        "{subject} is written in {value}.",
        "The writing system of {subject} is {value}.",
        "{value} serves to put {subject} on paper.",
        "Those who learn to write {subject} learn {value}.",
        "On signs and in newspapers, {subject} appears in {value}.",
        "For its spelling, {subject} relies on {value}.",
      ),
      questions=(
        "Which writing system does {subject} use?",
        "What must one be able to read in order to read {subject}?",
        "In what letters or signs is {subject} printed?",
      ),
      mirrors=(
        "{value} is used to write {subject}.",
        "Texts in {value} may be in {subject}.",
        "Printers who work with {value} can set {subject}.",
        "Writers of {subject} make use of {value}.",
      ),
      inverse_questions=(
        "Which language is written in {value}?",
        "For which language is {value} used?",
      ),
    ),
    Relation(
      name="country",
      statements=(
        "{subject} is spoken in {value}.",
        "Many people in {value} speak {subject}.",
        "{value} is a country where one hears {subject}.",
        "Travellers in {value} will hear {subject}.",
        "The speakers of {subject} include many people in {value}.",
        "Families in {value} pass {subject} on to their children.",
      ),
      questions=(
        "In which country do many people speak {subject}?",
        "Where would a traveller hear {subject}?",
      ),
      mirrors=(
        "In {value}, people speak {subject}.",
        "The linguistic life of {value} includes {subject}.",
        "Visitors to {value} may hear {subject}.",
        "{value} is home to speakers of {subject}.",
      ),
    ),
  ),
)

RULERS = Kind(
  name="rulers",
  table="rulers.tsv",
  introductions=(
    "{subject} was a ruler.",
    "{subject} is a name from the history books.",
    "Historians have written at length about {subject}.",
    "As a ruler, {subject} left a mark on history.",
    "Coins and portraits show what {subject} looked like.",
  ),
  relations=(
    Relation(
      name="country",
      statements=(
        "{subject} reigned over {value}.",
        "{value} was the realm of {subject}.",
        "The crown of {value} was worn by {subject}.",
        "At the head of {value} once stood {subject}.",
        "In the history of {value}, {subject} has a chapter as ruler.",
        "The people of {value} were the subjects of {subject}.",
      ),
      questions=(
        "Which realm was governed by {subject}?",
        "Of what land was {subject} the ruler?",
        "Over which people or state did {subject} hold power?",
      ),
      mirrors=(
        "{value} was once ruled by {subject} from its throne.",
        "The rulers of {value} include {subject} among others.",
        "In the past, {value} obeyed {subject} as its head of state.",
        "Schoolbooks on {value} have {subject} on their pages.",
      ),
      inverse_questions=("Who was once the ruler of {value}?",),
    ),
    Relation(
      name="house",
      statements=(
        "{subject} belonged to {value}.",
        "The family of {subject} was {value}.",
        "{value} is the royal line that counts {subject} as its own.",
        "By descent, {subject} was a member of {value}.",
        "Genealogists place {subject} in {value}.",
        "The power of {value} passed at one time to {subject}.",
      ),
      questions=(
        "Which dynasty or house was {subject} a member of?",
        "What was the ruling family of {subject}?",
        "To what royal line did {subject} belong?",
      ),
      mirrors=(
        "Members of {value} include {subject} among others.",
        "{value} saw {subject} come to power.",
        "The family tree of {value} has {subject} on its branches.",
        "In the ranks of {value}, {subject} had a place.",
      ),
      inverse_questions=("Which ruler came from {value}?",),
    ),
    Relation(
      name="successor",
      statements=(
        "{subject} was succeeded by {value}.",
        "After {subject}, power went to {value}.",
        "{value} followed {subject} on the throne.",
        "When the reign of {subject} was over, that of {value} began.",
        "The next ruler after {subject} was {value}.",
        "In the line of rulers, {subject} comes just before {value}.",
      ),
      questions=(
        "Who came to power after {subject}?",
        "Who was the successor of {subject}?",
        "To whom did the throne pass from {subject}?",
      ),
      mirrors=(
        "{value} came after {subject} on the throne.",
        "In the seat of power, {subject} made way for {value} in the end.",
        "The throne of {value} had belonged to {subject} before.",
        "{value} took over from {subject} as ruler.",
      ),
      inverse_questions=(
        "Whom did {value} succeed?",
        "Who ruled directly before {value}?",
      ),
    ),
    Relation(
      name="accession",
      statements=(
        "{subject} came to power in {value}.",
        "The reign of {subject} began in {value}.",
        "In {value}, {subject} took the throne.",
        "The year {value} made {subject} a ruler.",
        "{value} is the first year of the rule of {subject}.",
        "Chronicles of {subject} as a ruler open with {value}.",
      ),
      questions=(
        "When did {subject} become a ruler?",
        "In which year did the reign of {subject} start?",
        "What year brought {subject} to the throne?",
      ),
    ),
  ),
)

SPORTS = Kind(
  name="sports",
  table="sports.tsv",
  introductions=(
    "{subject} is a sport.",
    "Athletes train for years to excel at {subject}.",
    "Clubs in many places offer {subject}.",
    "Crowds gather to watch {subject}.",
    "There are championships in {subject}.",
  ),
  relations=(
    Relation(
      name="players",
      statements=(
        "In {subject}, each side has {value} players.",
        "A full team in {subject} counts {value} players.",
        "{value} is the number of players on a side in {subject}.",
        "To field a team in {subject}, a coach needs {value} players.",
        "The rules of {subject} allow {value} players a side.",
      ),
      questions=(
        "How many players does a team in {subject} have?",
        "What is the size of a side in {subject}?",
      ),
    ),
    Relation(
      name="country",
      statements=(
        "The modern form of {subject} arose in {value}.",
        "{value} is the birthplace of modern {subject}.",
        "From {value}, {subject} spread to other places.",
        "Historians of sport trace {subject} back to {value}.",
        "It was in {value} that {subject} received its shape.",
      ),
      questions=(
        "Where did {subject} originate?",
        "Which country gave the world {subject}?",
      ),
      mirrors=(
        "{value} gave the world of sport {subject}.",
        "The sporting inventions of {value} include {subject}.",
        "Athletes everywhere thank {value} for {subject}.",
      ),
    ),
    Relation(
      name="equipment",
      statements=(
        "Without {value}, nobody can practise {subject}.",
        "To take part in {subject}, one needs {value}.",
        "For {subject}, athletes make use of {value}.",
        "On the list of gear for {subject} stands {value}.",
        "What marks out {subject} is the use of {value}.",
      ),
      questions=(
        "What piece of equipment does {subject} call for?",
        "What do people use when they practise {subject}?",
      ),
    ),
    Relation(
      name="venue",
      statements=(
        "{subject} takes place on {value}.",
        "The ground for {subject} is known as {value}.",
        "In the language of {subject}, {value} is the place of action.",
        "Before an event in {subject}, somebody must prepare {value}.",
        "Anyone who takes up {subject} will need {value} to do it on.",
      ),
      questions=(
        "What is the playing area of {subject} called?",
        "On what does {subject} take place?",
      ),
    ),
  ),
)

KINDS: tuple[Kind, ...] = (LANGUAGES, RULERS, SPORTS)
