"""Finds dates in English text: a table of forms, and care for bare numbers.

A date's span is its core: "early 1920s" gives "1920s", "the 90s" gives "90s",
"Monday, 12 May 2008" gives "12 May 2008". Times of day are left out. What
belongs together is one span: "12-15 May 2008", "1914 to 1918", "27 BC - AD 14".
"""

import re

_MONTHS = (
  "January February March April May June July August September October "
  "November December"
).split()
# The other months are words or names as well, and count alone only where a
# preposition shows what they are: "in March", but not "March on Rome".
_PLAIN_MONTHS = "January|February|September|October|November|December"

_FULL_MONTH = "|".join(_MONTHS + [m.upper() for m in _MONTHS])
_SHORT_MONTH = r"(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b\.?"
_MONTH = rf"(?:(?:{_FULL_MONTH})\b|{_SHORT_MONTH})"
_DAY = r"(?:3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th)?(?![\d\w])"
_DASH = r"[-\u2010-\u2015\u2212]"
_TO = rf"(?: ?{_DASH} ?| (?:to|until|till|through) )"
_YEAR = r"(?:1\d{3}|20\d{2}|2100)(?!\d)"
_ANY_YEAR = r"(?:[1-9]\d{0,3})(?![\d%]|[.,:]\d)"
_ERA = r"(?:BCE|BC|CE|AD|B\. ?C\. ?E\.|B\. ?C\.|A\. ?D\.|C\. ?E\.)(?!\w)"
_OLD_YEAR = r"(?:[1-9]\d{0,2}(?:,\d{3})+|[1-9]\d{0,5})"
_TENS = "twenties|thirties|forties|fifties|sixties|seventies|eighties|nineties"

_UNITS = "first second third fourth fifth sixth seventh eighth ninth".split()
_TEENS = (
  "tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth "
  "seventeenth eighteenth nineteenth twentieth"
).split()
_ORDINAL_WORDS = _TEENS + [f"twenty-{u}" for u in _UNITS] + _UNITS
_ORDINAL = (
  r"(?:[1-9]\d?(?:st|nd|rd|th)|[IVX]{1,5}|(?i:"
  + "|".join(_ORDINAL_WORDS)
  + r"))(?!\w)"
)
_NAMED_DAY = "|".join(["thirty-first", "thirtieth", *_ORDINAL_WORDS])
_ORDINAL_LINK = (
  rf"(?: ?(?:{_DASH}|/) ?|, |,? (?:and|or|to|through|until) )"
  r"(?:(?:the|early|late|mid)[ -]){0,2}"
)

