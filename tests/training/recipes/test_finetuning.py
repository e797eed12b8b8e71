"""Fine-tuning on a corpus of a dozen passages, through `finetuning.run`."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import errors
from realm_tf.answering import closed_book
from realm_tf.answering import open_qa
from realm_tf.answering import passage_memory
from realm_tf.checkpoints import assignment
from realm_tf.checkpoints import names
from realm_tf.checkpoints import reading
from realm_tf.checkpoints.formats import own_run
from realm_tf.data.corpus import corpora
from realm_tf.index.job import corpus_index
from realm_tf.index.versions import index_store
from realm_tf.models import orqa
from realm_tf.runs import run_config
from realm_tf.training import training_checkpoints
from realm_tf.training.init import orqa_init
from realm_tf.training.recipes import dev_questions
from realm_tf.training.recipes import finetune_hook
from tests import documented_programs
from tests import people
from tests.checkpoints import formats
from tests.end_to_end import tiny_runs
from tests.launch import suggested


def test_a_few_questions_are_learned_to_an_exact_match_of_1(overfitted):
  evaluations = tiny_runs.scalars(overfitted, "eval")
  assert evaluations["exact_match"][0] < 1.0
  assert max(evaluations["exact_match"].values()) == 1.0
  reader, retriever = evaluations["reader_loss"], evaluations["retriever_loss"]
  assert reader[200] < 0.2 * reader[0]
  assert retriever[200] < 0.8 * retriever[0]
  assert evaluations["answer_in_retriever_beam"][200] == 1.0


def test_the_best_weights_are_kept_and_answer_after_loading(overfitted):
  model_dir = overfitted
  best, step = training_checkpoints.best(
    str(model_dir), dev_questions.EXACT_MATCH
  )
  assert best == 1.0
  assert 0 < step <= 200
  answerer = open_qa.OpenQA.from_run(str(model_dir))
  # All dev questions are answered right: none is kept back.
  assert own_run.best_facts(str(model_dir))[open_qa.THRESHOLD] == 0.0
  texts = [f"where was {person} born?" for person in people.PEOPLE]
  found = answerer.answer(people.PEOPLE, texts, k=8).predictions
  assert [p.answer for p in found] == list(people.PLACES)
  corpus = corpora.Corpus.open(run_config.read(str(model_dir)).corpus)
  table = corpus.load_passages()
  titles, bodies = corpus.read_texts()
  for prediction, person in zip(found, people.PEOPLE, strict=True):
    row = [i.decode() for i in table.ids].index(prediction.passage_id)
    assert prediction.passage_title == titles[row] == person
    start, limit = prediction.span
    body = bodies[row].encode()
    assert body[start:limit].decode() == prediction.answer
    assert len(set(prediction.retrieved)) == 8
    assert prediction.id == person
    scores = prediction.scores
    assert scores["total"] == pytest.approx(
      scores["retriever"] + scores["reader"], abs=1e-4
    )
    assert 0 < prediction.probability <= 1


@pytest.mark.usefixtures("eagerly")
def test_the_documented_program_runs(overfitted, tmp_path, monkeypatch):
  model_dir = overfitted
  (tmp_path / "MODEL_DIR").symlink_to(model_dir)
  defined = documented_programs.run(
    "docs/fine_tuning.md", tmp_path, monkeypatch
  )
  assert defined["qa"].corpus.num_passages == len(people.PEOPLE)


@pytest.mark.usefixtures("eagerly")
def test_bm25_finds_passages_for_the_same_reader(overfitted):
  model_dir = overfitted
  answerer = open_qa.OpenQA.from_run(str(model_dir))
  texts = [f"where was {person} born?" for person in people.PEOPLE]
  rows = answerer.retrievers.retrieve(texts, 3, "bm25").rows
  found = answerer.answer(
    people.PEOPLE, texts, k=3, retriever="bm25"
  ).predictions
  corpus = corpora.Corpus.open(run_config.read(str(model_dir)).corpus)
  titles, bodies = corpus.read_texts()
  assert [titles[row] for row in rows[:, 0]] == people.PEOPLE
  body_of = dict(zip(titles, bodies, strict=True))
  for prediction in found:
    assert prediction.answer
    assert prediction.answer in body_of[prediction.passage_title]
    assert prediction.scores["total"] == prediction.scores["reader"]
  # Nothing is found by words that nobody knows, and nothing answered.
  [nothing] = answerer.answer(
    ["1"], ["東京"], k=3, retriever="bm25"
  ).predictions
  assert (nothing.answer, nothing.retrieved) == ("", ())
  assert nothing.probability == 0.0
  with pytest.raises(errors.UserError, match="retriever=tfidf"):
    answerer.retrievers.retrieve(texts, 3, "tfidf")


def test_the_index_and_the_passage_tower_stay_as_they_were(world, overfitted):
  model_dir = overfitted
  retriever = open_qa.OpenQA.from_run(str(model_dir)).model.retriever
  assert not (model_dir / "index").exists()
  assert run_config.read(str(model_dir)).index_run == str(world / "realm")
  path = str(world / "realm/exports/embedder/50")
  exported = tf.saved_model.load(path)
  ids = tf.constant([[2, 9, 8, 7, 3, 0, 0, 0]])
  before = exported.signatures["passage"](token_ids=ids)["embedding"]
  np.testing.assert_allclose(retriever.passage_embedder(ids), before, atol=1e-5)
  assert np.abs(retriever.query_embedder(ids) - before).max() > 0.01


# Of `people.config_of(dropout=0.1)`, before passage towers could be trained.
_LOSSES_OVER_A_FROZEN_INDEX = {
  "loss": [
    4.359852, 4.354154, 4.352568, 4.278532, 4.646759, 5.647312, 4.785968,
    4.110900,
  ],
  "retriever_loss": [
    2.518127, 2.424496, 2.403043, 2.277643, 2.160626, 2.441015, 2.226627,
    2.210680,
  ],
  "reader_loss": [
    4.911265, 5.145755, 5.198734, 5.335704, 4.972266, 5.130075, 5.118681,
    5.067253,
  ],
}  # fmt: skip


def test_a_resumed_run_is_an_undisturbed_one(world, tmp_path, monkeypatch):
  # The dropout's state must survive, too.
  config = people.config_of(dropout=0.1)
  calm = people.run(world, tmp_path / "calm", config)

  def fail(self, step, feed):
    if step == 5:
      raise KeyboardInterrupt

  with monkeypatch.context() as patch:
    patch.setattr(finetune_hook.FinetuneHook, "before_step", fail)
    with pytest.raises(KeyboardInterrupt):
      people.run(world, tmp_path / "killed", config)
  resumed = people.run(world, tmp_path / "killed", config)
  wanted = tiny_runs.scalars(tmp_path / "calm", "train")
  found = tiny_runs.scalars(tmp_path / "killed", "train")
  assert sorted(wanted["loss"]) == list(range(1, 9))
  for name, values in _LOSSES_OVER_A_FROZEN_INDEX.items():
    assert list(wanted[name].values()) == pytest.approx(values, rel=1e-3), name
  for name in wanted:
    if name != "examples_per_sec":
      rel = 1e-4 if name == "gradient_norm" else 1e-5
      assert found[name] == pytest.approx(wanted[name], rel=rel), name
  for one, other in zip(
    calm.task.variables, resumed.task.variables, strict=True
  ):
    # Biases that a softmax cancels have gradients of mere rounding, which Adam
    # makes larger. A lost state of the optimizer moves weights by over 1e-3.
    np.testing.assert_allclose(one, other, atol=1e-4)


@pytest.mark.usefixtures("eagerly")
def test_patterns_are_trained_on(world, tmp_path):
  regex = str(world / "regex.jsonl")
  config = people.config_of(train_steps=4, learning_rate=1e-2)
  done = people.run(
    world, tmp_path / "run", config, dataset=regex, dev_dataset=regex
  )
  losses = tiny_runs.scalars(tmp_path / "run", "train")["reader_loss"]
  shares = tiny_runs.scalars(tmp_path / "run", "train")["answer_in_reader_beam"]
  assert done.result.step == 4
  assert list((world / "realm" / "index_in_use").glob("finetune-*.json"))
  assert all(0 < loss < 20 for loss in losses.values())
  assert max(shares.values()) > 0
  config = dataclasses.replace(config, answer_match="substring")
  with pytest.raises(errors.UserError, match="answer_match=substring"):
    people.run(
      world, tmp_path / "other", config, dataset=regex, dev_dataset=regex
    )
  assert not (tmp_path / "other").exists()


@pytest.mark.usefixtures("eagerly")
def test_parts_of_words_are_answers_if_it_is_told_so(world, tmp_path):
  part = people.write_jsonl(
    tmp_path / "part.jsonl",
    [
      {"question": f"where was {name} born?", "answer": place[:-1]}
      for name, place in zip(people.PEOPLE, people.PLACES, strict=True)
    ],
  )
  shares = []
  for match in ("words", "substring"):
    config = people.config_of(train_steps=3, answer_match=match)
    folder = tmp_path / match
    people.run(world, folder, config, dataset=part, dev_dataset=part)
    found = tiny_runs.scalars(folder, "train")
    shares.append(max(found["answer_in_retriever_beam"].values()))
  assert shares == [0.0, 1.0]


@pytest.mark.usefixtures("eagerly")
def test_training_stops_where_exact_match_does_not_rise(
  world, tmp_path, capsys, monkeypatch
):
  # As of 13.35 million passages.
  monkeypatch.setattr(passage_memory.Texts, "nbytes", 9 * 10**9)
  config = people.config_of(
    train_steps=50,
    learning_rate=1e-9,
    evaluate_every_steps=2,
    patience=2,
    reader_length=20,
    max_span_length=1,
  )
  done = people.run(world, tmp_path / "run", config)
  shown = capsys.readouterr().out
  assert "reader_length=20 cuts" in shown
  # São Paulo and New York, to train and to dev.
  assert "left out   4 questions to the reader" in shown
  assert "max_span_length=1\n" in shown
  assert ", other data 9.0" in shown
  best, step = training_checkpoints.best(
    str(tmp_path / "run"), dev_questions.EXACT_MATCH
  )
  assert done.result.step == step + 4
  assert best == done.result.evaluations[step]["exact_match"]
  capsys.readouterr()
  again = people.run(world, tmp_path / "run", config)
  assert again.result.step == done.result.step
  assert "stopped early" in capsys.readouterr().out


@pytest.mark.usefixtures("eagerly")
def test_without_an_index_the_corpus_is_embedded_first(world, tmp_path, capsys):
  config = people.config_of(train_steps=3)
  people.run(world, tmp_path / "run", config, init=str(world / "ict"))
  assert (tmp_path / "run/index/0/manifest.json").exists()
  shown = capsys.readouterr().out
  assert "Initialised the reader's encoder from" in shown
  assert "it is its retriever's" in shown
  # A run that was fine-tuned gives all its parts, and its index.
  people.run(world, tmp_path / "next", config, init=str(tmp_path / "run"))
  shown = capsys.readouterr().out
  assert f"Initialised the reader from {tmp_path}/run" in shown
  flags = suggested.check(shown, "evaluate")
  assert {"--split=dev", f"--model_dir={tmp_path}/next"} <= {*flags}
  assert run_config.read(str(tmp_path / "next")).index_run == str(
    tmp_path / "run"
  )


BERT_SHAPE = {
  "num_layers": 2,
  "hidden_size": 32,
  "num_heads": 4,
  "intermediate_size": 48,
  "max_positions": 40,
  "activation": "gelu",
}


def bert_config(**changes):
  return people.config_of(**(BERT_SHAPE | changes))


def write_bert(folder, world, vocab="", **casing):
  """Public weights with the corpus's vocabulary; returns their arrays."""
  text = vocab or (world / "corpus/vocab.txt").read_text()
  size = text.count("\n")
  formats.hugging_face(folder, formats.resized(size), vocab_size=size)
  (folder / "vocab.txt").write_text(text)
  if casing:
    (folder / "tokenizer_config.json").write_text(json.dumps(casing))
  return reading.read(str(folder)).variables


