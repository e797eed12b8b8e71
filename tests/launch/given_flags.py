"""Flags of each command, for paths below a folder."""

_INPUTS = (
  "corpus/manifest.json",
  "corpus/sentences/sentences-00000-of-00001.tfrecord.gz",
  "run/config.json",
  "weights/model.ckpt.index",
  "tagger/exports/tagger/manifest.json",
  "questions.train.jsonl",
  "questions.jsonl",
  "articles.jsonl",
  "train.conll",
  "vocab.txt",
  "full/anything",
)


def write_inputs(root, *more):
  """Writes what `good` names, each an empty JSON object, and more like it."""
  for path in (*_INPUTS, *more):
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text("{}")


def good(root):
  """Returns flags of each command that nothing is wrong with."""
  corpus, run = f"{root}/corpus", f"{root}/run"
  training = {"config": "tiny", "corpus": corpus, "model_dir": f"{root}/new"}
  return {
    "annotate_spans": {"corpus": corpus, "tagger": f"{root}/tagger"},
    "build_corpus": {
      "input": f"{root}/art*.jsonl,encyclopedia:rivers",
      "vocab": f"{root}/vocab.txt",
      "output": f"{root}/new/corpus",
      "metadata": "url,date",
    },
    "compile_tpu": {"config": "tiny", "tpu_python": f"{root}/vocab.txt"},
    "demo": {"output": f"{root}/new"},
    "drqa": {
      "corpus": corpus,
      "dataset": "encyclopedia:rivers",
      "model_dir": f"{root}/new",
    },
    "edit_corpus": {
      "corpus": corpus,
      "add": f"{root}/articles.jsonl",
      "replace": f"{root}/articles.jsonl",
      "remove": f"@{root}/vocab.txt",
      "output": f"{root}/new",
      "model_dir": run,
    },
    "ask": {"model_dir": run, "corpus": corpus},
    "export": {
      "model_dir": run,
      "output": f"{root}/new",
      "corpus": corpus,
    },
    "evaluate": {
      "model_dir": run,
      "dataset": f"{root}/questions.jsonl",
      "corpus": corpus,
      "output": f"{root}/new",
      "manual_dir": str(root),
      "retriever": "bm25,dense",
    },
    "finetune": training
    | {
      "dataset": f"{root}/questions.{{split}}.jsonl",
      "dev_dataset": "nq_open",
      "init": run,
      "init_reader": f"{root}/weights",
    },
    "import_checkpoint": {
      "source": f"{root}/weights/model.ckpt",
      "passage_tower": f"{root}/weights",
      "output": f"{root}/new",
      "corpus": corpus,
    },
    "knn_lm": {"model_dir": run, "corpus": corpus, "output": f"{root}/new"},
    **{
      name: {
        "bert": f"{root}/weights",
        "corpus": corpus,
        "dataset": "encyclopedia:rivers",
        "model_dir": f"{root}/new",
      }
      for name in ("graph_retriever", "path_retriever")
    },
    "pretrain": training
    | {
      "pretrain_corpus": corpus,
      "init_checkpoint": f"{root}/weights,{run}",
      "questions": "encyclopedia:rivers",
    },
    "pretrain_ict": training | {"init_checkpoint": run},
    "pretrain_mlm": training,
    "refresh_index": {"model_dir": run, "corpus": corpus},
    "reproduce": {"table": "2", "output": f"{root}/new"},
    "serve": {"model_name": "realm", "model_base_path": str(root)},
    "t5": {
      "corpus": corpus,
      "dataset": "encyclopedia:rivers",
      "model_dir": f"{root}/new",
    },
    "train_tagger": {
      "config": "tiny",
      "data": f"{root}/train.conll",
      "valid": str(root),
      "vocab": f"{root}/vocab.txt",
      "model_dir": f"{root}/new",
    },
  }


def argv(flags):
  return [f"--{name}={value}" for name, value in flags.items()]
