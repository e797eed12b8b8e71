import numpy as np
import pytest
import tensorflow as tf

from realm_tf.data.examples import ict_examples
from realm_tf.models import embedders
from tests import synthetic
from tests.synthetic import CLS
from tests.synthetic import MASK
from tests.synthetic import SEP

TOKENIZER = synthetic.make_tokenizer()


def examples_of(corpus, *, heldout=False, **changes):
  config = synthetic.ict_config(**({"query_length": 24} | changes))
  return ict_examples.IctExamples(corpus, config, TOKENIZER, heldout=heldout)


def step_of(number):
  return tf.constant(number, tf.int64)


def expected_block(corpus, sentence, length, *, keep, title):
  passage = corpus.sentence_passages[sentence]
  start, limit = corpus.passage_splits[passage : passage + 2]
  cut = corpus.sentence_starts[sentence], corpus.sentence_limits[sentence]
  body = [
    int(corpus.tokens[i])
    for i in range(start, limit)
    if keep or not cut[0] <= i < cut[1]
  ]
  first, last = corpus.title_splits[passage : passage + 2]
  ids = corpus.title_tokens[first:last].tolist() if title else []
  ids = ids[: length - 3]
  row = [CLS, *ids, SEP, *body[: length - 3 - len(ids)], SEP]
  return row + [0] * (length - len(row))


@pytest.mark.parametrize("keep", [0.0, 1.0])
@pytest.mark.parametrize("drop_title", [0.0, 1.0])
@pytest.mark.parametrize("length", [6, 24, 40])
def test_a_block_is_its_passage_with_or_without_sentence_and_title(
  keep, drop_title, length
):
  corpus = synthetic.random_corpus()
  examples = examples_of(
    corpus,
    keep_sentence_probability=keep,
    drop_title_probability=drop_title,
    passage_length=length,
  )
  for step in range(4):
    blocks = examples(step_of(step))["passage_token_ids"].numpy()
    assert blocks.shape == (8, length)
    sentences = examples.source(step_of(step)).sentences.numpy()
    for block, sentence in zip(blocks, sentences, strict=True):
      assert block.tolist() == expected_block(
        corpus, sentence, length, keep=keep == 1, title=drop_title == 0
      )
      # A title that is left out ends in [SEP] all the same: the body alone is
      # the second segment.
      limits = np.flatnonzero(block == SEP)
      assert limits[0] == 1 or drop_title == 0
      segments = embedders.pair_segments(tf.constant(block[None]), SEP)[0]
      place = np.arange(length)
      np.testing.assert_array_equal(
        segments, (place > limits[0]) & (place <= limits[1])
      )


def shares(corpus, **changes):
  """How often the sentence stayed, the title went, the query was masked."""
  examples = examples_of(
    corpus, batch_size=500, query_length=32, passage_length=48, **changes
  )
  stayed, untitled, masked = [], [], []
  for step in range(4):
    features = examples(step_of(step))
    batch = examples.source(step_of(step))
    for row, sentence in enumerate(batch.sentences.numpy()):
      block = features["passage_token_ids"][row].numpy().tolist()
      options = {
        (keep, title): expected_block(
          corpus, sentence, 48, keep=keep, title=title
        )
        for keep in (True, False)
        for title in (True, False)
      }
      found = [option for option, ids in options.items() if ids == block]
      assert len(found) == 1
      stayed.append(found[0][0])
      untitled.append(not found[0][1])
      masked.append(MASK in features["query_token_ids"][row].numpy())
  return [float(np.mean(x)) for x in (stayed, untitled, masked)]


def test_sentence_stays_in_10_percent_of_the_blocks():
  stayed, untitled, masked = shares(synthetic.random_corpus())
  assert stayed == pytest.approx(0.1, abs=0.025)
  assert untitled == 0
  assert masked == 0


def test_probabilities_are_kept_and_independent_of_each_other():
  stayed, untitled, masked = shares(
    synthetic.random_corpus(),
    keep_sentence_probability=0.3,
    drop_title_probability=0.6,
    mask_query_probability=0.8,
  )
  assert stayed == pytest.approx(0.3, abs=0.04)
  assert untitled == pytest.approx(0.6, abs=0.04)
  assert masked == pytest.approx(0.8, abs=0.04)