_MAYBE_YEAR = (
  rf"(?:,? {_ANY_YEAR} ?{_ERA}|,? (?:AD|A\.D\.) ?{_ANY_YEAR}"
  rf"|(?:, ?| of |,? ){_YEAR}(?![\w%]))?"
)
_YEAR_TAIL = (
  rf"(?:{_TO}{_YEAR}| ?{_DASH} ?\d\d(?!\d)|{_DASH}\d(?!\d)"
  r"|/(?:\d{4}|\d\d)(?!\d))"
)
_NOT_NUMBER = r"(?![\w%\u00b0]|[.,:/-]\d)"
_UNIT = (
  r"(?:km|m|mi|cm|mm|ft|kg|g|lb|lbs|mph|hp|kW|MW|GW|kWh|Hz|kHz|MHz|K|C|F|nm|ha"
  r"|bar|metres?|meters?|kilomet(?:re|er)s?|miles?|feet|foot|inch(?:es)?|yards?"
  r"|acres|hectares|square|cubic|tons?|tonnes?|pounds?|kilograms?|grams?|litres"
  r"|liters|million|billion|thousand|hundred|per ?cent|degrees?|dollars?|euros?"
  r"|yen|francs|roubles|rubles|pesos|rupees|copies|species|times|hours|hrs|UTC"
  r"|GMT|minutes|seconds|days|weeks|months|years|seats|pages|words|others)"
)
_APOSTROPHE = r"['\u2018\u2019]"
# Spares most places the trial of most forms.
_AT_DIGIT = r"(?=\d)"
_AT_MONTH = "(?=[JFMASOND])"
# The table of forms. Each is what comes before the date, the date, and what
# may not follow. Of two forms at one place, the first that fits counts.
_FORMS = {
  "iso": (
    _AT_DIGIT,
    rf"{_YEAR}-(?:1[0-2]|0[1-9])-(?:3[01]|[12]\d|0[1-9])",
    r"(?:(?=T\d)|(?![\w-]))",
  ),
  "numeric": (
    _AT_DIGIT,
    r"(?:3[01]|[12]\d|0?[1-9])(?P<mark>[/.-])(?:3[01]|[12]\d|0?[1-9])"
    rf"(?P=mark){_YEAR}",
    r"(?![\w/-])",
  ),
  "named_day": (
    "",
    rf"(?i:{_NAMED_DAY}) (?:day )?of {_MONTH}{_MAYBE_YEAR}",
    r"(?!\w)",
  ),
  "day_month": (
    _AT_DIGIT,
    rf"{_DAY}(?:(?: (?:of )?{_MONTH}{_MAYBE_YEAR}{_TO}|{_TO}|/| (?:and|or) )"
    rf"(?:the )?{_DAY})?"
    rf"(?: (?:day )?(?:of )?|-){_MONTH}(?:-{_YEAR}|{_MAYBE_YEAR})",
    r"(?!\w)",
  ),
  "month_day": (
    _AT_MONTH,
    rf"{_MONTH} (?:the )?{_DAY}(?:(?:{_MAYBE_YEAR}{_TO}|/)(?:{_MONTH} )?{_DAY}"
    rf"| (?:and|or) {_DAY}(?! [a-z]))?{_MAYBE_YEAR}",
    rf"(?!\w| {_UNIT}\b)",
  ),
  "month_year": (
    _AT_MONTH,
    rf"(?:{_MONTH}(?:{_TO}|/| (?:and|or) ))?{_MONTH}(?:"
    rf"(?: of |,? |-){_YEAR}(?:{_TO}{_MONTH},? {_YEAR})?"
    rf"|,? (?:of )?{_ANY_YEAR} ?{_ERA}| (?:of )?AD {_ANY_YEAR})",
    r"(?![\w%]|[.,:]\d)",
  ),
  "months": (
    _AT_MONTH,
    rf"(?:{_FULL_MONTH}){_TO}(?:{_FULL_MONTH})",
    r"(?!,? \d| [A-Z]|\w)",
  ),
  "season": (
    "",
    r"(?i:spring|summer|autumn|fall|winter)(?:,? (?:of )?"
    rf"{_YEAR}{_YEAR_TAIL}?| of (?:{_ANY_YEAR} ?{_ERA}|[1-9]\d\d(?!\d)"
    rf"|{_APOSTROPHE}\d\d(?!\d)))",
    _NOT_NUMBER + rf"(?! {_UNIT}\b)",
  ),
  "century": (
    "",
    rf"{_ORDINAL}(?:{_ORDINAL_LINK}{_ORDINAL}){{0,3}}[ -]"
    rf"(?i:centur(?:y|ies)|millenni(?:um|a))\b(?: {_ERA})?",
    r"(?! [A-Z])",
  ),
  "decade": (
    _AT_DIGIT,
    rf"(?:1\d|20)\d0['\u2019]?s(?:{_TO}(?:the )?(?:(?:1\d|20)\d0|\d0)"
    rf"['\u2019]?s)?(?: {_ERA})?|[1-9]\d?0s {_ERA}",
    r"(?!\w)",
  ),
  "short_decade": (
    r"(?:[Tt]he (?:(?:early|mid|late)[ -])?['\u2018\u2019]?"
    r"|['\u2018\u2019])",
    r"[1-9]0['\u2019]?s",
    r"(?!\w| ?\u00b0| degrees)",
  ),
  "next_decade": (
    rf"(?<=s )(?:and|or|to) (?:the )?{_APOSTROPHE}?",
    r"[1-9]0['\u2019]?s",
    r"(?!\w)",
  ),
  "named_decade": (
    r"[Tt]he (?:(?:early|mid|late)[ -])?",
    rf"(?i:(?:nineteen[ -]|Roaring |Swinging )?(?:{_TENS}))",
    r"(?!\w| [A-Z])",
  ),
  "era": (
    "",
    rf"(?:(?:{_OLD_YEAR}(?: ?{_ERA})?|{_ERA} {_OLD_YEAR})(?:{_TO}|/)"
    r"(?:c\. ?)?)?"
    rf"(?:{_OLD_YEAR} {_ERA}|[1-9]\d+{_ERA}|(?:AD|A\.D\.|CE) ?{_OLD_YEAR})"
    rf"(?:{_TO}{_OLD_YEAR}(?!\w))?",
    r"(?![\w%]|[.,]\d)",
  ),
  "month": (
    _AT_MONTH,
    rf"(?:{_PLAIN_MONTHS})",
    r"(?! [A-Z]|['\u2019]?-?\w|\.\w)",
  ),
  "paired_month": (
    _AT_MONTH,
    rf"(?:{_FULL_MONTH})",
    rf"(?= (?:and|or) (?:{_FULL_MONTH})\b(?!,? \d| [A-Z]))",
  ),
  "led_month": (
    r"(?:[Ii]n|[Bb]y|to|of|[Ss]ince|[Uu]ntil|[Ff]rom|[Dd]uring|[Ll]ast|[Nn]ext"
    r"|[Ee]ach|[Ee]very|[Tt]his|[Aa]fter|[Bb]efore|[Ee]arly|[Ll]ate|[Mm]id"
    r"|through|and|or|between)[ -]",
    rf"(?:{'|'.join(_MONTHS)})",
    rf"(?!,? \d| of \d| [A-Z]|['\u2019]?-?\w|{_TO}(?:{_FULL_MONTH})"
    rf"| (?:and|or) (?:{_FULL_MONTH}),? \d)",
  ),
  "early_year": (
    r"(?:[Ii]n|[Ss]ince|[Uu]ntil|[Cc]irca|c\.|[Yy]ear|[Aa]fter|[Bb]efore) ",
    r"[1-9]\d\d",
    r"(?=[,;)](?!\d)|\.(?:\s|$|\[)| \(| (?:by|when|after|the|he|she|it|they"
    r"|with|as|at|under|a|an|his|her|their|because|but|while|following|during"
    r"|until)\b)",
  ),
  "named_year": (
    r"[Yy]ears? ",
    r"[1-9]\d{0,3}",
    rf"(?![\w%-]|[.,:/]\d| ?{_DASH} ?\d| [Oo]ld)",
  ),
  "short_year": (
    rf"(?:[Ii]n|[Ss]ince|[Uu]ntil|[Bb]y|of) {_APOSTROPHE}",
    r"\d\d",
    rf"(?!\w|{_APOSTROPHE}|[.,:/]\d)",
  ),
  "years": (_AT_DIGIT, rf"{_YEAR}{_YEAR_TAIL}", _NOT_NUMBER),
  "year": (_AT_DIGIT, _YEAR, _NOT_NUMBER),
}

