"""Splits questions into train, dev and test, no article in two of them.

python -m benchmarks.split_by_article --questions=FILE --output=FOLDER \
  [--test=2000] [--dev=1000]

FILE has a question a line: JSON with `question`, `answer` and `title`, that of
the article that answers it. Written are FOLDER/train.jsonl, dev.jsonl and
test.jsonl, for `finetune --dataset=FOLDER/train.jsonl` and so on.
"""

import argparse
import collections
import os
import random
from collections.abc import Sequence
from typing import Any

from realm_tf.data import jsonl
from realm_tf.launch import command


def main() -> None:
  """Reads the questions and writes the three files."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument("--questions", required=True, help="JSONL, perhaps .gz")
  parser.add_argument("--output", required=True, help="folder")
  parser.add_argument("--test", type=int, default=2000, help="questions")
  parser.add_argument("--dev", type=int, default=1000, help="at least so many")
  arguments = parser.parse_args()
  with command.mistakes_in_one_line():
    questions = jsonl.read(
      arguments.questions,
      lambda record, _: {k: record[k] for k in ("question", "answer", "title")},
      "question",
      '"question", "answer" and "title"',
    )
    splits = split(questions, arguments.test, arguments.dev)
    os.makedirs(arguments.output, exist_ok=True)
    for name, rows in splits.items():
      path = os.path.join(arguments.output, f"{name}.jsonl")
      jsonl.write(path, rows)
      print(f"{path}: {len(rows):,} questions")


def split(
  questions: Sequence[dict[str, Any]], num_test: int, num_dev: int
) -> dict[str, list[dict[str, Any]]]:
  """Deals articles out, in an order that is drawn: to test, dev, then train.

  Args:
    questions: Each with its article's `title`.
    num_test: Questions of test; of its last article some may be left out.
    num_dev: Questions of dev at least: its last article is whole.

  Returns:
    The questions of "test", "dev" and "train", each in an order that is drawn.
  """
  by_title = collections.defaultdict(list)
  for question in questions:
    by_title[question["title"]].append(question)
  titles = sorted(by_title)
  random.Random(0).shuffle(titles)
  splits: dict[str, list[dict[str, Any]]] = {"test": [], "dev": [], "train": []}
  for title in titles:
    if len(splits["test"]) < num_test:
      name = "test"
    elif len(splits["dev"]) < num_dev:
      name = "dev"
    else:
      name = "train"
    splits[name] += by_title[title]
  for rows in splits.values():
    random.Random(1).shuffle(rows)
  del splits["test"][num_test:]
  return splits


if __name__ == "__main__":
  main()
