"""Google's REALM and ORQA: TF1 Hub modules, and the checkpoints of ORQA.

A module is a folder with `saved_model.pb` and `variables/`, like a TF2 one, but
without a graph of objects. Its graph is never loaded, and nothing of it is run.
What a folder holds is told by the names of its variables: REALM's layers stand
in scopes around a BERT's.
"""

import dataclasses
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf import errors
from realm_tf import files
from realm_tf.checkpoints import names
from realm_tf.checkpoints import sentence_encoder
from realm_tf.checkpoints import span_weights
from realm_tf.checkpoints import weight_source
from realm_tf.checkpoints.formats import google_bert
from realm_tf.checkpoints.formats import json_config
from realm_tf.checkpoints.formats import object_graph
from realm_tf.checkpoints.formats import saved_graph
from realm_tf.checkpoints.formats import tensor_bundle
from realm_tf.checkpoints.formats import vocabularies
from realm_tf.checkpoints.formats import whole_realm
from realm_tf.data.corpus import corpus_manifest
from realm_tf.text import wordpiece

FORMAT = "Google's REALM (TensorFlow 1)"
PARAMS = "params.json"
VECTORS = "block_emb"
_VARIABLES = "variables/variables"
_ENCODED = "encoded/encoded.ckpt"
_BEST = "export/best_default/checkpoint"
_ASSETS = "assets"
_HEAD_SIZE = 64  # of every BERT that Google released
_HEAD = "cls/predictions/*"  # of an embedder or reader: nothing reads it
_NOTE = (
  f"no {google_bert.CONFIG} with it: heads of {_HEAD_SIZE}, as in every BERT "
  "of Google's"
)


Variables = Mapping[str, np.ndarray]


def is_module(path: str) -> bool:
  """Returns whether a folder is a TF1 module.

  Raises:
    errors.UserError: If its variables may not be read.
  """
  prefix = tf.io.gfile.join(path, _VARIABLES)
  if not (
    tf.io.gfile.exists(tf.io.gfile.join(path, saved_graph.NAME))
    and tf.io.gfile.exists(f"{prefix}.index")
  ):
    return False
  files.check_all_readable(prefix)
  reader = tf.train.load_checkpoint(prefix)
  return not reader.has_tensor(object_graph.GRAPH_KEY)


def is_finetuned(path: str) -> bool:
  """Returns whether a folder is a fine-tuned REALM, or ORQA."""
  return tf.io.gfile.exists(
    tf.io.gfile.join(path, PARAMS)
  ) and tf.io.gfile.exists(tf.io.gfile.join(path, "export"))


def read(path: str) -> weight_source.Source:
  """Reads a module: an embedder, or a BERT alone.

  Args:
    path: The folder, with its vocabulary in `assets`. A `bert_config.json`
      there or in the folder says how many heads there are.

  Raises:
    errors.UserError: If it has no vocabulary, is damaged, or is no such module.
  """
  prefix = tf.io.gfile.join(path, _VARIABLES)
  vocabulary = vocabularies.read(path, tf.io.gfile.join(path, _ASSETS))
  variables = _variables(prefix)
  berts = _berts(variables)
  if len(berts) != 1:
    raise errors.UserError(
      f"{path} holds {len(berts)} BERTs, and a module of REALM's one."
    )
  [(scope, arrays)] = berts.items()
  _check_sizes(path, arrays)
  encoder = _encoder(path, variables, scope)
  head = _mlm_head(variables)
  if encoder is None:
    arrays |= head
  source = _source(
    path,
    "encoder" if encoder is None else "embedder",
    arrays,
    vocabulary=vocabulary,
    activation=saved_graph.activation(path),
    heads=_heads(path),
    unused=[_HEAD] if encoder is not None and head else [],
  )
  return dataclasses.replace(source, encoder=encoder)


def refused(path: str) -> errors.UserError:
  """Returns the error for a fine-tuned REALM where a BERT is wanted."""
  return errors.UserError(
    f"{path} is a fine-tuned REALM: import_checkpoint(source, passage_tower, "
    "corpus) makes a run of it, which takes its place."
  )


def vectors(
  path: str, embedder: weight_source.Source, announced: int | None = None
) -> np.ndarray | None:
  """Returns the vectors of passages that came with an embedder.

  Args:
    path: The embedder's folder.
    embedder: What was read from it.
    announced: How many there are to be; None if nothing says so.

  Returns:
    <float32>[passages, D], mapped; None if there are none.

  Raises:
    errors.UserError: If they are damaged, or not such as the embedder makes.
  """
  prefix = tf.io.gfile.join(path, _ENCODED)
  if not tf.io.gfile.exists(f"{prefix}.index"):
    return None
  found = tensor_bundle.map_tensor(prefix, VECTORS)
  if found is None:
    raise errors.UserError(
      f"{prefix} holds no {VECTORS}, the vectors of passages: download it "
      "again."
    )
  whole_realm.check_vectors(found, embedder, prefix, VECTORS, announced)
  return found


