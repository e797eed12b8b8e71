"""Kinds of chemistry: the elements and the minerals they are found in."""

from realm_tf.encyclopedia.schema import Kind
from realm_tf.encyclopedia.schema import Relation

CHEMICAL_ELEMENTS = Kind(
  name="chemical_elements",
  table="chemical_elements.tsv",
  introductions=(
    "{subject} is a chemical element.",
    "As a chemical element, {subject} cannot be broken down by chemistry.",
    "Modern periodic tables have a tile for {subject}.",
    "All atoms of {subject} carry the same number of protons.",
    "Chemistry students learn about {subject} at some point.",
  ),
  relations=(
    Relation(
      name="symbol",
      statements=(
        "Chemistry has {value} as the symbol of {subject}.",
        "Chemists write {value} when they mean {subject}.",
        "In formulas, {value} takes the place of {subject}.",
        "The letters {value} stand for {subject} in chemistry.",
        "Periodic tables use {value} as the short form of {subject}.",
        "Whoever reads {value} in a formula should think of {subject}.",
      ),
      questions=(
        "Which symbol do formulas use for {subject}?",
        "How is {subject} abbreviated in the periodic table?",
        "What is the chemical abbreviation of {subject}?",
      ),
      inverse_questions=(
        "Which element has the symbol {value}?",
        "What element is abbreviated to {value}?",
      ),
    ),
    Relation(
      name="atomic_number",
      statements=(
        "The atomic number of {subject} is {value}.",
        "In the periodic table, {subject} has place {value}.",
        "With {value} on its tile, {subject} is easy to spot in the table.",
        "An atom with nuclear charge {value} is an atom of {subject}.",
        "Counting protons, one arrives at {value} for {subject}.",
        "The number {value} in the periodic table belongs to {subject}.",
      ),
      questions=(
        "Which atomic number belongs to {subject}?",
        "What is the proton count of {subject}?",
        "Under which number is {subject} listed in the periodic table?",
      ),
      inverse_questions=(
        "Which element has the atomic number {value}?",
        "What element has a proton count of {value}?",
      ),
    ),
    Relation(
      name="family",
      statements=(
        "{subject} belongs to {value}.",
        "Chemists count {subject} among {value}.",
        "Among {value} we find {subject}.",
        "The relatives of {subject} in the periodic table are {value}.",
        "In textbooks, the chapter on {value} treats {subject}.",
        "Chemical behaviour places {subject} with {value}.",
      ),
      questions=(
        "Which family of elements includes {subject}?",
        "To what group of elements do chemists assign {subject}?",
      ),
      mirrors=(
        "The elements known as {value} include {subject}.",
        "A chemist who studies {value} will meet {subject}.",
        "Textbooks list {subject} under {value}.",
        "Anyone who names {value} has to mention {subject}.",
      ),
    ),
    Relation(
      name="period",
      statements=(
        "{subject} stands in {value} of the periodic table.",
        "The row of the table that holds {subject} is {value}.",
        "In {value}, one of the squares belongs to {subject}.",
        "Going along {value}, the eye comes upon {subject}.",
        "The table of elements places {subject} in {value}.",
      ),
      questions=(
        "In which period of the table is {subject} placed?",
        "What row of the periodic table contains {subject}?",
      ),
      mirrors=(
        "In the periodic table, {value} contains {subject}.",
        "The row called {value} has a square for {subject}.",
        "Whoever reads along {value} passes {subject}.",
      ),
    ),
    Relation(
      name="discoverer",
      statements=(
        "{subject} was discovered by {value}.",
        "Credit for finding {subject} goes to {value}.",
        "Science owes the discovery of {subject} to {value}.",
        "The name of {value} is linked with the discovery of {subject}.",
        "It was the work of {value} that revealed {subject}.",
        "To {value} fell the honour of discovering {subject}.",
      ),
      questions=(
        "Who discovered {subject}?",
        "Whose work brought {subject} to light?",
        "To whom do we owe the finding of {subject}?",
      ),
      mirrors=(
        "{value} took part in the discovery of {subject}.",
        "The chemical finds of {value} include {subject}.",
        "Histories of the elements name {value} as a finder of {subject}.",
        "Chemistry thanks {value} for {subject}.",
      ),
      inverse_questions=(
        "Which element was discovered by {value}?",
        "For the discovery of which element is {value} remembered?",
      ),
    ),
    Relation(
      name="year",
      statements=(
        "{subject} was discovered in {value}.",
        "The discovery of {subject} dates from {value}.",
        "In {value}, science gained {subject}.",
        "Since {value}, chemists have known of {subject}.",
        "The year {value} saw {subject} join the known elements.",
        "Nobody could name {subject} as an element before {value}.",
      ),
      questions=(
        "When was {subject} discovered?",
        "In which year did {subject} become known to science?",
      ),
    ),
    Relation(
      name="country",
      statements=(
        "{subject} was discovered in {value}.",
        "The laboratory that first found {subject} stood in {value}.",
        "{value} was the place where {subject} was first identified.",
        "Researchers at work in {value} were the first to find {subject}.",
        "The story of {subject} as an element begins in {value}.",
      ),
      questions=(
        "In which country was {subject} discovered?",
        "Where did researchers first identify {subject}?",
      ),
      mirrors=(
        "Laboratories in {value} gave chemistry {subject}.",
        "{value} was the scene of the discovery of {subject}.",
        "The elements that were first found in {value} include {subject}.",
        "Chemical discoveries made in {value} include {subject}.",
      ),
    ),
    Relation(
      name="named_after",
      statements=(
        "{subject} is named after {value}.",
        "The name of {subject} goes back to {value}.",
        "In its name, {subject} recalls {value}.",
        "The word for {subject} was formed in memory of {value}.",
        "It is {value} that stands behind the name of {subject}.",
        "Those who christened {subject} thought of {value}.",
      ),
      questions=(
        "What or whom does the name of {subject} recall?",
        "Where does {subject} get its name from?",
      ),
      mirrors=(
        "The memory of {value} lives in the name of {subject}.",
        "From {value} comes the name of {subject}.",
        "The periodic table recalls {value} with {subject}.",
        "A trace of {value} survives in the name of {subject}.",
      ),
      inverse_questions=(
        "Which element is named after {value}?",
        "In the name of which element does {value} live on?",
      ),
    ),
  ),
)

