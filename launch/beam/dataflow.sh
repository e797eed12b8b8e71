#!/usr/bin/env bash
# Builds and annotates a corpus on Google Cloud Dataflow. Workers need realm_tf:
# IMAGE is this repository's Dockerfile, pushed to where Dataflow finds it.
set -euo pipefail

PROJECT=${PROJECT:?Google Cloud project}
REGION=${REGION:-us-central1}
BUCKET=${BUCKET:?gs://bucket/folder, of all that is read and written}
IMAGE=${IMAGE:?image of the workers}
INPUT=${INPUT:-$BUCKET/articles/*.jsonl.gz}
VOCAB=${VOCAB:-$BUCKET/vocab.txt}
CORPUS=${CORPUS:-$BUCKET/corpus}
TAGGER=${TAGGER:-rules}            # or a run of train_tagger
WORKERS=${WORKERS:-100}

beam=(
  --runner=DataflowRunner
  --project="$PROJECT"
  --region="$REGION"
  --temp_location="$BUCKET/temp"
  --staging_location="$BUCKET/staging"
  --sdk_container_image="$IMAGE"
  --max_num_workers="$WORKERS"
  --experiments=use_runner_v2
)
python -m realm_tf.launch.build_corpus --input="$INPUT" --vocab="$VOCAB" \
  --output="$CORPUS" "${beam[@]}" --job_name=realm-build-corpus
python -m realm_tf.launch.annotate_spans --corpus="$CORPUS" \
  --tagger="$TAGGER" "${beam[@]}" --job_name=realm-annotate-spans
