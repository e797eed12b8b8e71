"""Runs a source's weights in our models and in the source's own program."""

import dataclasses
import pathlib
import subprocess
import tempfile
from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from realm_tf.checkpoints import assignment
from realm_tf.checkpoints import names
from realm_tf.checkpoints import weight_source
from realm_tf.checkpoints.formats import hub_module
from realm_tf.checkpoints.formats import hugging_face
from realm_tf.checkpoints.formats import sentence_transformers
from realm_tf.configs import schema
from realm_tf.data.examples import packing
from realm_tf.models import embedders
from realm_tf.models import encoders
from realm_tf.models import masked_lm
from realm_tf.models import prompts

SENTENCES = (
  "The Danube rises in the Black Forest and flows into the Black Sea.",
  "Marie Curie was born in Warsaw in 1867, and moved to Paris at 24.",
  "Who wrote it?",
)
_PEER = pathlib.Path(__file__).with_name("peer_outputs.py")
_PEER_EMBEDDINGS = _PEER.with_name("peer_embeddings.py")
_PEER_SECS = 600

Arrays = Mapping[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Comparison:
  """The differences between our outputs and those of a source's own program.

  Attributes:
    program: The program that ran it, or why it was not run.
    differences: Largest absolute difference, by output; empty if not run.
  """

  program: str
  differences: dict[str, float]


NOT_RUN = Comparison(
  "not run: peer_python=PYTHON names one that has torch and transformers", {}
)


def inputs(found: weight_source.Source) -> dict[str, np.ndarray]:
  """Returns a batch of sentences, as BERT reads them.

  Args:
    found: The source; sets the tokenizer and the number of positions.

  Returns:
    `token_ids`, `segment_ids` <int32>[B, L], `mask_positions` <int32>[B, 2].
  """
  tokenizer = found.tokenizer()
  rows = [
    [tokenizer.cls_id, *ids, tokenizer.sep_id]
    for ids in tokenizer.tokenize(tf.constant(SENTENCES)).to_list()
  ]
  length = min(max(map(len, rows)), found.config.max_positions)
  token_ids = tf.keras.utils.pad_sequences(
    rows, length, "int32", padding="post", truncating="post"
  )
  # The second half is another segment, so that both are compared.
  segment_ids = np.where(token_ids != 0, np.arange(length) >= length // 2, 0)
  places = np.tile(np.array([[1, 2]], np.int32), (len(rows), 1))
  return {
    "token_ids": token_ids,
    "segment_ids": segment_ids.astype(np.int32),
    "mask_positions": places,
  }


def our_outputs(
  found: weight_source.Source, batch: Arrays
) -> dict[str, np.ndarray]:
  """Runs our masked language model with a source's weights.

  Args:
    found: The source.
    batch: See `inputs`.

  Returns:
    `hidden_states` [B, L, width], `pooled_output` [B, width] and `logits`
    [B, M, V], the latter two where the source has the parts for it.
  """
  config = dataclasses.replace(found.config, dropout=0.0)
  reader = masked_lm.MaskedLanguageModel(
    config, found.vocab_size, name="reader"
  )
  assignment.initialize_reader(reader, found)
  assignment.initialize_encoder(reader.encoder, found)
  ids, segments, places = (
    tf.constant(batch[name])
    for name in ("token_ids", "segment_ids", "mask_positions")
  )
  encoded = encoders.encode(reader.encoder, ids, segments, training=False)
  outputs = {"hidden_states": encoded["sequence_output"].numpy()}
  if names.POOLER in found.roles:
    outputs["pooled_output"] = encoded["pooled_output"].numpy()
  if names.MLM_HEAD in found.roles:
    outputs["logits"] = reader(ids, segments, places).numpy()
  return outputs


def compare(found: weight_source.Source, peer_python: str) -> Comparison:
  """Compares our outputs with those of the source's own program.

  Args:
    found: The source.
    peer_python: A Python that has torch and transformers, which run a Hugging
      Face folder; empty for none.
  """
  batch = inputs(found)
  if found.format == hub_module.FORMAT:
    program, theirs = "the SavedModel itself", _hub_outputs(found.path, batch)
  elif found.format not in (hugging_face.FORMAT, sentence_transformers.FORMAT):
    return Comparison("a checkpoint without its program cannot be run", {})
  elif not peer_python:
    return NOT_RUN
  else:
    folder = sentence_transformers.transformer_folder(found.path)
    program, theirs = run_peer(_PEER, folder, batch, peer_python)
  ours = our_outputs(found, batch)
  attended = batch["token_ids"] != 0
  for outputs in (ours, theirs):
    if "hidden_states" in outputs:  # without padding
      outputs["hidden_states"] = outputs["hidden_states"][attended]
  return Comparison(program, differences(ours, theirs))


def differences(ours: Arrays, theirs: Arrays) -> dict[str, float]:
  """Returns the largest absolute difference of each output that both have."""
  return {
    name: float(np.abs(value - theirs[name]).max())
    for name, value in ours.items()
    if name in theirs
  }


def our_embeddings(
  found: weight_source.Source, texts: Sequence[str]
) -> dict[str, np.ndarray]:
  """Embeds texts with a source's weights in our models.

  Args:
    found: The source, with its `encoder`.
    texts: Each is taken as a query and as a passage without a title.

  Returns:
    `query_embeddings` and `passage_embeddings`, <float32>[B, D].
  """
  if found.encoder is None:
    raise TypeError(f"{found.path} is no sentence encoder")
  tokenizer = found.tokenizer()
  encoder, fields = found.encoder, found.encoder.fields()
  config = dataclasses.replace(found.config, dropout=0.0)
  retriever = schema.RetrieverConfig(**fields)
  asked = (encoder.query_prompt, encoder.passage_prompt)
  ids = tokenizer.tokenize(tf.constant(asked)).to_list()
  towers = embedders.TwoTowers(
    config,
    retriever,
    tokenizer.vocab_size,
    tokenizer.sep_id,
    prompts.PromptIds(*ids),
  )
  embedded = {}
  for name, tower, prompt in (
    ("query", towers.query_embedder, ids[0]),
    ("passage", towers.passage_embedder, ids[1]),
  ):
    assignment.initialize_embedder(tower, found, encoder.dense)
    token_ids = packing.pack_queries(
      tokenizer.tokenize(tf.constant(texts)),
      encoder.max_length - len(prompt),
      tokenizer,
    )
    embedded[f"{name}_embeddings"] = tower(token_ids).numpy()
  return embedded


def compare_embeddings(
  found: weight_source.Source, peer_python: str
) -> Comparison:
  """Compares our embeddings with those of sentence-transformers.

  Args:
    found: The source, with its `encoder`, in a folder of
      sentence-transformers.
    peer_python: A Python that has sentence-transformers.
  """
  if found.encoder is None:
    raise TypeError(f"{found.path} is no sentence encoder")
  # The last is longer than what an encoder reads.
  texts = (*SENTENCES, " ".join(SENTENCES * found.encoder.max_length))
  given = {
    "texts": np.array(texts),
    "query_prompt": np.array(found.encoder.query_prompt),
    "passage_prompt": np.array(found.encoder.passage_prompt),
  }
  program, theirs = run_peer(_PEER_EMBEDDINGS, found.path, given, peer_python)
  ours = our_embeddings(found, texts) if theirs else {}
  return Comparison(
    program,
    {name: float(np.abs(e - theirs[name]).max()) for name, e in ours.items()},
  )


def run_peer(
  peer: pathlib.Path, folder: str, batch: Arrays, peer_python: str
) -> tuple[str, dict[str, np.ndarray]]:
  """Runs a program in a Python of its own.

  Args:
    peer: The program.
    folder: Of the weights.
    batch: What the program reads.
    peer_python: The Python.

  Returns:
    What ran it, and its outputs by name; or why it was not run, and nothing.
  """
  with tempfile.TemporaryDirectory() as temporary:
    given, made = (f"{temporary}/{name}.npz" for name in ("inputs", "outputs"))
    np.savez(given, **batch)
    try:
      done = subprocess.run(
        # -I: our own modules and PYTHONPATH are none of its concern.
        [peer_python, "-I", str(peer), folder, given, made],
        capture_output=True,
        text=True,
        timeout=_PEER_SECS,
      )
    except (OSError, subprocess.TimeoutExpired) as e:
      return f"not run: peer_python={peer_python}: {e}", {}
    if done.returncode:
      last = (done.stderr.strip().splitlines() or ["no message"])[-1]
      return f"not run: peer_python={peer_python} failed: {last}", {}
    with np.load(made) as outputs:
      found = dict(outputs)
  return str(found.pop("versions")), found


def _hub_outputs(path: str, batch: Arrays) -> dict[str, np.ndarray]:
  """Runs a SavedModel of TF Hub's."""
  loaded = tf.saved_model.load(path)
  features = {
    "input_word_ids": tf.constant(batch["token_ids"]),
    "input_mask": tf.cast(batch["token_ids"] != 0, tf.int32),
    "input_type_ids": tf.constant(batch["segment_ids"]),
  }
  made = loaded(features, training=False)
  outputs = {
    "hidden_states": made["sequence_output"].numpy(),
    "pooled_output": made["pooled_output"].numpy(),
  }
  if hasattr(loaded, "mlm"):
    places = {"masked_lm_positions": tf.constant(batch["mask_positions"])}
    made = loaded.mlm(features | places, training=False)
    outputs["logits"] = made["mlm_logits"].numpy()
  return outputs
