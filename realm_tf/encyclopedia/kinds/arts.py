"""Kinds of the visual arts: painters, paintings, buildings and films."""

from realm_tf.encyclopedia.kinds.life_relations import birth_country
from realm_tf.encyclopedia.kinds.life_relations import birth_year
from realm_tf.encyclopedia.kinds.life_relations import birthplace
from realm_tf.encyclopedia.schema import Kind
from realm_tf.encyclopedia.schema import Relation

PAINTERS = Kind(
  name="painters",
  table="painters.tsv",
  introductions=(
    "{subject} is known to every friend of painting.",
    "{subject} belongs to the great names of art.",
    "Museums all over the world collect the works of {subject}.",
    "As a painter, {subject} left works that are still admired.",
    "Exhibitions of works by {subject} draw large crowds.",
  ),
  relations=(
    birth_country("painter"),
    birthplace("painter"),
    birth_year("painter"),
    Relation(
      name="movement",
      statements=(
        "{subject} was an artist of {value}.",
        "The paintings of {subject} belong to {value}.",
        "{value} is the chapter of art history in which {subject} appears.",
        "Critics see in {value} the home of {subject}.",
        "The style of {subject} is connected with {value}.",
        "Whoever looks at the works of {subject} is looking at {value}.",
      ),
      questions=(
        "Which artistic movement or period is {subject} linked with?",
        "To what chapter of art history does {subject} belong?",
        "What movement do the paintings of {subject} represent?",
      ),
      mirrors=(
        "Painters of {value} include {subject}.",
        "In painting, {value} is represented by {subject}.",
        "The art of {value} was shaped by {subject}.",
        "Works by {subject} show the art of {value} at its best.",
      ),
    ),
  ),
)

PAINTINGS = Kind(
  name="paintings",
  table="paintings.tsv",
  introductions=(
    "{subject} is a painting.",
    "{subject} has been reproduced countless times.",
    "Books on the history of art show {subject}.",
    "Lovers of art travel far to see {subject}.",
    "As a work of art, {subject} is known around the world.",
  ),
  relations=(
    Relation(
      name="painter",
      statements=(
        "{subject} was painted by {value}.",
        "{value} is the artist behind {subject}.",
        "The hand that made {subject} was that of {value}.",
        "We owe {subject} to the brush of {value}.",
        "Art historians attribute {subject} to {value}.",
        "Among pictures by {value}, {subject} is one of the best known.",
      ),
      questions=(
        "Who painted {subject}?",
        "Which artist made {subject}?",
        "Whose brush do we owe {subject} to?",
      ),
      mirrors=(
        "{value} painted {subject}.",
        "The paintings of {value} include {subject}.",
        "From the brush of {value} came {subject}.",
        "{value} is famous as the painter of {subject}.",
        "Anyone who admires {value} knows {subject}.",
      ),
      inverse_questions=(
        "Which painting is the work of {value}?",
        "What did {value} paint?",
      ),
    ),
    Relation(
      name="museum",
      statements=(
        "{subject} is kept in {value}.",
        "Visitors to {value} can see {subject}.",
        "The home of {subject} is {value}.",
        "{value} is where {subject} is on view.",
        "To stand before {subject}, one must go to {value}.",
        "Of all collections, the one with {subject} is that of {value}.",
      ),
      questions=(
        "Which collection or building holds {subject}?",
        "Where is {subject} on display?",
        "In which museum or building is {subject} kept?",
      ),
      mirrors=(
        "The treasures of {value} include {subject}.",
        "Those who walk through {value} come upon {subject}.",
        "People queue at {value} for {subject}.",
        "Guides in {value} lead the way to {subject}.",
      ),
      inverse_questions=(
        "Which painting can be seen in {value}?",
        "What painting is the pride of {value}?",
      ),
    ),
    Relation(
      name="city",
      statements=(
        "Travellers find {subject} in the city of {value}.",
        "{value} is the city where {subject} can be seen.",
        "The painting {subject} is one of the sights of {value}.",
        "Anyone who wants to see {subject} should travel to {value}.",
        "For decades, {subject} has drawn art lovers to {value}.",
      ),
      questions=(
        "To which city must one travel to see {subject}?",
        "In what city is the painting {subject}?",
      ),
      mirrors=(
        "{value} attracts lovers of painting with {subject}.",
        "The art on view in {value} includes {subject}.",
        "In {value}, tourists can admire {subject}.",
        "Art lovers who visit {value} should not miss {subject}.",
      ),
    ),
  ),
)

