"""Finds named entities in English text: runs of capitalised words.

Rules only: no model and no list of names. Names in lower case ("gold", "peso")
have no capital to find them by; `realm_tf.text.gazetteers` finds those.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from realm_tf.text import word_lists

_UPPER = (
  "["
  + "".join(
    c for c in map(chr, [*range(0x590), *range(0x1E00, 0x2000)]) if c.isupper()
  )
  + "]"
)
_APOSTROPHE = "['\u2019\u02bc]"

_DOTTED = rf"(?:{_UPPER}\.){{2,}}(?!\w)|Ph\.D\."
_INITIAL = rf"{_UPPER}\.(?= ?{_UPPER})"
_HONORIFIC = (
  r"(?:Mr|Mrs|Ms|Dr|Prof|St|Sr|Fr|Gen|Col|Capt|Lt|Sgt|Maj|Cmdr|Adm|Gov|Sen|Rep"
  r"|Rev|Hon|Pres|Mt|Ft)\."
)
# "Women's" belongs to the name after it; other possessives are cut off.
_POSSESSIVE = (
  rf"(?:People|Women|Men|Children|King|Queen|Mother|Father|New Year|Player"
  rf"|Master){_APOSTROPHE}s(?= {_UPPER})"
)
# "US-led", "Mosaic-influenced": the name ends before the hyphen.
_ADJECTIVE_END = (
  r"(?:[a-z]+(?:ed|ing)|led|free|born|based|style|like|era|wide|built|made|held"
  r"|run|only|language|type|level|class|specific|friendly|centric|wing|winner)\b"
)
# O'Neill, Jean-Paul, d'Alembert, al-Khwarizmi, AT&T, F-16, Outlook.com.
_WORD = (
  rf"(?:[dl]{_APOSTROPHE}|(?:al|el|ad|an|ar|as|at|ash|bin|ben)-)?{_UPPER}\w*"
  rf"(?:(?:&|{_APOSTROPHE}(?!s\b)|[-\u2010\u2011](?!{_ADJECTIVE_END})"
  rf"|\u2013(?={_UPPER}))\w+)*(?:\.(?:com|org|net|edu|gov|tv|fm)\b)?"
)
_PIECE = (
  rf"(?:{_POSSESSIVE}|{_DOTTED}|{_HONORIFIC}|{_INITIAL}"
  rf"|{_WORD}(?:,? (?:Jr|Sr)\.)?)"
)

_PARTICLE = (
  r"(?:of the|of|de la|de las|de los|de|del|della|degli|dei|delle|di|da|das|dos"
  r"|do|du|des|la|le|van der|van den|van de|van|von der|von|vom|zu|zur|ter|ten"
  r"|y|bin|ibn|ben|e|av|af|\u00e0|sur|&|for the|for)"
)
_BYNAME = (
  r"(?:Great|Conqueror|Terrible|Elder|Younger|Bald|Lionheart|Wise|Magnificent"
  r"|Confessor|Baptist|Fair|Bold|Good|Pious|Fat|Simple|Short|Hun|Impaler|Brave"
  r"|Stout|Strong|Red|Lion|Unready|Evangelist|Apostle|Navigator|Just)"
)
_LINK = (
  rf"(?: (?:{_PARTICLE} )?(?={_UPPER}|[dl]{_APOSTROPHE}{_UPPER}|[ae]l-{_UPPER})"
  rf"|(?<=\.)(?={_UPPER})| the (?={_BYNAME}\b))"
)
_RUN = re.compile(rf"(?<![\w&]){_PIECE}(?:{_LINK}{_PIECE})*")

# Only bodies are named "... for ...": others are "Vote for Lincoln".
_FOR = re.compile(r" for (?:the )?")
_BODY = re.compile(
  r"(?:Cent(?:er|re)s?|Society|Institute|Association|Fund|Committee|Council"
  r"|Foundation|Organi[sz]ation|Campaign|Department|Agency|Office|Academy|Prize"
  r"|Movement|Union|Ministry|Medal|Award|Commission|Secretary|Minister|Party"
  r"|Museum|School|Board|Bureau|Conference|Coalition|Commissioner)\b"
)
# A sentence that ended with an abbreviation: "in the U.S. The".
_AFTER_STOP = re.compile(r"\. (\w+)")
# "Apollo 11", "Boeing 747": a number belongs to few kinds of name.
_NUMBER = re.compile(r" \d{1,4}(?!\w|[,.:]\d|%)")
_TAKES_NUMBER = frozenset(
  "Apollo Boeing Airbus Windows Formula Soyuz Vostok Gemini Interstate Route "
  "Highway Flight Sputnik Voyager Pioneer Mariner Saturn Psalm PlayStation "
  "Xbox".split()
)

_CALENDAR = frozenset(
  "january february march april may june july august september october "
  "november december monday tuesday wednesday thursday friday saturday sunday "
  "mondays tuesdays wednesdays thursdays fridays saturdays sundays jan feb mar "
  "apr jun jul aug sep sept oct nov dec bc bce ad ce am pm".split()
)
_ROMAN = re.compile(r"[IVXLCDM]+")
_PREPOSITION = re.compile(
  r"\b(?:on|in|since|by|until|till|last|next|every|each|from|of|to|this|and|or"
  r"|late|early)[ -]$",
  re.IGNORECASE,
)
# Not "Section 3" itself, nor "Page 12", but what it is in.
_COUNTER = re.compile(
  r"(?:Chapter|Section|Figure|Table|Page|Volume|Vol|Part|Article|Season|Episode"
  r"|Phase|Type|Class|Level|Stage|Appendix|Step|Group|Grade|Division|Category)s?"
)
_COUNT = re.compile(r" (?:\d|[IVX]+\b|one\b|two\b|three\b)")
# What stands before a name and is no part of it, as in CoNLL-2003. Places are
# named with their title: "Prince Edward Island".
_PERSON_TITLE = re.compile(
  r"(?:(?:Vice |Prime |Chief |Crown |Grand |Archduke )?(?:President|Minister"
  r"|Justice|Congressm[ae]n|Congresswoman|Senators?|Governor|Mayor|Captain"
  r"|Colonel|Major|General|Admiral|Lieutenant|Sergeant|Commander|Professor|Judge"
  r"|Emperor|Empress|King|Queen|Prince|Princess|Pope|Bishop|Archbishop|Cardinal"
  r"|Chancellor|Sultan|Caliph|Tsar|Sir|Dame|Duke|Sheikh|Ambassador|Secretary)"
  rf"|Mr\.|Mrs\.|Ms\.|Dr\.|Prof\.|Gen\.|Col\.|Capt\.|Lt\.|Sgt\.|Adm\.|Gov\."
  rf"|Sen\.|Rep\.|Rev\.) (?={_UPPER}\w*[a-z.]|d{_APOSTROPHE})"
)
_NO_PERSON = re.compile(
  r" (?:Islands?|County|Street|Avenue|Road|Square|River|Park|Land|Bay|Hotel"
  r"|Kong|University|College|Stadium|Airport|Motors|Electric|Assembly|Hospital|Hall"
  r"|Office|House|Library|Award|Prize|Cup|Bridge|Station|School|Company|Staff"
  r"|Court|Council|Party|Conference|Agreement|Church|Mountains?|Mount|Foods"
  r"|Sound|League|Bible|Version|Theatre|Theater|Center|Centre|Government)\b"
)
# Places where a capital is due: the start of the text or of a line, after a
# terminal, and after a mark that may open a sentence within another.
_CAPITAL_DUE = re.compile(
  r"(?:^|\n|[.!?:;\u2026][\"'\u2019\u201d)\]]*(?:\[[^\]]{0,24}\])*"
  r"(?::\d[\d\u2013-]*)?\s"
  r"|[\u2022\u00b7*]\s|(?<=[\"\u201c\u00ab]))[\s\"'\u2018\u201c(\[\u00ab\u00bf\u00a1]*$"
)
_NO_TERMINAL = re.compile(
  r"\b(?:vs|v|cf|e\.g|i\.e|ca?|approx|esp|incl)\.\s$", re.IGNORECASE
)
_OPENING_QUOTES = ('"', "\u201c", "\u00ab", "\u2018", "'")
_CLOSED = re.compile("[,.]?[\"\u201d\u00bb\u2019']")
_CURRENCY = ("$", "\u00a3", "\u20ac", "\u00a5")
# What people do, alone or in the singular: "Russell moved".
_PERSON_ACTS = re.compile(
  r" (?:also |later |then |himself |herself |[a-z]+ly )?(?:was born|died|wrote"
  r"|argued|believed|claimed|stated|said|suggested|moved|married|returned"
  r"|published|responded|denied|went|met|won|told|painted|composed|joined|himself"
  r"|herself|ordered|refused|defeated|ruled|served|crossed|invited|accepted"
  r"|rejected|proposed|declared|announced|signed|asked|fled|converted|inherited"
  r"|commissioned|criticized|criticised)\b"
)
# "the Company", "his Majesty": a capital alone makes no name.
_DETERMINER = re.compile(
  r"\b(?:[Tt]he|[Aa]n?|[Tt]his|[Tt]hat|[Ee]ach|[Ee]very|[Ii]ts|[Hh]is|[Hh]er"
  r"|[Oo]ur|[Tt]heir|[Mm]y|[Aa]ny|[Nn]o|former|new) $"
)
_CONTEXT = 32


class _Run(NamedTuple):
  start: int
  limit: int
  capital_due: bool


def find_entities(text: str, title: str = "") -> list[tuple[int, int]]:
  """Returns the characters [start, limit) of each named entity, in order.

  Args:
    text: English prose.
    title: Title of the article that it is from: evidence for names.
  """
  runs = []
  for match in _RUN.finditer(text):
    for start, limit in _parts(text, match.start(), match.end()):
      run = _without_title(text, _trim(text, start, limit))
      if run:
        runs.append(run)
  names = _names(text, title, runs)
  return [
    (run.start, _with_number(text, run))
    for run in runs
    if _is_entity(text, run, names)
  ]


def _parts(text: str, start: int, limit: int) -> Iterator[tuple[int, int]]:
  """Splits a run at a sentence's end or a mere "for"."""
  part = text[start:limit]
  for match in _AFTER_STOP.finditer(text, start, limit):
    if match[1].lower() in word_lists.FUNCTION_WORDS:
      # "U.S." keeps its stop, "Elizabeth I." does not.
      is_dotted = text[match.start() - 2 : match.start() - 1] == "."
      yield from _parts(text, start, match.start() + is_dotted)
      start = match.start(1)
  if " for " in part:
    for match in _FOR.finditer(text, start, limit):
      if not _BODY.search(text, start, match.start()):
        yield start, match.start()
        start = match.end()
  yield start, limit


