#!/usr/bin/env bash
# From articles to a fine-tuned model on one machine: GPUs if there are any, else
# the CPU; on a TPU VM of one host, TPU=local. What is finished is not run again.
set -euo pipefail

INPUT=${INPUT:?articles, as build_corpus reads them}
BERT=${BERT:?folder of a public BERT with its vocab.txt}
DATASET=${DATASET:-nq_open}
CONFIG=${CONFIG:-mini}             # tiny, mini, minilm or base
RUNS=${RUNS:-runs}                 # on a disk that has flock
TPU=${TPU:-}

if [ ! -e "$RUNS/corpus/manifest.json" ]; then
  python -m realm_tf.launch.build_corpus --input="$INPUT" \
    --vocab="$BERT/vocab.txt" --output="$RUNS/corpus"
fi
if [ ! -e "$RUNS/corpus/sentences" ]; then
  python -m realm_tf.launch.annotate_spans --corpus="$RUNS/corpus"
fi
python -m realm_tf.launch.pretrain_ict --config="$CONFIG" \
  --corpus="$RUNS/corpus" --init_checkpoint="$BERT" \
  --model_dir="$RUNS/ict" --tpu="$TPU"
python -m realm_tf.launch.pretrain --config="$CONFIG" \
  --corpus="$RUNS/corpus" --init_checkpoint="$BERT,$RUNS/ict" \
  --model_dir="$RUNS/realm" --tpu="$TPU"
python -m realm_tf.launch.finetune --config="$CONFIG" --dataset="$DATASET" \
  --corpus="$RUNS/corpus" --init="$RUNS/realm" \
  --model_dir="$RUNS/qa" --tpu="$TPU"
python -m realm_tf.launch.evaluate --model_dir="$RUNS/qa" --dataset="$DATASET"