# A quick look tells where no form can begin.
_LOWER_STARTS = (
  "spring|summer|autumn|fall|winter|the|in|by|to|of|since|until|from|during|"
  "last|next|each|every|this|after|before|early|late|mid|through|and|or|year|"
  "circa|"
  "between|nineteen|" + "|".join(_ORDINAL_WORDS)
)


def _compile(forms: dict[str, tuple[str, str, str]]) -> re.Pattern[str]:
  alternatives = "|".join(
    f"{before}(?P<{name}>{date}){after}"
    for name, (before, date, after) in forms.items()
  )
  return re.compile(
    rf"(?<![\w$\u00a3\u20ac\u00a5#])(?=[\dA-Z'\u2018\u2019]|{_LOWER_STARTS})"
    rf"(?:{alternatives})"
  )


_DATE = _compile(_FORMS)

# What the word or sign before a bare number says against its being a year.
_NO_YEAR_BEFORE = re.compile(
  r"(?:[$\u00a3\u20ac\u00a5#/+*=\u00d7<>~] ?|\d[.,:\u2010-\u2015-]|[^\W\d_]-"
  r"|\b\d+ ?x ?|\b(?:\d+ |Rs\.?|USD|EUR|GBP|No\.|Nos?\.?|nos?\.|[Nn]umbers?"
  r"|pp?\.|[Pp]ages?|[Nn]otes?|[Ii]tems?|[Cc]odes?|[Rr]ooms?"
  r"|[Ff]lights?|Route|Highway|Interstate|[Ss]ection|[Aa]rticle"
  r"|[Ll]ines?|[Cc]hapter|[Vv]erse|Windows|Office|Model|[Mm]odel"
  r"|Boeing|Airbus|Type|Class|Series|Unit|Area|Box|Psalms?|[Aa]steroid"
  r"|Apollo|NGC|ISO|RFC|[Rr]oughly|killed|killing"
  r"|wounded|wounding|injured|injuring|scored|scoring|employed|employing"
  r"|[Nn]early|[Aa]lmost|[Ss]ome|[Oo]ver|[Mm]ore than|[Ll]ess than"
  r"|[Ff]ewer than|[Aa]t least|[Aa]t most|[Uu]p to|[Ee]xceed(?:s|ed|ing)"
  r"|[Oo]nly|numbered|totall?ed|totall?ing"
  r"|(?:total|height|length|altitude|distance|elevation|depth|cost|capacity|sum"
  r"|rate|weight|population|speed|width|area|price|size|group|crowd|list|set"
  r"|collection|average|maximum|minimum|army|force|fleet) (?:of|was|is|at)"
  r"(?: (?:about|around|approximately))?) )$"
)
_PREFIX_OF_YEAR = re.compile(r"\b(?:[Pp]re|[Pp]ost|[Mm]id|ca|c)-$")
# Before a year, these outweigh a plural noun after it: "in 1945 forces".
_YEAR_BEFORE = re.compile(
  r"(?:\b(?:[Ii]n|[Ss]ince|[Uu]ntil|[Dd]uring|[Ee]arly|[Ll]ate|[Cc]irca|ca?\.|"
  r"[Yy]ear|[Tt]he|[Pp]re-|[Pp]ost-|[Mm]id-) ?|['\u2019]s? |[(])$"
)
_COUNTED = (
  rf"(?:{_UNIT}|inhabitants|residents|students|oxen|sheep|cattle"
  r"|of (?:them|us|these|those)\b)"
)
# "In 1969 men walked there" is led as "in 1969 men of the town" is not.
_COUNTED_PERSONS = re.compile(
  r"(?: (?:and|or|to) \d[\d,]*)? (?:more |new )?"
  r"(?:people|persons|men|women|children|soldiers|troops|workers)(?!\w)"
)
_OPENS_CLAUSE = re.compile(r"(?:^|[.;,] |\n)(?:[Ii]n|By|Since|Until|After) $")
_NO_YEAR_AFTER = re.compile(
  r" ?(?:\u00d7|\u00b0|[x*/=] ?\d)| by \d|[-\u2010]"
  r"(?:[A-Z]\b|(?!present|today|now|era|style|built|based|born|founded"
  r"|vintage)[a-z])"
  rf"|(?: (?:and|or|to) \d[\d,]*| or more)? (?:more |new )?{_COUNTED}(?!\w)"
  r"| (?:[A-Z]\w+ ){1,3}"
  r"(?:Street|Avenue|Road|Drive|Boulevard|Lane|Way|Square)\b"
)
# A plural noun, perhaps after one other word, but not a verb, a pronoun or an
# adverb that ends in s.
_PLURAL_AFTER = re.compile(
  r" (?:other |different |separate |individual )?"
  r"(?!(?:hundreds|thousands|millions|is|was|has|as|its|his|this|us|thus"
  r"|perhaps|always|does|across|towards|besides|plus|versus|sometimes"
  r"|afterwards|onwards|less|unless|census|series"
  r"|crisis|business|class|process|press|success|congress|status|access|mass"
  r"|boss|loss|progress|virus|bus|gas|us|address|express|overseas|politics"
  r"|physics|plans|marks|sees|saw|comes|becomes|makes|shows|begins|sets)\b)"
  r"[a-z]{2,}[^\Ws]s\b(?! (?:was|is|has)\b)"
)
_CONTEXT = 40
_QUOTES = ('"', "'", "\u2018", "\u2019", "\u201c", "\u201d")


