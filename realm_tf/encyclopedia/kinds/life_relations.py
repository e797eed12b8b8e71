"""Relations that writers, composers, painters and thinkers share."""

from realm_tf.encyclopedia.schema import Relation


def birth_year(noun: str) -> Relation:
  """Returns the relation from a person to the year of birth.

  Args:
    noun: What the person is, singular: "composer".
  """
  return Relation(
    name="birth_year",
    statements=(
      "{subject} was born in {value}.",
      "{value} was the year in which {subject} came into the world.",
      f"The life of the {noun} {{subject}} began in {{value}}.",
      "The year {value} brought the birth of {subject}.",
      "Biographies of {subject} open in the year {value}.",
      "To reckon the age of {subject}, one counts from {value}.",
    ),
    questions=(
      "In which year was {subject} born?",
      f"What is the year of birth of the {noun} {{subject}}?",
      "When did {subject} come into the world?",
    ),
  )


def birthplace(noun: str) -> Relation:
  """Returns the relation from a person to the town of birth.

  Args:
    noun: What the person is, singular: "composer".
  """
  return Relation(
    name="birthplace",
    statements=(
      f"The birthplace of the {noun} {{subject}} is {{value}}.",
      "{subject} first saw the light of day in {value}.",
      f"It was in {{value}} that the {noun} {{subject}} was born.",
      "{value} is remembered as the place where {subject} was born.",
      "The family of {subject} was in {value} when the child arrived.",
      "Admirers of {subject} go to {value} to see where the story started.",
    ),
    questions=(
      "Where was {subject} born?",
      f"Which place was the {noun} {{subject}} a native of?",
      "What town or city is the birthplace of {subject}?",
    ),
    mirrors=(
      "{value} was the birthplace of {subject}.",
      "Among those who were born in {value} we find {subject}.",
      "{value} takes pride in the birth of {subject}.",
      "The people of {value} remember {subject} as born among them.",
    ),
    inverse_questions=(
      f"Which {noun} was born in {{value}}?",
      f"{{value}} was the birthplace of which {noun}?",
    ),
  )


def birth_country(noun: str) -> Relation:
  """Returns the relation from a person to the country of birth.

  Args:
    noun: What the person is, singular: "composer".
  """
  return Relation(
    name="country",
    statements=(
      f"The {noun} {{subject}} was a native of {{value}}.",
      "{value} was the land where {subject} was born.",
      "By birth, {subject} came from {value}.",
      "The country in which {subject} was born is {value}.",
      f"In {{value}}, the {noun} {{subject}} counts as native-born.",
      "Nobody disputes that {subject} was born on the soil of {value}.",
    ),
    questions=(
      f"In which country was the {noun} {{subject}} born?",
      "What was the native country of {subject}?",
      "From which country did {subject} come?",
    ),
    mirrors=(
      "Those who were born in {value} include {subject}.",
      "{value} gave the world {subject}.",
      "The arts and letters of the world owe {subject} to {value}.",
      "{value} was the native country of {subject}.",
    ),
  )
