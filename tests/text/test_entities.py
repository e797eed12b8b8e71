"""The entity finder against sentences whose names are marked by hand."""

import re

import pytest

from realm_tf.text import entities
from realm_tf.text import gazetteers

# [[...]] marks what is to be found.
_SENTENCES = """
The [[United Kingdom]] lies off the coast of [[Europe]].
A novel by [[Leo Tolstoy]] made him famous.
He kept his savings at the [[Bank of England]] in [[London]].
The symphonies of [[Ludwig van Beethoven]] are played often.
In [[Germany]], the rivers flow north.
Although [[Napoleon]] lost, his laws stayed.
The old bridge was rebuilt.
Water boils at a lower temperature there.
However, nobody came.
It was President [[Lincoln]]'s idea.
She saw Dr. [[Watson]] and Mrs. [[Hudson]] at noon.
The [[U.S. Army]] sent engineers.
He lived in the [[U.S.]] The winters were cold.
[[NASA]] launched the probe.
The writer [[J. R. R. Tolkien]] liked trees.
The play by [[George Bernard Shaw]] opened.
They sold [[Mozart]]'s piano.
The [[Austro-Hungarian]] army withdrew.
A poem by [[Charles-Pierre Baudelaire]] was read.
The painter [[Paul Cézanne]] and the poet [[Émile Zola]] were friends.
He flew from [[São Paulo]] to [[Zürich]].
She wrote "[[Middlemarch]]" in a year.
The company ([[Siemens]]) makes engines.
On Monday the shop is closed.
In August I went home.
It was I who called.
Then I said so.
During [[World War II]] the harbour was bombed.
The reign of [[Elizabeth I]] was long.
[[Catherine the Great]] bought paintings.
The [[University of Oxford]] is old.
[[Vincent van Gogh]] sold few pictures.
[[Charles de Gaulle]] spoke on the radio.
[[New York]] is a large city.
[[North Korea]] closed the border.
King [[George III]] was ill.
Former President [[Clinton]] came too.
The [[Centers for Disease Control]] warned of it.
He shouted: "The ship is sinking!"
They took [[Apollo 11]] to the pad.
The ships of [[O'Neill]] and [[D'Artagnan]] met.
The firm of [[Johnson & Johnson]] and [[AT&T]] agreed.
Many [[French]] towns have a market.
[[Kafka]]'s father had a shop.
The fee was US$20 a day.
[[Hasan ibn Ali]] made peace.
Today the [[Andes]] are quiet.
[[Newton]] wrote that in a letter.
[[Muawiyah I]]. In the end he won.
After the war the [[South]] was poor.
Water and [[Church]] land were shared.
They sailed to [[Prince Edward Island]] with Prince [[Edward]].
The [[US]]-led force met [[Danish]]-speaking guides.
The Company paid the King, and [[Chevron]] paid Captain [[Cook]].
It was sold on [[Chegg.com]], as Chapter 3 of the book on TV says.
[[Hannibal]] famously crossed the mountains.
The [[Red Cross]] and the [[Church of Norway]] helped.
"""


def _cases() -> list[tuple[str, list[str]]]:
  return [
    (re.sub(r"\[\[|\]\]", "", line), re.findall(r"\[\[(.*?)\]\]", line))
    for line in _SENTENCES.strip().splitlines()
  ]


@pytest.mark.parametrize(("text", "wanted"), _cases())
def test_names_in_our_sentences(text, wanted):
  found = [text[a:b] for a, b in entities.find_entities(text)]
  assert found == wanted


def test_a_name_in_mid_sentence_is_evidence_for_one_at_the_start():
  alone = "Rostov sings. People listen."
  both = "Rostov sings. People listen to Rostov."
  assert entities.find_entities(alone) == []
  assert len(entities.find_entities(both)) == 2


def test_the_title_is_evidence():
  text = "Rostov sings."
  assert entities.find_entities(text, "Nikolai Rostov") == [(0, 6)]
  # A title's first word has a capital in any case.
  text = "Mosaic is old. A mosaic is made of stones."
  assert entities.find_entities(text, "Mosaic") == []


def test_a_heading_in_capitals_is_no_name():
  assert entities.find_entities("A HISTORY OF GREAT INVENTIONS") == []


def test_gazetteer_finds_the_longest_name_in_any_case():
  names = gazetteers.Gazetteer(
    ["Gold", "Noble gases", "Gas", "Mercury (planet)"]
  )
  text = "The noble gases, gold and mercury; no gasoline."
  found = [text[a:b] for a, b in names.find(text)]
  assert found == ["noble gases", "gold", "mercury"]


def test_gazetteer_leaves_common_words_and_numbers_out():
  names = gazetteers.Gazetteer(["The", "1984", "It", "", "I"])
  assert names.find("the year 1984, it and I") == []
