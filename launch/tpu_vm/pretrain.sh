#!/usr/bin/env bash
# Trains on one TPU VM, and has others rebuild the index beside it. All mount the
# same folder SHARED (NFS, such as Filestore: runs lock files in it). A preempted
# trainer goes on when this is run again.
#   TRAINER=trainer REFRESHERS="refresh-0 refresh-1" ./pretrain.sh
set -euo pipefail

PROJECT=${PROJECT:?Google Cloud project}
ZONE=${ZONE:-us-central2-b}
TRAINER=${TRAINER:-trainer}        # a TPU of one host
REFRESHERS=${REFRESHERS:-}         # VMs by name; "" for none
REFRESH_TPU=${REFRESH_TPU:-}       # local, if those are TPU VMs of one host
SHARED=${SHARED:-/mnt/shared}
REPOSITORY=${REPOSITORY:-$SHARED/realm_tf}       # a checkout with its .venv
CONFIG=${CONFIG:-base}
CORPUS=${CORPUS:-$SHARED/corpus}
BERT=${BERT:-$SHARED/bert}
ICT=${ICT:-$SHARED/ict}
MODEL_DIR=${MODEL_DIR:-$SHARED/realm}

on() {  # on NAME COMMAND: runs a command in the checkout
  gcloud compute tpus tpu-vm ssh "$1" --worker=0 \
    --project="$PROJECT" --zone="$ZONE" \
    --command="cd '$REPOSITORY' && . .venv/bin/activate && $2"
}

for name in $REFRESHERS; do
  on "$name" "nohup python -m realm_tf.launch.refresh_index \
    --model_dir='$MODEL_DIR' --watch --tpu='$REFRESH_TPU' > '$SHARED/$name.log' 2>&1 &"
done
refresh=local
[ -z "$REFRESHERS" ] || refresh=external
on "$TRAINER" "python -m realm_tf.launch.pretrain --config='$CONFIG' \
  --corpus='$CORPUS' --init_checkpoint='$BERT,$ICT' \
  --model_dir='$MODEL_DIR' --tpu=local --refresh='$refresh'"