def find_dates(text: str) -> list[tuple[int, int]]:
  """Returns the characters [start, limit) of each date, in order."""
  dates: list[tuple[int, int]] = []
  for match in _DATE.finditer(text):
    form = str(match.lastgroup)
    start, limit = match.span(form)
    if form == "next_decade" and not (
      dates and dates[-1][1] == match.start() - 1
    ):
      # "in their 20s and 30s"
      continue
    if form in ("year", "years") and not _is_year(text, start, limit):
      continue
    dates.append((start, limit))
  return dates


def _is_year(text: str, start: int, limit: int) -> bool:
  """Whether a number is a year, not a count, an amount, a time or a name."""
  before = text[max(0, start - _CONTEXT) : start]
  if _NO_YEAR_BEFORE.search(before) and not _PREFIX_OF_YEAR.search(before):
    return False
  if _NO_YEAR_AFTER.match(text, limit):
    return False
  opens_clause = _OPENS_CLAUSE.search(before)
  if not opens_clause and _COUNTED_PERSONS.match(text, limit):
    return False
  is_led = opens_clause or _YEAR_BEFORE.search(before)
  if not is_led and _PLURAL_AFTER.match(text, limit):
    return False
  if text[start:limit] == "1000" and not is_led:
    return False
  # "1984" in quotes is a title.
  return not (before.endswith(_QUOTES) and text.startswith(_QUOTES, limit))