def read_finetuned(
  path: str, tower_path: str, tower: weight_source.Source
) -> whole_realm.WholeRealm:
  """Reads a fine-tuned REALM: query tower and reader.

  Args:
    path: The folder, with `params.json` and `export/`.
    tower_path: The embedder that it was fine-tuned from. Vectors, vocabulary
      and activation are with it.
    tower: What was read from it.

  Raises:
    errors.UserError: If a file or variable is missing or damaged, or the
      vectors are.
  """
  params = json_config.read(tf.io.gfile.join(path, PARAMS))
  variables = _variables(_best(path))
  parts: dict[str, weight_source.Source] = {}
  for scope, arrays in _berts(variables).items():
    _check_sizes(path, arrays)
    spans = _span_scorer(path, variables, scope)
    encoder = None if spans else _encoder(path, variables, scope)
    if not (spans or encoder):
      continue
    kind = "reader" if spans else "query tower"
    source = _source(
      path,
      f"fine-tuned {kind}",
      arrays,
      vocabulary=tower.vocabulary,
      activation=tower.config.activation,
      heads=tower.config.num_heads,
      unused=(),
    )
    parts[kind] = dataclasses.replace(
      source, encoder=encoder, span_scorer=spans
    )
  for kind in ("query tower", "reader"):
    if kind not in parts:
      raise errors.UserError(
        f"{path} lacks the {kind} of a fine-tuned REALM: download it again."
      )
  found = vectors(tower_path, tower, _integer(params, "num_block_records"))
  if found is None:
    raise errors.UserError(
      f"passage_tower={tower_path} has no vectors of passages: name Google's "
      f"cc_news_pretrained/embedder, with {_ENCODED} in it."
    )
  vocabulary = tf.io.gfile.join(
    tower_path, _ASSETS, corpus_manifest.VOCABULARY_NAME
  )
  return whole_realm.WholeRealm(
    path,
    parts["query tower"],
    parts["reader"],
    found,
    max_span_length=_integer(params, "max_span_width")
    or whole_realm.MAX_SPAN_LENGTH,
    reader_beam=_integer(params, "reader_beam_size") or whole_realm.READER_BEAM,
    reader_length=_integer(params, "reader_seq_len")
    or whole_realm.READER_LENGTH,
    building=f"input=blocks.tfr,titles.tfr, vocab={vocabulary}",
  )


def _best(path: str) -> str:
  """Returns the prefix of the only checkpoint of the best weights."""
  pattern = tf.io.gfile.join(path, _BEST, "*.index")
  found = tf.io.gfile.glob(pattern)
  if len(found) != 1:
    raise errors.UserError(
      f"{path} has {len(found)} checkpoints in {_BEST}, and must have one: "
      "download it again."
    )
  return found[0].removesuffix(".index")


def _variables(prefix: str) -> dict[str, np.ndarray]:
  """Reads the variables of a checkpoint, without those of its training."""
  files.check_all_readable(prefix)
  reader = tf.train.load_checkpoint(prefix)
  return {
    name: reader.get_tensor(name)
    for name in reader.get_variable_to_shape_map()
    if not google_bert.TRAINING_STATE.search(name)
  }


def _integer(params: Mapping[str, Any], name: str) -> int | None:
  """Returns a whole number of `params.json`; None if it says none."""
  value = params.get(name)
  if value is not None and (type(value) is not int or value < 1):
    raise errors.UserError(
      f"{PARAMS} has {name}={value!r}, which is no number: download it again."
    )
  return value


def _berts(variables: Variables) -> dict[str, dict[str, np.ndarray]]:
  """Returns arrays by the names of `names`, without heads, by scope."""
  own: dict[str, dict[str, str]] = {}
  for name in variables:
    if found := names.from_google(name):
      scope, ours = found
      if names.role(ours) != names.MLM_HEAD:
        own.setdefault(scope, {})[ours] = name
  return {
    scope: {ours: variables[name] for ours, name in found.items()}
    for scope, found in own.items()
    if any(names.role(ours) == names.LAYERS for ours in found)
  }


def _mlm_head(variables: Variables) -> dict[str, np.ndarray]:
  """Returns the arrays of an MLM head; empty if there is none."""
  found = {name: names.from_google(name) for name in variables}
  return {
    ours[1]: variables[name]
    for name, ours in found.items()
    if ours and names.role(ours[1]) == names.MLM_HEAD
  }