def write_ict(folder, world):
  corpus = corpora.Corpus.open(str(world / "corpus"))
  return people.write_pretrained(folder, corpus, "pretrain_ict", **BERT_SHAPE)


def bert_of(part):
  return {
    name: variable.numpy()
    for variable in part.weights
    if (name := names.from_keras(variable.name))
  }


def orqa_sources(folder):
  return {
    "init": "",
    "init_retriever": str(folder / "ict"),
    "init_reader": str(folder / "bert"),
  }


@pytest.mark.usefixtures("eagerly", "embeds_here")
def test_orqas_baseline_reads_with_bert_and_retrieves_with_ict(
  world, tmp_path, capsys, monkeypatch
):
  bert = write_bert(tmp_path / "bert", world)
  ict = reading.read(write_ict(tmp_path / "ict", world)).variables
  config = bert_config(train_steps=3, checkpoint_every_steps=1)
  sources = orqa_sources(tmp_path)
  first, scorer = {}, []

  def recorded(self, task, run):
    model = task.model
    scorer.append(model.reader.scorer.get_weights())
    report = orqa_init.initialize(model, run)
    scorer.append(model.reader.scorer.get_weights())
    first["reader"] = bert_of(model.reader)
    first["queries"] = bert_of(model.retriever.query_embedder)
    first["passages"] = bert_of(model.retriever.passage_embedder)
    return report

  def fail(self, step, feed):
    if step == 2:
      raise KeyboardInterrupt

  with monkeypatch.context() as patch:
    patch.setattr(finetune_hook.FinetuneHook, "initialize", recorded)
    patch.setattr(finetune_hook.FinetuneHook, "before_step", fail)
    with pytest.raises(KeyboardInterrupt):
      people.run(world, tmp_path / "run", config, **sources)
  for part, wanted, roles in (
    ("reader", bert, assignment.SPAN_READER_ROLES),
    ("queries", ict, assignment.ENCODER_ROLES),
    ("passages", ict, assignment.ENCODER_ROLES),
  ):
    assert {names.role(name) for name in first[part]} >= {*roles}
    for name, value in first[part].items():
      equal = np.array_equal(value, wanted[name])
      assert equal == (names.role(name) in roles), (part, name)
  for one, other in zip(*scorer, strict=True):
    np.testing.assert_array_equal(one, other)
  shown = capsys.readouterr().out
  assert f"reader's encoder from {tmp_path}/bert (Hugging Face)" in shown
  assert f"retriever from {tmp_path}/ict, step 40" in shown
  assert "reader's span scorer" in shown
  assert "unused: pooler, MLM head" in shown
  # ICT has no index: the corpus was embedded once. To go on needs neither.
  assert (tmp_path / "run/index/0/manifest.json").exists()
  for name in ("ict", "bert"):
    shutil.rmtree(tmp_path / name)
  assert people.run(world, tmp_path / "run", config, **sources).result.step == 3
  with pytest.raises(errors.UserError, match="leave `none` out"):
    closed_book.ClosedBook.from_run(str(tmp_path / "run"))


