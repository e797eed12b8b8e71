#!/usr/bin/env bash
# Builds and annotates a corpus on a Flink cluster, whose task managers have a
# Beam worker pool beside them (the image, started with --worker_pool) and mount
# the folder SHARED.
set -euo pipefail

FLINK_MASTER=${FLINK_MASTER:?host:port of Flink REST}
SHARED=${SHARED:?folder that all machines mount}
INPUT=${INPUT:-$SHARED/articles/*.jsonl.gz}
VOCAB=${VOCAB:-$SHARED/vocab.txt}
CORPUS=${CORPUS:-$SHARED/corpus}
TAGGER=${TAGGER:-rules}
PARALLELISM=${PARALLELISM:-64}
WORKER_POOL=${WORKER_POOL:-localhost:50000}

beam=(
  --runner=FlinkRunner
  --flink_master="$FLINK_MASTER"
  --parallelism="$PARALLELISM"
  --environment_type=EXTERNAL
  --environment_config="$WORKER_POOL"
)
python -m realm_tf.launch.build_corpus --input="$INPUT" --vocab="$VOCAB" \
  --output="$CORPUS" "${beam[@]}"
python -m realm_tf.launch.annotate_spans --corpus="$CORPUS" \
  --tagger="$TAGGER" "${beam[@]}"