def _heads(path: str) -> int | None:
  """Returns how many heads a module's BERT has; None if nothing says so."""
  for folder in (path, tf.io.gfile.join(path, _ASSETS)):
    file = tf.io.gfile.join(folder, google_bert.CONFIG)
    if tf.io.gfile.exists(file):
      return json_config.sizes(json_config.read(file), file)["num_heads"]
  return None


def _check_sizes(path: str, arrays: Mapping[str, np.ndarray]) -> None:
  """Raises if a variable is missing that says how large a BERT is."""
  missing = [name for name in names.NEEDED_FOR_SIZES if name not in arrays]
  if missing:
    raise errors.UserError(
      f"{path} lacks the variable {missing[0]}: download it again."
    )


def _source(
  path: str,
  kind: str,
  arrays: Mapping[str, np.ndarray],
  *,
  vocabulary: tuple[str, ...] | list[str],
  activation: str,
  heads: int | None,
  unused: Collection[str],
) -> weight_source.Source:
  """Returns the source of a BERT, whose sizes are those of its arrays."""
  width = arrays[names.WORDS].shape[-1]
  return weight_source.make(
    path,
    f"{FORMAT} {kind}",
    sizes={
      **names.sizes({name: array.shape for name, array in arrays.items()}),
      "num_heads": heads or max(1, width // _HEAD_SIZE),
    },
    activations=(activation,),
    arrays=arrays,
    vocabulary=vocabulary,
    lower_case=not wordpiece.is_cased(vocabulary),
    unused=unused,
    notes=() if heads else (_NOTE,),
  )


def _outer(scope: str) -> Iterator[str]:
  """Yields the scopes around one, from the nearest to the root."""
  parts = scope.split("/")[:-1]
  for count in reversed(range(len(parts))):
    yield "".join(f"{part}/" for part in parts[:count])


def _encoder(
  path: str, variables: Variables, bert: str
) -> sentence_encoder.SentenceEncoder | None:
  """Returns how the BERT of a scope makes embeddings; None if it makes none."""
  scope = _scope_with(variables, bert, "dense/kernel")
  if scope is None:
    return None
  kernel = variables[f"{scope}dense/kernel"]
  size = kernel.shape[-1]
  return sentence_encoder.SentenceEncoder(
    pooling="cls",
    normalization="layer_norm",
    max_length=min(
      whole_realm.PASSAGE_LENGTH,
      len(variables[f"{bert}embeddings/position_embeddings"]),
    ),
    dense=sentence_encoder.Dense(
      kernel, _array(path, variables, f"{scope}dense/bias", size), "none"
    ),
    layer_norm=sentence_encoder.LayerNorm(
      _array(path, variables, f"{scope}LayerNorm/gamma", size),
      _array(path, variables, f"{scope}LayerNorm/beta", size),
    ),
    has_parts=True,
  )


def _span_scorer(
  path: str, variables: Variables, bert: str
) -> span_weights.SpanScorer | None:
  """Returns how the BERT of a scope scores spans; None if it scores none."""
  scope = _scope_with(variables, bert, "dense_1/kernel")
  if scope is None:
    return None
  output = variables[f"{scope}dense_1/kernel"]
  hidden = len(output)
  width = len(variables[f"{bert}embeddings/LayerNorm/beta"])
  kernel = _array(path, variables, f"{scope}dense/kernel", width, 2 * hidden)
  bias = _array(path, variables, f"{scope}dense/bias", 2 * hidden)
  return span_weights.SpanScorer(
    start_kernel=kernel[:, :hidden],
    end_kernel=kernel[:, hidden:],
    bias=bias[:hidden] + bias[hidden:],
    gamma=_array(path, variables, f"{scope}layer_normalization/gamma", hidden),
    beta=_array(path, variables, f"{scope}layer_normalization/beta", hidden),
    output_kernel=output,
    output_bias=_array(path, variables, f"{scope}dense_1/bias", 1),
  )


def _scope_with(variables: Variables, bert: str, name: str) -> str | None:
  """Returns the nearest scope around a BERT's that has a variable."""
  return next((s for s in _outer(bert) if s + name in variables), None)


def _array(
  path: str, variables: Variables, name: str, *shape: int
) -> np.ndarray:
  """Returns a variable, which must be there in its shape."""
  found = variables.get(name)
  if found is None or found.shape != shape:
    there = "absent" if found is None else str(list(found.shape))
    raise errors.UserError(
      f"{path}: the variable {name} is {there}, and must be {list(shape)}."
    )
  return found
