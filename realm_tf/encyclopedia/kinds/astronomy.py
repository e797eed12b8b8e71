"""The kind of the bodies of the solar system."""

from realm_tf.encyclopedia.schema import Kind
from realm_tf.encyclopedia.schema import Relation

PLANETS_AND_MOONS = Kind(
  name="planets_and_moons",
  table="planets_and_moons.tsv",
  introductions=(
    "{subject} is a body of the solar system.",
    "Astronomers have studied {subject} with telescopes.",
    "As a member of the solar system, {subject} is always in motion.",
    "Maps of the solar system include {subject}.",
    "Books on astronomy describe {subject}.",
  ),
  relations=(
    Relation(
      name="orbits",
      statements=(
        "{subject} orbits {value}.",
        "The gravity of {value} holds {subject} on its path.",
        "{value} is the body that {subject} revolves around.",
        "Again and again, {subject} completes a circuit of {value}.",
        "Around {value} moves {subject}.",
        "At the centre of the path of {subject} lies {value}.",
      ),
      questions=(
        "Around which body does {subject} move?",
        "What does {subject} revolve around?",
        "Whose gravity keeps {subject} on its path?",
      ),
      mirrors=(
        "{value} is orbited by {subject}.",
        "The companions of {value} in space include {subject}.",
        "With its gravity, {value} holds {subject}.",
        "Paths around {value} are followed by {subject}.",
      ),
      inverse_questions=("Which body revolves around {value}?",),
    ),
    Relation(
      name="discoverer",
      statements=(
        "{subject} was discovered by {value}.",
        "Astronomy owes {subject} to {value}.",
        "The first sighting of {subject} is credited to {value}.",
        "{value} made {subject} known to the world.",
        "In lists of discoveries, {subject} stands beside {value}.",
        "Thanks to {value}, astronomers know of {subject}.",
      ),
      questions=(
        "Who or what discovered {subject}?",
        "To whom or what is the sighting of {subject} credited?",
      ),
      mirrors=(
        "{value} is credited with discovering {subject}.",
        "The discoveries of {value} include {subject}.",
        "Astronomy thanks {value} for finding {subject}.",
        "In the history of astronomy, {value} is linked with {subject}.",
      ),
      inverse_questions=(
        "Which body of the solar system was discovered by {value}?",
      ),
    ),
    Relation(
      name="year",
      statements=(
        "{subject} was discovered in {value}.",
        "The discovery of {subject} took place in {value}.",
        "Since {value}, {subject} has been known to astronomers.",
        "In {value}, the list of known bodies grew by {subject}.",
        "Until {value}, no catalogue could mention {subject}.",
        "The year {value} brought {subject} into the light of astronomy.",
      ),
      questions=(
        "When was {subject} discovered?",
        "In which year did astronomers learn of {subject}?",
      ),
    ),
    Relation(
      name="group",
      statements=(
        "{subject} is one of {value}.",
        "Astronomers count {subject} among {value}.",
        "Among {value} we find {subject}.",
        "The group of bodies that takes in {subject} is that of {value}.",
        "A list of {value} is not complete without {subject}.",
      ),
      questions=(
        "Among which bodies do astronomers count {subject}?",
        "What group of bodies includes {subject}?",
      ),
      mirrors=(
        "Astronomers use the term {value} for bodies such as {subject}.",
        "A chapter on {value} has to mention {subject}.",
        "The ranks of {value} include {subject}.",
      ),
    ),
    Relation(
      name="name_source",
      statements=(
        "The name of {subject} comes from {value}.",
        "Readers of {value} will recognise the name of {subject}.",
        "{value} supplied the name of {subject}.",
        "A figure of {value} lent its name to {subject}.",
        "For the name of {subject}, astronomers turned to {value}.",
        "Whoever chose the name of {subject} had {value} in mind.",
      ),
      questions=(
        "From which stories or work was the name of {subject} taken?",
        "Where did astronomers find the name of {subject}?",
      ),
      mirrors=(
        "{value} is the source of the name of {subject}.",
        "Astronomers looked to {value} when they named {subject}.",
        "In the solar system, {value} is recalled by {subject}.",
        "Names borrowed from {value} include that of {subject}.",
      ),
      inverse_questions=(
        "Which body of the solar system got its name from {value}?",
      ),
    ),
    Relation(
      name="feature",
      statements=(
        "A well-known feature of {subject} is {value}.",
        "{value} can be seen on images of {subject}.",
        "Maps and images of {subject} show {value}.",
        "Astronomers who study {subject} know {value}.",
        "Among the sights of {subject} we find {value}.",
        "Only {subject} can boast of {value}.",
      ),
      questions=(
        "What feature is {subject} known for?",
        "Which named sight can be found on {subject}?",
      ),
      mirrors=(
        "Astronomers find {value} on {subject}.",
        "To see {value}, one needs images of {subject}.",
        "Space probes that look for {value} have to visit {subject}.",
      ),
      inverse_questions=(
        "On which body of the solar system do astronomers find {value}?",
        "Where in the solar system would one look for {value}?",
      ),
    ),
  ),
)

KINDS: tuple[Kind, ...] = (PLANETS_AND_MOONS,)
