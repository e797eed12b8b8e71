#!/usr/bin/env bash
# Asks for TPU VMs as queued resources, and waits until they are there.
#   ./queue.sh trainer refresh-0 refresh-1
set -euo pipefail

PROJECT=${PROJECT:?Google Cloud project}
ZONE=${ZONE:-us-central2-b}
ACCELERATOR_TYPE=${ACCELERATOR_TYPE:-v4-8}       # one host
RUNTIME_VERSION=${RUNTIME_VERSION:-tpu-vm-tf-2.15.0-pjrt}
SPOT=${SPOT:-}                                   # --spot for preemptible ones

[ $# -gt 0 ] || { echo "error: name the TPUs: $0 trainer refresh-0" >&2; exit 2; }
for name in "$@"; do
  gcloud compute tpus queued-resources create "$name" --node-id="$name" \
    --project="$PROJECT" --zone="$ZONE" \
    --accelerator-type="$ACCELERATOR_TYPE" \
    --runtime-version="$RUNTIME_VERSION" ${SPOT:+"$SPOT"}
done
for name in "$@"; do
  while :; do
    state=$(gcloud compute tpus queued-resources describe "$name" \
      --project="$PROJECT" --zone="$ZONE" --format="value(state.state)")
    case $state in
      ACTIVE) echo "$name is there."; break;;
      FAILED|SUSPENDED) echo "error: $name is $state" >&2; exit 1;;
    esac
    sleep 30
  done
done
