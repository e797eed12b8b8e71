"""The lines of a training's plan, by hand."""

import dataclasses
import json

import pytest

from realm_tf import errors
from realm_tf.configs import base
from realm_tf.configs import tiny
from realm_tf.plans import corpus_size
from realm_tf.plans import training_plan


def plan(config, **asked):
  return training_plan.lines(config, training_plan.Asked(**asked))


def test_the_papers_setting_on_64_cores():
  lines = plan(
    base.pretrain(),
    corpus="none",
    tpu="pod",
    replicas=64,
    retrieval="device",
    refresh="external",
  )
  assert lines["devices"] == (
    "tpu=pod, which is not asked; planned for 64 replicas"
  )
  assert lines["batch"] == "512 in all, 8 a replica; 200,000 steps"
  assert "Wikipedia's 13,353,718 passages" in lines["corpus"]
  # As docs/device_retrieval.md has them.
  assert "vectors 0.05, wordpieces 0.12, scores 0.43" in lines["each device"]
  assert "query embedder 0.44" in lines["each device"]
  assert lines["each device"].startswith("4.55 GB: weights 0.88")
  # The index once, in two bytes a value, and a fingerprint a passage.
  assert "index 3.42, other data 0.11" in lines["each host"]


def test_inline_refresh_has_no_embedder_of_its_own_and_no_versions():
  lines = plan(
    base.pretrain(), corpus="none", retrieval="device", refresh="inline"
  )
  assert "query embedder" not in lines["each device"]
  assert lines["index"] == "embedded by the steps, 500 a round"
  assert "version" not in lines


def test_the_batch_says_how_many_queries_it_is_chosen_of():
  config = dataclasses.replace(base.pretrain(), query_oversampling=4)
  line = training_plan.describe_batch(config, 64)
  assert line == (
    "512 in all, 8 a replica; 200,000 steps; chosen of 2,048 queries"
  )


def test_a_batch_that_does_not_divide_is_refused():
  with pytest.raises(errors.UserError) as error:
    plan(base.finetune(), replicas=64)
  assert str(error.value) == (
    "config.batch_size=16 must divide by the 64 replicas."
  )


def test_workers_of_a_cluster_are_replicas(monkeypatch):
  place = {
    "cluster": {"worker": ["a:1", "b:1"]},
    "task": {"type": "worker", "index": 1},
  }
  monkeypatch.setenv("TF_CONFIG", json.dumps(place))
  lines = plan(tiny.pretrain_ict(), corpus="none")
  assert lines["devices"].startswith("2 workers of TF_CONFIG; planned for 2")
  # A TPU has one client.
  lines = plan(tiny.pretrain_ict(), corpus="none", tpu="pod", replicas=1)
  assert lines["devices"].endswith("planned for 1 replica")


def test_a_worker_without_a_number_is_refused(monkeypatch):
  place = {
    "cluster": {"worker": ["a:1", "b:1"]},
    "task": {"type": "worker", "index": float("inf")},
  }
  monkeypatch.setenv("TF_CONFIG", json.dumps(place))
  with pytest.raises(errors.UserError, match="TF_CONFIG is damaged"):
    plan(tiny.pretrain_ict(), corpus="none")


def test_a_corpus_says_how_large_it_is(tmp_path):
  (tmp_path / "manifest.json").write_text(
    json.dumps(
      {
        "passages": 100,
        "max_passage_tokens": 50,
        "tokenizer": {"vocab_size": 70_000},
      }
    )
  )
  found = corpus_size.read(str(tmp_path))
  assert (found.passages, found.wordpieces, found.sentences) == (100, 50, 750)
  assert found.token_bytes == 4
  assert not found.is_annotated
  (tmp_path / "sentences").mkdir()
  manifest = tmp_path / "sentences" / "manifest.json"
  manifest.write_text(json.dumps({"sentences": 7, "spans": {"date": 2}}))
  found = corpus_size.read(str(tmp_path))
  assert (found.sentences, found.spans, found.is_annotated) == (7, 2, True)


@pytest.mark.parametrize(
  "text", ["{", "[]", "{}", '{"passages": "many"}', '{"passages": Infinity}']
)
def test_a_damaged_manifest_is_refused(tmp_path, text):
  (tmp_path / "manifest.json").write_text(text)
  with pytest.raises(errors.UserError, match="corpus"):
    corpus_size.read(str(tmp_path))