MINERALS = Kind(
  name="minerals",
  table="minerals.tsv",
  introductions=(
    "{subject} is a mineral.",
    "Collectors keep samples of {subject} in their cabinets.",
    "As a mineral, {subject} occurs in nature.",
    "Museums of geology show {subject}.",
    "Geologists recognise {subject} by its properties.",
  ),
  relations=(
    Relation(
      name="element",
      statements=(
        "{subject} contains {value}.",
        "An analysis of {subject} turns up {value}.",
        "{value} is one of the elements that make up {subject}.",
        "Without {value}, there would be no {subject}.",
        "Atoms of {value} are built into {subject}.",
        "The formula of {subject} includes the element {value}.",
      ),
      questions=(
        "Which element is characteristic of {subject}?",
        "What element does an analysis of {subject} turn up?",
      ),
      mirrors=(
        "{value} is present in {subject}.",
        "In nature, {value} is bound in {subject}.",
        "Geologists meet {value} in {subject}.",
        "The mineral world holds {value} in {subject}.",
      ),
    ),
    Relation(
      name="class",
      statements=(
        "{subject} belongs to {value}.",
        "In mineralogy, {subject} is placed among {value}.",
        "The mineral class of {subject} is that of {value}.",
        "Museum drawers marked for {value} hold {subject}.",
        "Among {value}, mineralogists list {subject}.",
      ),
      questions=(
        "To which class of minerals does {subject} belong?",
        "Among what minerals is {subject} grouped?",
      ),
      mirrors=(
        "Minerals counted among {value} include {subject}.",
        "The class of {value} takes in {subject}.",
        "A collection of {value} would hold {subject}.",
      ),
    ),
    Relation(
      name="hardness",
      statements=(
        "On the scale of Mohs, {subject} has hardness {value}.",
        "The Mohs hardness of {subject} is {value}.",
        "Hardness {value} on the scale of Mohs is set by {subject}.",
        "Mohs chose {subject} to mark step {value} of hardness.",
        "When hardness is measured, {subject} stands for step {value}.",
      ),
      questions=(
        "How hard is {subject} on the scale of Mohs?",
        "Which step of the Mohs scale is marked by {subject}?",
      ),
      inverse_questions=("Which mineral marks hardness {value}?",),
    ),
    Relation(
      name="colour",
      statements=(
        "The typical colour of {subject} is {value}.",
        "Most pieces of {subject} look {value}.",
        "In a display case, {subject} stands out as {value}.",
        "Ask for the usual colour of {subject}, and the answer is {value}.",
        "Nature has made {subject} mostly {value}.",
      ),
      questions=(
        "What colour is {subject} usually?",
        "Which colour is typical of {subject}?",
      ),
    ),
    Relation(
      name="crystal_system",
      statements=(
        "{subject} forms crystals of the {value} system.",
        "Crystals of {subject} are {value}.",
        "The symmetry of {subject} is described as {value}.",
        "Crystallographers use the word {value} for {subject}.",
        "In the {value} system, one finds crystals of {subject}.",
      ),
      questions=(
        "To which crystal system does {subject} belong?",
        "How do crystallographers describe the symmetry of {subject}?",
      ),
    ),
  ),
)

KINDS: tuple[Kind, ...] = (CHEMICAL_ELEMENTS, MINERALS)