def _trim(text: str, start: int, limit: int) -> _Run | None:
  """Cuts off words that are not part of the name; None if nothing is left."""
  capital_due = _is_capital_due(text, start)
  while True:
    word, _, rest = text[start:limit].partition(" ")
    lower = word.lower()
    if capital_due:
      is_extra = lower in word_lists.FUNCTION_WORDS or (
        lower in word_lists.OPENING_WORDS
      )
      # US, IT and WHO are no pronouns.
      is_extra = is_extra and not (len(word) > 1 and word.isupper())
    else:
      is_extra = False
    if lower in _CALENDAR and rest:
      is_extra = bool(capital_due or _PREPOSITION.search(text[:start][-12:]))
    if word == "I":
      is_extra = True
    if not is_extra:
      return _Run(start, limit, capital_due)
    if not rest:
      return None
    start = limit - len(rest)
    while text[start].islower() and " " in text[start:limit]:
      # "Most of Germany": the particle goes too.
      start = text.index(" ", start) + 1
    capital_due = False


def _without_title(text: str, run: _Run | None) -> _Run | None:
  """Cuts the title off a person's name."""
  if run is None or _NO_PERSON.search(text, run.start, run.limit):
    return run
  title = _PERSON_TITLE.match(text, run.start, run.limit)
  if title is None:
    return run
  name = text[title.end() : run.limit].split(" ", maxsplit=1)[0].lower()
  if name in word_lists.GENERIC_NOUNS:
    # "General Secretary" is a title and no more.
    return run
  return run._replace(start=title.end(), capital_due=False)