def test_a_query_is_the_sentence_plain_or_masked():
  corpus = synthetic.random_corpus()
  examples = examples_of(corpus, mask_query_probability=0.5)
  seen = set()
  for step in range(4):
    queries = examples(step_of(step))["query_token_ids"].numpy()
    batch = examples.source(step_of(step))
    for row, query in enumerate(queries):
      plain = batch.token_ids[row].numpy().tolist()
      masked = batch.masked.token_ids[row].numpy().tolist()
      assert query.tolist() in (plain, masked)
      seen.add(query.tolist() == plain)
  assert seen == {True, False}


def test_sentences_without_spans_are_trained_on_too():
  corpus = synthetic.build_corpus(
    [([6], [[([30, 31, 32, 33], []), ([34, 7, 35, 36], [(1, 2)])]])]
  )
  examples = examples_of(
    corpus, heldout_fraction=0.0, batch_size=2, mask_query_probability=1.0
  )
  queries = examples(step_of(0))["query_token_ids"].numpy()[:, :6].tolist()
  assert sorted(queries) == [
    [CLS, 30, 31, 32, 33, SEP],
    [CLS, 34, MASK, 35, 36, SEP],
  ]


def corpus_with_whole_passages():
  """Of five passages, the second and the fourth are one sentence each."""
  sentence, other = ([30, 31, 32, 33], [(1, 2)]), ([34, 7, 35, 36], [(1, 2)])
  passages = [
    [sentence, other],
    [sentence],
    [other] * 3,
    [other],
    [sentence] * 2,
  ]
  return synthetic.build_corpus([([6], passages)])


@pytest.mark.parametrize("heldout", [False, True])
def test_a_sentence_that_is_its_whole_passage_is_left_out(heldout):
  corpus = corpus_with_whole_passages()
  # Passages 0, 3 and 4 are held out.
  buckets = corpus.uids % 10_000
  fraction = (np.sort(buckets)[2] + 1) / 10_000
  wanted = corpus.heldout(fraction) == heldout
  examples = examples_of(
    corpus,
    heldout=heldout,
    heldout_fraction=fraction,
    keep_sentence_probability=0.5,
    batch_size=4,
  )
  counts = np.bincount(corpus.sentence_passages)
  assert examples.source.num_examples == sum(counts[wanted & (counts > 1)])
  dropped = examples.source.dropped["sentence that is its whole passage"]
  assert dropped == sum(wanted & (counts == 1)) > 0
  for step in range(20):
    blocks = examples(step_of(step))["passage_token_ids"].numpy()
    assert (blocks[:, 3] != SEP).all()  # [CLS] title [SEP] body


def test_a_whole_passage_stays_where_every_sentence_stays():
  corpus = corpus_with_whole_passages()
  examples = examples_of(
    corpus, heldout_fraction=0.0, keep_sentence_probability=1.0
  )
  assert examples.source.num_examples == corpus.num_sentences


def test_a_corpus_without_titles_can_be_trained_on():
  corpus = synthetic.build_corpus([([], [[([30, 31, 32, 33], [(1, 2)])] * 2])])
  examples = examples_of(corpus, heldout_fraction=0.0, batch_size=2)
  features = examples(step_of(0))
  assert features["query_token_ids"][0, :6].numpy().tolist() == [
    CLS,
    30,
    31,
    32,
    33,
    SEP,
  ]
  assert features["passage_token_ids"][0, :3].numpy().tolist() == [CLS, SEP, 30]


def test_seed_and_step_alone_make_the_batch():
  corpus = synthetic.random_corpus()
  changes = {"mask_query_probability": 0.5, "drop_title_probability": 0.5}
  once = examples_of(corpus, **changes)(step_of(7))
  again = examples_of(corpus, **changes)(step_of(7))
  other = examples_of(corpus, seed=5, **changes)(step_of(7))
  for name in once:
    np.testing.assert_array_equal(once[name], again[name])
    assert (once[name].numpy() != other[name].numpy()).any()


def test_heldout_blocks_are_others():
  corpus = synthetic.random_corpus()
  seen = []
  for heldout in (False, True):
    source = examples_of(corpus, heldout=heldout).source
    seen.append(
      {
        int(corpus.sentence_passages[s])
        for step in range(-(-source.num_examples // 8))
        for s in source(step_of(step)).sentences.numpy()
      }
    )
  assert not seen[0] & seen[1]
