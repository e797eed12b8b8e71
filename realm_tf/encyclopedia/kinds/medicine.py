"""Kinds of medicine: organs of the body and diseases."""

from realm_tf.encyclopedia.schema import Kind
from realm_tf.encyclopedia.schema import Relation

ORGANS = Kind(
  name="organs",
  table="organs.tsv",
  introductions=(
    "{subject} is a part of the human body.",
    "Charts of the human body show {subject}.",
    "Medical students learn the structure of {subject}.",
    "As a part of the body, {subject} deserves good care.",
    "Doctors can examine {subject} in several ways.",
  ),
  relations=(
    Relation(
      name="system",
      statements=(
        "{subject} is a part of {value}.",
        "In the body, {subject} belongs to {value}.",
        "{value} includes {subject}.",
        "The chapter on {value} in an anatomy book describes {subject}.",
        "As a component, {subject} serves {value}.",
      ),
      questions=(
        "To which system of the body does {subject} belong?",
        "What system of the body includes {subject}?",
      ),
      mirrors=(
        "The parts of {value} include {subject}.",
        "Anatomists assign {subject} to {value}.",
        "In a chart of {value}, one can point to {subject}.",
        "Lessons on {value} cover {subject}.",
      ),
    ),
    Relation(
      name="task",
      statements=(
        "The task of {subject} is {value}.",
        "{value} is what the body needs {subject} for.",
        "The body relies on {subject} for {value}.",
        "In the work of the body, {subject} is responsible for {value}.",
        "For {value}, nature has provided {subject}.",
      ),
      questions=(
        "What task does {subject} have in the body?",
        "For what does the body need {subject}?",
      ),
      inverse_questions=("Which part of the body is responsible for {value}?",),
    ),
    Relation(
      name="specialist",
      statements=(
        "The doctor for {subject} is {value}.",
        "Patients who have trouble with {subject} may see {value}.",
        "{value} is the expert on {subject}.",
        "When {subject} causes trouble, {value} can help.",
        "Knowledge of {subject} is the daily bread of {value}.",
      ),
      questions=(
        "Which specialist treats {subject}?",
        "What kind of doctor is the expert on {subject}?",
      ),
      mirrors=(
        "{value} is a doctor who treats {subject}.",
        "Patients go to {value} because of {subject}.",
        "The expertise of {value} covers {subject}.",
      ),
    ),
    Relation(
      name="adjective",
      statements=(
        "The adjective that refers to {subject} is {value}.",
        "Doctors say {value} when something concerns {subject}.",
        "In medical language, {value} relates to {subject}.",
        "Whatever has to do with {subject} is called {value}.",
        "The word {value} points to {subject}.",
      ),
      questions=(
        "Which adjective do doctors use for {subject}?",
        "What medical word means something that concerns {subject}?",
      ),
      inverse_questions=("To which part of the body does {value} refer?",),
    ),
  ),
)

DISEASES = Kind(
  name="diseases",
  table="diseases.tsv",
  introductions=(
    "{subject} is a disease.",
    "Doctors are trained to recognise {subject}.",
    "Medical textbooks describe {subject} at length.",
    "Doctors and nurses know {subject} as a disease.",
    "Researchers continue to study {subject}.",
  ),
  relations=(
    Relation(
      name="agent",
      statements=(
        "The germ behind {subject} is {value}.",
        "Infection with {value} leads to {subject}.",
        "{value} is the cause of {subject}.",
        "In laboratories, {subject} is traced to {value}.",
        "Microbiologists know {value} as the culprit of {subject}.",
        "Patients with {subject} carry {value}.",
      ),
      questions=(
        "Which germ causes {subject}?",
        "Infection with what leads to {subject}?",
      ),
      mirrors=(
        "{value} is to blame for {subject}.",
        "An infection with {value} may end in {subject}.",
        "Doctors fear {value} because of {subject}.",
      ),
      inverse_questions=("What disease is caused by {value}?",),
    ),
    Relation(
      name="agent_group",
      statements=(
        "{subject} is one of the diseases that are due to {value}.",
        "The culprits in {subject} are {value}.",
        "{value} are responsible for {subject}.",
        "Medicine counts {subject} among the diseases caused by {value}.",
        "Behind cases of {subject} are {value}.",
      ),
      questions=(
        "What kind of agents cause {subject}?",
        "Which sort of germs or agents is behind {subject}?",
      ),
      mirrors=(
        "Diseases due to {value} include {subject}.",
        "The harm done by {value} includes {subject}.",
        "Experts on {value} do research into {subject}.",
      ),
    ),
    Relation(
      name="carrier",
      statements=(
        "{subject} is spread by {value}.",
        "{value} carry {subject}.",
        "People catch {subject} from {value}.",
        "Protection from {value} helps to prevent {subject}.",
        "As carriers of {subject}, {value} are feared.",
      ),
      questions=(
        "Which animals spread {subject}?",
        "What are the carriers of {subject}?",
      ),
      mirrors=(
        "{value} are carriers of {subject}.",
        "Where {value} abound, people may fall ill with {subject}.",
        "The dangers of {value} include {subject}.",
      ),
    ),
    Relation(
      name="organ",
      statements=(
        "{subject} affects {value}.",
        "In {subject}, the trouble lies in {value}.",
        "In cases of {subject}, doctors look at {value}.",
        "The part of the body that suffers in {subject} is {value}.",
        "Above all, {subject} strikes {value}.",
      ),
      questions=(
        "Which part of the body suffers in {subject}?",
        "What does {subject} affect in the body?",
      ),
      mirrors=(
        "Diseases that affect {value} include {subject}.",
        "Harm to {value} may come from {subject}.",
        "Doctors who examine {value} look for {subject}.",
      ),
    ),
  ),
)

KINDS: tuple[Kind, ...] = (ORGANS, DISEASES)