def _is_capital_due(text: str, start: int) -> bool:
  before = text[max(0, start - _CONTEXT) : start]
  if before and not before[-1].isspace() and before[-1].isalnum():
    return False
  if not before or before.isspace():
    return True
  last = before.rstrip()[-1:]
  if last.isalnum() or last == ",":
    return "\n" in before[-2:]
  return bool(_CAPITAL_DUE.search(before)) and not _NO_TERMINAL.search(before)


def _names(text: str, title: str, runs: list[_Run]) -> set[str]:
  """Returns the words that the passage or its title shows to be names."""
  names = set()
  for run in runs:
    words = text[run.start : run.limit].split(" ")
    names.update(words[1:] if run.capital_due else words)
  title_words = title.split()
  names.update(w for w in title_words[1:] if w[0].isupper())
  if title_words and title_words[0][0].isupper():
    # A title's first word has a capital whatever it is.
    first = title_words[0]
    if not re.search(rf"\b{re.escape(first.lower())}", text):
      names.add(first)
  return names


def _is_entity(text: str, run: _Run, names: set[str]) -> bool:
  name = text[run.start : run.limit]
  words = name.split(" ")
  if len(words) > 1:
    is_heading = len(words) > 2 and name.isupper() and max(map(len, words)) > 4
    return not is_heading and not all(w.lower() in _CALENDAR for w in words)
  lower = name.lower()
  if text[run.limit : run.limit + 1] in _CURRENCY:
    return False
  if lower in _CALENDAR or len(name) < 2 or _ROMAN.fullmatch(name):
    return False
  if name in word_lists.COMMON_ABBREVIATIONS:
    return False
  if _COUNTER.fullmatch(name) and _COUNT.match(text, run.limit):
    return False
  if lower in word_lists.GENERIC_NOUNS and _DETERMINER.search(
    text, max(0, run.start - 12), run.start
  ):
    return False
  if re.fullmatch(_HONORIFIC, name) or re.fullmatch(_INITIAL + "?", name):
    return False
  if name.isupper():
    return True
  base = re.split(_APOSTROPHE, lower)[0]
  if (
    base in word_lists.FUNCTION_WORDS
    or base in word_lists.OPENING_WORDS
    or (run.capital_due and base in word_lists.COMMON_WORDS)
  ):
    return False
  if not run.capital_due or name in word_lists.SURE_NAMES:
    return True
  # After a colon common words, too, may have a capital, but seldom do; and
  # what is alone in quotes is a title.
  if text[run.start - 2 : run.start] in (": ", "; "):
    return True
  if text[run.start - 1 : run.start] in _OPENING_QUOTES and _CLOSED.match(
    text, run.limit
  ):
    return True
  if name in names or name.removesuffix("s") in names:
    return True
  return _looks_like_name(text, run)


def _looks_like_name(text: str, run: _Run) -> bool:
  """Whether a word's shape alone is a name's: McDonald, 3M, Kafka's."""
  name = text[run.start : run.limit]
  if any(c.isupper() or c.isdigit() for c in name[1:]):
    return True
  if re.search(rf"\b{re.escape(name.lower())}", text):
    return False
  if _PERSON_ACTS.match(text, run.limit) and not name.endswith("s"):
    return True
  return bool(re.match(rf"{_APOSTROPHE}s\b", text[run.limit : run.limit + 3]))


def _with_number(text: str, run: _Run) -> int:
  """Returns the limit of a name, with its number if it takes one."""
  last = text[run.start : run.limit].rsplit(" ", 1)[-1]
  match = last in _TAKES_NUMBER and _NUMBER.match(text, run.limit)
  return match.end() if match else run.limit
