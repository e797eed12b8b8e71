"""Kinds of science and engineering: elements, planets, moons, inventions."""

from realm_tf.encyclopedia.schema import Kind
from realm_tf.encyclopedia.schema import Relation

# No sentence ends in a symbol: "C." would pass for an initial.
_SYMBOL = Relation(
  name="symbol",
  statements=(
    "In formulas, {value} stands for {subject}.",
    "Chemists write {value} when they mean {subject}.",
    "The sign {value} denotes {subject} in chemistry.",
    "As its symbol, {subject} has {value} in the periodic table.",
    "{subject} is abbreviated {value} in equations.",
    "A jar marked {value} should hold {subject} and nothing else.",
  ),
  questions=(
    "What is the chemical symbol of {subject}?",
    "How is {subject} represented in a chemical formula?",
    "What abbreviation do chemists use for {subject}?",
  ),
  inverse_questions=(
    "Which element has the symbol {value}?",
    "What substance does {value} refer to in a chemical formula?",
  ),
)

_ATOMIC_NUMBER = Relation(
  name="atomic_number",
  statements=(
    "{subject} has the atomic number {value}.",
    "The count of protons in each nucleus of {subject} is {value}.",
    "In the periodic table, {subject} occupies box {value}.",
    "With a nuclear charge of {value}, {subject} has its place in nature.",
    "Counted from the lightest kind of atom, {subject} is number {value}.",
    "Whoever counts the electrons of a neutral atom of {subject} gets {value}.",
  ),
  questions=(
    "How many protons are there in the nucleus of {subject}?",
    "At which number does {subject} stand in the periodic table?",
    "What is the atomic number of {subject}?",
  ),
  inverse_questions=(
    "Which element has the atomic number {value}?",
    "Which element has a proton count of {value}?",
  ),
)

_ELEMENT_DISCOVERER = Relation(
  name="discoverer",
  statements=(
    "{subject} was discovered by {value}.",
    "Credit for finding {subject} goes to {value}.",
    "The world owes its knowledge of {subject} to {value}.",
    "Work in the laboratory led {value} to {subject}.",
    "{value} first recognised {subject} as something new.",
    "The hunt for {subject} ended with the success of {value}.",
  ),
  questions=(
    "Who discovered {subject}?",
    "Which chemist or physicist is credited with the discovery of {subject}?",
    "To whom do we owe the identification of {subject}?",
  ),
  mirrors=(
    "{value} earned a place in chemistry with the discovery of {subject}.",
    "The name of {value} is tied to the history of {subject}.",
    "Textbooks praise {value} for bringing {subject} to light.",
    "Research by {value} added {subject} to the list of known elements.",
  ),
)

_GROUP = Relation(
  name="group",
  statements=(
    "{subject} belongs to {value}.",
    "Chemists class {subject} with {value}.",
    "The place of {subject} in the periodic table is with {value}.",
    "One heading that covers {subject} and its kin is {value}.",
    "A lesson on {value} would not be complete without {subject}.",
    "Anyone who lists {value} has to name {subject} as well.",
  ),
  questions=(
    "To which family of elements does {subject} belong?",
    "Which part of the periodic table includes {subject}?",
    "Among which elements is {subject} reckoned?",
  ),
  mirrors=(
    "The ranks of {value} include {subject}.",
    "Chapters on {value} treat {subject} at some length.",
    "In a chart of {value} one can point to {subject}.",
    "Whoever studies {value} learns about {subject}.",
  ),
)

CHEMICAL_ELEMENTS = Kind(
  name="chemical_elements",
  table="chemical_elements.tsv",
  introductions=(
    "{subject} is a chemical element.",
    "The periodic table has a place for {subject}.",
    "Chemistry students soon hear of {subject}.",
    "No chemical reaction can split {subject} into simpler substances.",
    "Physicists have measured the properties of {subject}.",
  ),
  relations=(_SYMBOL, _ATOMIC_NUMBER, _ELEMENT_DISCOVERER, _GROUP),
)

_ORBITS = Relation(
  name="orbits",
  statements=(
    "{subject} orbits {value}.",
    "Gravity keeps {subject} on its path around {value}.",
    "At the centre of the orbit of {subject} one finds {value}.",
    "Round and round {value} travels {subject} without pause.",
    "{subject} is bound by gravity to {value} as its companion in space.",
    "{value} holds {subject} captive with its pull.",
  ),
  questions=(
    "Around which body does {subject} revolve?",
    "What does {subject} circle in space?",
    "Whose attraction keeps {subject} from drifting away?",
  ),
  mirrors=(
    "The attraction of {value} governs the motion of {subject}.",
    "Around {value} moves a family of bodies that includes {subject}.",
    "From {value}, astronomers reckon the orbital distance of {subject}.",
    "Close companions or distant followers of {value} include {subject}.",
  ),
  inverse_questions=("Which body revolves around {value}?",),
)