BUILDINGS_AND_MONUMENTS = Kind(
  name="buildings_and_monuments",
  table="buildings_and_monuments.tsv",
  introductions=(
    "{subject} is a famous sight.",
    "{subject} is visited by travellers from all over the world.",
    "Books on architecture describe {subject}.",
    "Pictures of {subject} are known around the world.",
    "As a monument, {subject} has become a symbol.",
  ),
  relations=(
    Relation(
      name="city",
      statements=(
        "{subject} stands in {value}.",
        "{value} is the place where {subject} was built.",
        "The location of {subject} is {value}.",
        "To see {subject}, travellers go to {value}.",
        "Postcards from {value} show {subject}.",
        "On a map of {value}, {subject} is easy to find.",
      ),
      questions=(
        "In which city or town is {subject}?",
        "Where does {subject} stand?",
        "What place should one visit to see {subject}?",
      ),
      mirrors=(
        "{value} is home to {subject}.",
        "The sights of {value} include {subject}.",
        "Tourists come to {value} to see {subject}.",
        "A walk through {value} should lead to {subject}.",
      ),
      inverse_questions=(
        "Which famous building or monument stands in {value}?",
        "For which sight is {value} known?",
      ),
    ),
    Relation(
      name="country",
      statements=(
        "{subject} is in {value}.",
        "The country that is home to {subject} is {value}.",
        "Among the sights of {value}, {subject} has a place of honour.",
        "{value} has in {subject} a landmark of its own.",
        "A journey to {value} offers the chance to see {subject}.",
        "It is in {value} that {subject} can be found.",
      ),
      questions=(
        "In which country is {subject}?",
        "To what country would one travel to see {subject}?",
        "Which country is {subject} a landmark of?",
      ),
      mirrors=(
        "The landmarks of {value} include {subject}.",
        "{value} draws visitors to {subject}.",
        "A tour of {value} may lead to {subject}.",
        "Guidebooks to {value} describe {subject}.",
      ),
    ),
    Relation(
      name="architect",
      statements=(
        "{subject} was designed by {value}.",
        "{value} drew the plans for {subject}.",
        "The design of {subject} is the work of {value}.",
        "It was {value} who gave {subject} its form.",
        "As architecture, {subject} is credited to {value}.",
        "Behind the look of {subject} stands {value}.",
      ),
      questions=(
        "Who was the architect of {subject}?",
        "Who drew the plans of {subject}?",
        "To whom is the design of {subject} credited?",
      ),
      mirrors=(
        "{value} designed {subject}.",
        "The buildings of {value} include {subject}.",
        "{value} is remembered as the architect of {subject}.",
        "The ideas of {value} took shape in {subject}.",
      ),
      inverse_questions=(
        "Which building or monument did {value} design?",
        "For which structure is the architect {value} known?",
      ),
    ),
    Relation(
      name="style",
      statements=(
        "{subject} is a work of {value}.",
        "Architects regard {subject} as an example of {value}.",
        "In style, {subject} belongs to {value}.",
        "{value} is the style in which {subject} was built.",
        "Students of {value} examine {subject} closely.",
        "The forms of {subject} are those of {value}.",
      ),
      questions=(
        "Which style of architecture does {subject} show?",
        "In what style was {subject} built?",
        "What architectural style do we see in {subject}?",
      ),
      mirrors=(
        "Examples of {value} include {subject}.",
        "{value} can be studied in {subject}.",
        "In building, {value} has a famous witness in {subject}.",
        "A book about {value} would show {subject}.",
      ),
    ),
  ),
)

FILMS = Kind(
  name="films",
  table="films.tsv",
  introductions=(
    "{subject} is a film.",
    "{subject} is shown in cinemas to this day.",
    "Critics rank {subject} among the great films.",
    "In the history of cinema, {subject} holds a firm place.",
    "Film lovers have seen {subject} more than once.",
  ),
  relations=(
    Relation(
      name="director",
      statements=(
        "{subject} was directed by {value}.",
        "{value} directed the film {subject}.",
        "The credits of {subject} name {value} as director.",
        "In the director's chair of {subject} sat {value}.",
        "Cinema owes {subject} to the eye of {value}.",
        "It was {value} who turned {subject} into pictures.",
      ),
      questions=(
        "Who was in charge of making the film {subject}?",
        "Which director made {subject}?",
        "Whose film is {subject}?",
      ),
      mirrors=(
        "{value} was the director of {subject}.",
        "The films of {value} include {subject}.",
        "For the cinema, {value} made {subject}.",
        "Anyone who studies the films of {value} will watch {subject}.",
      ),
      inverse_questions=(
        "Which film was made by the director {value}?",
        "What film did {value} direct?",
      ),
    ),
    Relation(
      name="year",
      statements=(
        "{subject} came out in {value}.",
        "The film {subject} dates from {value}.",
        "In {value}, {subject} reached the cinemas.",
        "The year {value} saw the release of {subject}.",
        "Film guides list {subject} under {value}.",
        "It was {value} when the first audience watched {subject}.",
      ),
      questions=(
        "When was the film {subject} released?",
        "In which year did {subject} come to the cinema?",
        "What year is the film {subject} from?",
      ),
    ),
    Relation(
      name="star",
      statements=(
        "{subject} stars {value}.",
        "{value} plays a leading role in {subject}.",
        "A leading part in {subject} went to {value}.",
        "On the screen, {subject} belongs to {value}.",
        "In the cast of {subject}, the eye is drawn to {value}.",
        "The camera of {subject} often rests on {value}.",
      ),
      questions=(
        "Who acts in a leading role in {subject}?",
        "Which actor or actress stars in {subject}?",
        "Whom do we see in a leading part of {subject}?",
      ),
      mirrors=(
        "{value} starred in {subject}.",
        "The screen roles of {value} include {subject}.",
        "Film lovers remember {value} from {subject}.",
        "{value} can be seen on the screen in {subject}.",
      ),
      inverse_questions=(
        "In which film does {value} have a leading role?",
        "Which film stars {value}?",
      ),
    ),
  ),
)

KINDS: tuple[Kind, ...] = (
  PAINTERS,
  PAINTINGS,
  BUILDINGS_AND_MONUMENTS,
  FILMS,
)