def test_a_language_model_of_ones_own_gives_the_reader(
  world, tmp_path, capsys, monkeypatch
):
  """What its config says of a retriever, which it has none of, is nothing."""
  corpus = corpora.Corpus.open(str(world / "corpus"))
  people.write_pretrained(tmp_path / "mlm", corpus, "pretrain_mlm")

  def stop(self, state):
    raise KeyboardInterrupt

  monkeypatch.setattr(finetune_hook.FinetuneHook, "before_training", stop)
  with pytest.raises(KeyboardInterrupt):
    people.run(
      world,
      tmp_path / "run",
      people.config_of(),
      init_reader=str(tmp_path / "mlm"),
    )
  shown = capsys.readouterr().out
  assert f"reader's encoder from {tmp_path}/mlm, step 40" in shown
  assert f"retriever from {world}/realm" in shown


@pytest.mark.parametrize(
  ("bert", "config", "words"),
  [
    ({}, {"num_layers": 1}, "Set config.num_layers=2"),
    ({}, {"activation": "gelu_tanh"}, "set config.activation=gelu"),
    ({"vocab": "\n".join(formats.VOCABULARY) + "\n"}, {}, "vocabulary"),
    ({"do_lower_case": False}, {}, "was trained on cased text"),
  ],
)
def test_public_weights_that_do_not_fit_are_refused(
  world, tmp_path, bert, config, words
):
  write_bert(tmp_path / "bert", world, **bert)
  people.write_pretrained(
    tmp_path / "ict",
    corpora.Corpus.open(str(world / "corpus")),
    "pretrain_ict",
    **(BERT_SHAPE | config),
  )
  message = error_of(
    world, tmp_path / "run", bert_config(**config), **orqa_sources(tmp_path)
  )
  assert f"init_reader={tmp_path}/bert" in message
  assert words in message


