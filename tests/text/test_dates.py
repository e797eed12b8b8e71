"""The date finder against sentences whose dates are marked by hand."""

import re

import pytest

from realm_tf.text import dates

# [[...]] marks what is to be found.
_SENTENCES = """
She was born on [[12 May 2008]] in a small village.
The treaty was signed on [[May 12, 2008]], in the evening.
They met on the [[12th of May]] and never again.
In [[May 2008]] the bridge was closed.
On [[May 12]] the ship left the harbour.
The log begins on [[2008-05-12]] and has no gaps.
He died on [[3 March 1849]].
On [[July 4, 1776]], the paper was read aloud.
The shop opened [[1st January 1900]] with two clerks.
The first snow fell on [[November 2nd, 1998]].
The council met on [[21 June]] as usual.
A storm came on the night of [[30 August 1921]].
It ran from [[12-15 May 2008]] in the old hall.
The fair of [[12–15 May 2008]] was the last.
They were away from [[July 3 to July 9]].
The strike lasted from [[12 May to 15 June 1926]].
The deed is dated the [[4th day of July, 1820]].
Seen on [[Sept. 9, 1850]] and on [[Oct. 3]].
The parcel came on [[12 Jan 2011]].
Monday, [[12 May 2008]], was a holiday.
The form gives [[12/05/2008]] as the day of birth.
The letter of [[14.3.1879]] is lost.
The talks of [[March 1917]] failed.
In [[February, 1945]], three of them met.
The exhibition was open in [[May and June 1911]].
Between [[March–April 1848]] the mood changed.
The council sat from [[June 1920 to May 1922]].
The river floods in [[April]] and again in [[September]].
The climb begins in [[March]] and ends by [[August]].
Since [[January]] the price has doubled.
[[October]] is the wettest month there.
Work stopped until [[May]].
The harvest of late [[July]] was poor.
In [[1914]] the war began.
The house burned down in [[1666]].
By [[1850]], the town had a railway.
Since [[1990]] the park has been protected.
The [[1966]] final was watched by all.
The novel (first printed in [[1851]]) sold badly.
Her first book ([[1925]]) was praised.
The company, founded [[1889]], makes pens.
Between [[1903]] and [[1907]] he lived in the north.
The law of [[1832]] changed that.
An earthquake struck in [[1755]], another in [[1906]].
In [[1945]] forces from the east arrived.
In [[1869]], scientists agreed on a name.
The year [[1492]] is known to every pupil.
Until [[2015]] it was a school.
He reigned [[1509–1547]] without a rival.
The war of [[1914-18]] left few houses standing.
She led the school from [[1914 to 1918]].
The season of [[2008–09]] was his best.
The [[1998/99]] winter was mild.
He served as mayor ([[1921–1933]]).
The plan of [[1999-2000]] was dropped.
Ceramics of [[1650–1700]] fill the room.
In the [[1990s]] the mill closed.
Music of the [[90s]] fills the bar.
In the early [[1920s]] hats were small.
Fashions of the late [[1960s]] came back.
The mid-[[1970s]] were hard years.
He left in the ‘[[80s]] and came back later.
She sang in clubs in the '[[60s]].
The [[1840s]] and [[1850s]] brought railways.
Buildings of the [[1920s–1930s]] line the street.
Many left in the [[thirties]].
In the late [[nineties]] rents rose.
It was made in the [[1800s]].
The church is from the [[19th century]].
A [[12th-century]] chapel stands there.
Trade grew in the [[eighteenth century]].
Between the [[18th and 19th centuries]] little changed.
From the [[6th to the 15th centuries]] it was a capital.
The tomb is of the [[5th century BC]].
Grain was grown there in the [[3rd millennium BC]].
In the early [[20th century]] trams came.
A late-[[16th-century]] map shows the wall.
The [[twenty-first century]] began quietly.
The style spread in the [[second century AD]].
He was killed in [[44 BC]] by his friends.
The volcano erupted in [[AD 79]].
Rome was taken in [[476 AD]].
The wall was built about [[300 BCE]].
The wars of [[264–241 BC]] were fought at sea.
The emperor ruled from [[27 BC to AD 14]].
His reign, [[27 BC – AD 14]], was long.
The cave was used by [[10,000 BC]].
The battle of [[31 B.C.]] ended it.
The city was founded in [[753 BC]], as legend has it.
The temple fell in [[70 CE]].
On [[15 March 44 BC]] he was warned.
Everyone remembers the [[summer of 1969]].
In the [[spring of 1848]] crowds gathered.
The [[winter of 1812–13]] was cruel.
By [[autumn 1944]] the port was free.
They married in [[Fall 1987]].
About 1200 people live in the valley.
The hall seats 1500 people.
There were 1200 soldiers in the fort.
He paid $1984 for the car.
It costs £1200 or more.
The road is 1984 km long.
The peak is 1650 metres high.
The lake lies at 1200 feet.
It took 1800 workers to build it.
The factory makes 1500 cars a day.
More than 1900 were sent home.
The book has 1040 pages.
She read "1984" on the train.
They may march in the morning.
He may 12 times have tried.
An august body of judges sat there.
The long march led over the mountains.
May I ask a question?
March on, said the captain.
Ms. May spoke first.
June Carter sang that night.
April Smith wrote the report.
August Strindberg wrote plays.
The train left at 10:45 and came at 12:30.
At 1800 hours the guns fell silent.
The model number is 1998-B.
They live at 1600 Pennsylvania Avenue now.
The screen shows 1920×1080 points.
The factory weighs 1,984 tons a day.
Its speed is 1234.5 in the test.
A 1200-year-old oak stands there.
Flight 1549 landed on the river.
Windows 2000 was sold for years.
See page 1203 of the report.
The population was 1650 then.
It has a capacity of 1800.
A crowd of 1500 gathered.
The prize was 1500 dollars.
Some 1700 fled at once.
The engine gives 1100 hp.
The temperature rose to the 50s °F.
He is in his 80s now.
The second half was better.
The first and third runners fell.
The fall of the city was sudden.
Spring came late that year.
The summer of love is over.
Room 1408 is never let.
The code is 1234567.
The 1500 metres was won by a boy.
The fleet had 1300 ships and 2000 guns.
They spring into action at dawn.
He won by 2008 votes.
The year [[14]] made him emperor.
He fell in [[661]] by the sword.
The wall of [[122 AD]] is long.
In 290 villages there was no well.
Its [[2010]] merger failed.
A [[1999]] film shows it.
Post-[[1945]] writers were different.
A pre-[[1900]] map hangs there.
On [[8 May 1945]] and [[2 September 1945]] it was over.
He lived there [[1831–36]], and she until [[1840]].
From [[9 to 12 June 1972]] they met.
"""


