from tests import written_corpus


def test_rows_are_found_by_id_and_bodies_come_in_order(tmp_path):
  shards = [[(f"T{i}", f"body {i}") for i in range(n)] for n in (3, 0, 2, 1)]
  # No passage twice.
  shards[2] = [("U", body) for _, body in shards[2]]
  shards[3] = [("V", "Zoë")]
  corpus, ids = written_corpus.write_texts(tmp_path / "z", shards)
  assert corpus.find_rows(ids[::-1]).tolist() == [5, 4, 3, 2, 1, 0]
  assert corpus.find_rows(
    [ids[2], "", "é", "g" * 16, ids[2] + "0"]
  ).tolist() == [*(2, -1, -1, -1, -1)]
  assert corpus.find_rows([]).tolist() == []
  assert list(corpus.iterate_bodies()) == [
    *("body 0", "body 1", "body 2", "body 0", "body 1", "Zoë")
  ]
  assert corpus.read_texts([5, 0]) == (["V", "T0"], ["Zoë", "body 0"])