def test_public_weights_give_no_retriever(world, tmp_path):
  write_bert(tmp_path / "bert", world)
  for flag in ("init", "init_retriever"):
    message = error_of(
      world, tmp_path / "run", **{flag: str(tmp_path / "bert")}
    )
    assert f"init_retriever={tmp_path}/bert is no run" in message
    assert "go to `init_reader`" in message
  (tmp_path / "bert/vocab.txt").unlink()
  message = error_of(
    world, tmp_path / "run", init_reader=str(tmp_path / "bert")
  )
  assert f"`init_reader`: {tmp_path}/bert has no vocabulary" in message


def write_best(run, step):
  """Makes the weights of a run's checkpoint its best, as if of a step."""
  folder = run / "exports" / "best"
  folder.mkdir()
  for path in (run / "checkpoints").glob("ckpt-40.*"):
    name = path.name.replace("ckpt-40", f"weights-{step}")
    shutil.copy(path, folder / name)
  manifest = {"step": step, "weights": f"weights-{step}"}
  (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize("step, newest", [(20, 50), (50, 50), (60, None)])
def test_an_index_is_as_new_as_the_weights_or_none(
  world, tmp_path, step, newest
):
  shutil.copytree(world / "realm", tmp_path / "run")
  write_best(tmp_path / "run", step)
  run_dir = str(tmp_path / "run")
  fingerprint = run_config.read(run_dir).corpus_fingerprint
  assert corpus_index.newest(run_dir, fingerprint) == newest


@pytest.mark.usefixtures("eagerly", "embeds_here")
def test_a_retriever_trained_beyond_its_index_embeds_the_corpus(
  world, tmp_path, capsys
):
  """As after `pretrain --refresh=off`, whose index is that of its start."""
  shutil.copytree(world / "realm", tmp_path / "realm")
  write_best(tmp_path / "realm", 60)
  people.run(
    world,
    tmp_path / "run",
    people.config_of(train_steps=3),
    init=str(tmp_path / "realm"),
  )
  shown = capsys.readouterr().out
  assert f"Initialised the retriever from {tmp_path}/realm, step 60" in shown
  assert (tmp_path / "run/index/0/manifest.json").exists()


@pytest.mark.usefixtures("eagerly")
def test_a_run_that_cannot_be_written_to_lends_its_index(
  world, tmp_path, capsys, monkeypatch
):
  def refuse(self, reader, steps, *, of=""):
    raise tf.errors.PermissionDeniedError(None, None, "Permission denied")

  monkeypatch.setattr(index_store.IndexStore, "announce", refuse)
  people.run(world, tmp_path / "run", people.config_of(train_steps=3))
  shown = capsys.readouterr().out
  assert f"warning: {world}/realm/index/50 is not kept from being" in shown


def error_of(world, model_dir, config=None, **changes):
  with pytest.raises(errors.UserError) as error:
    people.run(world, model_dir, config or people.config_of(), **changes)
  assert "\n" not in str(error.value)
  assert not model_dir.exists()
  return str(error.value)


def test_mistakes_are_told_before_anything_is_written(world, tmp_path):
  model_dir = tmp_path / "run"
  assert "`init_retriever`" in error_of(world, model_dir, init="")
  assert "is no run" in error_of(world, model_dir, init=str(world))
  wide = people.config_of(hidden_size=64)
  assert "hidden_size=32" in error_of(world, model_dir, wide)
  # The corpus must be embedded as the retriever was trained.
  whole = people.config_of(passage_segments=False)
  message = error_of(world, model_dir, whole)
  assert "passage_segments=True" in message
  assert "config.passage_segments=False" in message
  other = error_of(world, model_dir, dataset="no_such_set", dev_dataset="")
  assert "no_such_set" in other


def test_an_index_of_another_corpus_is_refused(world, tmp_path):
  corpus = people.write_other_corpus(tmp_path, world)
  message = error_of(world, tmp_path / "run", corpus=corpus)
  assert "index of another corpus" in message


@pytest.mark.usefixtures("eagerly")
def test_dev_questions_are_answered_on_the_devices_of_the_run(
  world, tmp_path, monkeypatch
):
  best_spans = orqa.best_spans
  in_strategy = []

  def recorded(*args, **kwargs):
    in_strategy.append(tf.distribute.has_strategy())
    return best_spans(*args, **kwargs)

  monkeypatch.setattr(orqa, "best_spans", recorded)
  people.run(world, tmp_path / "run", people.config_of(train_steps=3))
  assert in_strategy and all(in_strategy)


def test_the_closed_book_is_asked_of_the_reader_at_the_start_of_a_chain(
  overfitted, tmp_path
):
  model_dir = overfitted
  run = run_config.read(str(model_dir))
  for name, init in (("next", model_dir), ("last", tmp_path / "next")):
    run_config.write_or_match(
      str(tmp_path / name), dataclasses.replace(run, init_reader=str(init))
    )
  asked = (["1"], ["where was Ada born?"])
  [wanted] = closed_book.ClosedBook.from_run(run.init_reader).answer(*asked)
  [found] = closed_book.ClosedBook.from_run(str(tmp_path / "last")).answer(
    *asked
  )
  assert found == wanted
