import pytest

from tests import synthetic


@pytest.fixture(scope="session")
def small_corpus(tmp_path_factory):
  """A corpus on disk with the vocabulary of `synthetic`."""
  from realm_tf.data import build

  folder = tmp_path_factory.mktemp("corpus")
  (folder / "vocab.txt").write_text("\n".join(synthetic.VOCABULARY) + "\n")
  (folder / "articles.jsonl").write_text('{"title": "wa", "text": "na wb."}\n')
  build.build(
    build.BuildOptions(
      inputs=[str(folder / "articles.jsonl")],
      output=str(folder / "corpus"),
      vocab=str(folder / "vocab.txt"),
    )
  )
  return str(folder / "corpus")