def _cases() -> list[tuple[str, list[str]]]:
  cases = []
  for line in _SENTENCES.strip().splitlines():
    marked = re.findall(r"\[\[(.*?)\]\]", line)
    text = re.sub(r"\[\[|\]\]", "", line)
    cases.append((text, marked))
  return cases


def _places(text: str, wanted: list[str]) -> list[tuple[int, int]]:
  places, at = [], 0
  for date in wanted:
    start = text.index(date, at)
    at = start + len(date)
    places.append((start, at))
  return places


def test_precision_and_recall_on_our_sentences():
  right = found_total = wanted_total = 0
  wrong = []
  for text, wanted in _cases():
    found = dates.find_dates(text)
    places = _places(text, wanted)
    right += len(set(found) & set(places))
    found_total += len(found)
    wanted_total += len(places)
    if found != places:
      wrong.append(f"{text}  found {[text[a:b] for a, b in found]}")
  precision, recall = right / found_total, right / wanted_total
  figures = f"precision {precision:.3f}, recall {recall:.3f}"
  report = "\n".join([figures, *wrong])
  assert len(_cases()) >= 120
  assert precision >= 0.95, report
  assert recall >= 0.95, report


@pytest.mark.parametrize(
  ("text", "wanted"),
  [
    ("", []),
    ("1914", ["1914"]),
    ("Zürich, 12. März; Łódź, 3 May 1791.", ["3 May 1791"]),
    ("昭和 in 1926 年", ["1926"]),
  ],
)
def test_edges(text, wanted):
  assert [text[a:b] for a, b in dates.find_dates(text)] == wanted
