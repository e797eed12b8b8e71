"""Rivers and lakes."""

from realm_tf.encyclopedia.schema import Kind
from realm_tf.encyclopedia.schema import Relation

_SOURCE = Relation(
  name="source",
  statements=(
    "{subject} rises in {value}.",
    "The source of {subject} is in {value}.",
    "{subject} begins its course at {value}.",
    "The first drops of {subject} come from {value}.",
    "Hikers in search of the origin of {subject} go to {value}.",
  ),
  questions=(
    "Where does {subject} start?",
    "From what place does {subject} spring?",
  ),
  mirrors=(
    "{value} gives birth to {subject}.",
    "Among the rivers that start at {value} one counts {subject}.",
    "Springs, snow or rain at {value} supply {subject}.",
    "Water leaves {value} by way of {subject}.",
  ),
  inverse_questions=("Which river has its origin in {value}?",),
)

_MOUTH = Relation(
  name="mouth",
  statements=(
    "{subject} flows into {value}.",
    "The waters of {subject} end up in {value}.",
    "After its long journey, {subject} empties into {value}.",
    "The mouth of {subject} lies at {value}.",
    "{subject} discharges its water into {value}.",
  ),
  questions=(
    "Where does {subject} end?",
    "Into which body of water does {subject} drain?",
    "What would a raft drifting down {subject} finally reach?",
  ),
  mirrors=(
    "{value} takes in the water of {subject}.",
    "Among the rivers that feed {value} one finds {subject}.",
    "From {value} one can enter the mouth of {subject}.",
    "Much fresh water comes to {value} by way of {subject}.",
  ),
  inverse_questions=("Which river ends in {value}?",),
)

_RIVER_COUNTRIES = Relation(
  name="countries",
  statements=(
    "{subject} runs through {value}.",
    "On its way {subject} crosses {value}.",
    "The banks of {subject} belong to {value}.",
    "Boats on {subject} pass the fields of {value}.",
    "Those who walk along {subject} see {value}.",
  ),
  questions=(
    "Through which land does {subject} flow?",
    "In what country could one swim in {subject}?",
  ),
  mirrors=(
    "The rivers of {value} include {subject}.",
    "In {value} one finds parts of {subject}.",
    "Fields in {value} get water from {subject}.",
    "Maps of {value} trace the bends of {subject}.",
  ),
)

_RIVER_CITIES = Relation(
  name="cities",
  statements=(
    "{subject} passes {value}.",
    "Urban life on the banks of {subject} can be seen in {value}.",
    "Settled places on {subject} include {value}.",
    "From {value} one looks out on {subject}.",
    "A cruise on {subject} may stop at {value}.",
  ),
  questions=(
    "Which city lies on {subject}?",
    "Name a town that was built beside {subject}.",
  ),
  mirrors=(
    "{value} lies on {subject}.",
    "The river at {value} is {subject}.",
    "People in {value} stroll along {subject}.",
    "Boats reach {value} on {subject}.",
  ),
  inverse_questions=("On which river is {value} situated?",),
)

RIVERS = Kind(
  name="rivers",
  table="rivers.tsv",
  introductions=(
    "{subject} is a well-known river.",
    "Maps show {subject} as a winding blue line.",
    "Geographers have long studied the course of {subject}.",
    "Boats, bridges and floods belong to the story of {subject}.",
  ),
  relations=(_SOURCE, _MOUTH, _RIVER_COUNTRIES, _RIVER_CITIES),
)

_LAKE_COUNTRIES = Relation(
  name="countries",
  statements=(
    "{subject} lies in {value}.",
    "The shores of {subject} belong to {value}.",
    "Anglers on {subject} hold permits from {value}.",
    "Maps of {value} show the blue patch of {subject}.",
    "The water of {subject} washes the land of {value}.",
  ),
  questions=(
    "In which country is {subject} found?",
    "Whose territory includes {subject}?",
  ),
  mirrors=(
    "The lakes of {value} include {subject}.",
    "In {value} one can sail on {subject}.",
    "Holidays in {value} may lead to the shores of {subject}.",
    "Part or all of {subject} belongs to {value}.",
  ),
)

_OUTFLOW = Relation(
  name="outflow",
  statements=(
    "{subject} is drained by {value}.",
    "Water leaves {subject} through {value}.",
    "{value} flows out of {subject}.",
    "The outlet of {subject} is {value}.",
    "What flows into {subject} moves on by way of {value}.",
  ),
  questions=(
    "Which stream carries off the water of {subject}?",
    "Down which river could one float away from {subject}?",
  ),
  mirrors=(
    "{value} carries water away from {subject}.",
    "Before {value} goes its way, its water rests in {subject}.",
    "{value} is fed by {subject}.",
    "Upstream along {value} one comes to {subject}.",
  ),
  inverse_questions=("Which lake sends its water into {value}?",),
)

_SHORE_TOWN = Relation(
  name="shore_town",
  statements=(
    "On the shore of {subject} lies {value}.",
    "Boats cross {subject} to the piers of {value}.",
    "{subject} can be admired from {value}.",
    "People who live in {value} bathe in {subject}.",
    "The waves of {subject} reach {value}.",
  ),
  questions=(
    "Which town was built beside {subject}?",
    "Where could a visitor to {subject} find a hotel at the waterside?",
  ),
  mirrors=(
    "{value} stands on the shore of {subject}.",
    "From the quays of {value} one looks across {subject}.",
    "Sailors set out from {value} onto {subject}.",
    "The lake at {value} is {subject}.",
  ),
  inverse_questions=("On which lake is {value} situated?",),
)

LAKES = Kind(
  name="lakes",
  table="lakes.tsv",
  introductions=(
    "{subject} is a lake of some fame.",
    "Anglers and sailors are fond of {subject}.",
    "The still surface of {subject} has inspired many photographs.",
    "Storms can raise waves on {subject}.",
  ),
  relations=(_LAKE_COUNTRIES, _OUTFLOW, _SHORE_TOWN),
)
