#!/usr/bin/env bash
# Makes .venv-tpu, the Python that compile_tpu needs: jax and libtpu, with the
# real TPU compiler. No TPU is needed; 1.1 GB of disk.
set -euo pipefail

PYTHON=${PYTHON:-python3}          # 3.11 or later
FOLDER=${FOLDER:-.venv-tpu}
# Those that docs/tpu.md's figures were made with.
JAX=${JAX:-0.10.2}
LIBTPU=${LIBTPU:-0.0.52}

"$PYTHON" -m venv "$FOLDER"
"$FOLDER/bin/python" -m pip install --quiet "jax==$JAX" "libtpu==$LIBTPU"
echo "Made $FOLDER: give --tpu_python=$FOLDER/bin/python to compile_tpu."
