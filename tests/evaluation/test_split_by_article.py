from benchmarks import split_by_article


def test_no_article_is_in_two_splits_and_train_keeps_the_rest():
  questions = [
    {"question": f"{title} {i}?", "answer": "x", "title": title}
    for title in "abcdefghij"
    for i in range(7)
  ]

  splits = split_by_article.split(questions, num_test=10, num_dev=8)

  titles = {name: {q["title"] for q in rows} for name, rows in splits.items()}
  assert {name: len(rows) for name, rows in splits.items()} == {
    "test": 10,  # of 14
    "dev": 14,
    "train": 42,
  }
  assert not titles["test"] & titles["dev"]
  assert not titles["train"] & (titles["test"] | titles["dev"])
  assert len({q["question"] for q in sum(splits.values(), [])}) == 66