_BODY_DISCOVERER = Relation(
  name="discoverer",
  statements=(
    "{subject} was discovered by {value}.",
    "The first sighting of {subject} is the merit of {value}.",
    "Astronomy thanks {value} for finding {subject}.",
    "Patient study of the sky led {value} to {subject}.",
    "{value} added {subject} to the catalogue of the heavens.",
    "The discovery of {subject} made news thanks to {value}.",
  ),
  questions=(
    "Who discovered {subject}?",
    "Which astronomer first told of the existence of {subject}?",
    "Through whose observations did {subject} become known?",
  ),
  mirrors=(
    "The sky as seen by {value} held something new in {subject}.",
    "Among the achievements of {value} is the discovery of {subject}.",
    "{value} told the world about {subject}.",
    "Biographies of {value} dwell on the finding of {subject}.",
  ),
)

_DISCOVERY_YEAR = Relation(
  name="discovery_year",
  statements=(
    "{subject} was discovered in {value}.",
    "Astronomers first learned of {subject} in {value}.",
    "The year {value} brought the discovery of {subject}.",
    "Before {value}, nobody had identified {subject}.",
    "Since {value}, {subject} has been part of human knowledge.",
    "Reports of the finding of {subject} date back to {value}.",
  ),
  questions=(
    "When was {subject} found?",
    "In which year did {subject} come to the notice of science?",
    "What is the date of the discovery of {subject}?",
  ),
)

PLANETS_AND_MOONS = Kind(
  name="planets_and_moons",
  table="planets_and_moons.tsv",
  introductions=(
    "{subject} is a body of the solar system.",
    "Astronomers keep an eye on {subject}.",
    "Books on astronomy describe {subject}.",
    "Telescopes and space probes have gathered data on {subject}.",
    "There is much left to learn about {subject}.",
  ),
  relations=(_ORBITS, _BODY_DISCOVERER, _DISCOVERY_YEAR),
)

_INVENTOR = Relation(
  name="inventor",
  statements=(
    "{subject} was invented by {value}.",
    "The idea of {subject} came from {value}.",
    "{value} gave {subject} to the world.",
    "Behind {subject} stands the ingenuity of {value}.",
    "People who look for the origin of {subject} come upon {value}.",
    "Encyclopedias list {value} under the heading of {subject}.",
  ),
  questions=(
    "Who invented {subject}?",
    "Whose brainchild was {subject}?",
    "To whom is {subject} credited?",
  ),
  mirrors=(
    "{value} won lasting fame with {subject}.",
    "Among the achievements of {value} one counts {subject}.",
    "The life story of {value} is linked with the birth of {subject}.",
    "Thanks to {value}, the world came to know {subject}.",
  ),
  inverse_questions=(
    "For which invention is {value} remembered?",
    "What did {value} invent?",
  ),
)

_INVENTION_YEAR = Relation(
  name="year",
  statements=(
    "{subject} dates from {value}.",
    "The year of birth of {subject} is {value}.",
    "In {value}, {subject} came into being.",
    "It was {value} when {subject} was devised.",
    "The story of {subject} opens in {value} with a bright idea.",
    "Histories of technology enter {subject} under {value}.",
  ),
  questions=(
    "When was {subject} invented?",
    "In which year did {subject} originate?",
    "What date do historians give for the invention of {subject}?",
  ),
)

_INVENTION_COUNTRY = Relation(
  name="country",
  statements=(
    "The invention of {subject} is a source of pride for {value}.",
    "The mind that conceived {subject} belonged to {value}.",
    "{value} was the homeland of whoever devised {subject}.",
    "Inventive people from {value} gave rise to {subject}.",
    "Whoever thought up {subject} hailed from {value}.",
    "Among the nations, {value} claims the creator of {subject}.",
  ),
  questions=(
    "From which country came the inventor of {subject}?",
    "What was the native land of the maker of {subject}?",
    "Which nation can boast of having brought forth {subject}?",
  ),
  mirrors=(
    "Inventors from {value} are responsible for {subject}.",
    "Technical museums in {value} may tell the story of {subject}.",
    "The inventive spirit of {value} shows in {subject}.",
    "To the talents of {value} humanity owes {subject}.",
  ),
)

INVENTIONS = Kind(
  name="inventions",
  table="inventions.tsv",
  introductions=(
    "{subject} is a well-known invention.",
    "Somebody had to think of {subject} first.",
    "The history of technology has a chapter on {subject}.",
    "Much has been written about the beginnings of {subject}.",
    "Patience and clever thinking went into {subject}.",
  ),
  relations=(_INVENTOR, _INVENTION_YEAR, _INVENTION_COUNTRY),
)

KINDS: tuple[Kind, ...] = (CHEMICAL_ELEMENTS, PLANETS_AND_MOONS, INVENTIONS)
