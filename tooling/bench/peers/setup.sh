#!/usr/bin/env bash
# Makes the peers' Python environment at ${CORELLA_PEERS:-$HOME/.cache/corella-peers}/venv (Python 3.11).
# TORCH may name another torch requirement or a local wheel.
set -euo pipefail

fuxictr_commit=0245987
if [[ ! -f "${FUXICTR_HOME:-}/model_zoo/DCNv2/src/DCNv2.py" ]]; then
  cat >&2 <<EOF
FUXICTR_HOME must name a checkout of FuxiCTR, which holds the model zoo (the wheel does not):
  git clone https://github.com/reczoo/FuxiCTR
  git -C FuxiCTR checkout ${fuxictr_commit}
  export FUXICTR_HOME=\$PWD/FuxiCTR
EOF
  exit 1
fi

peers="${CORELLA_PEERS:-$HOME/.cache/corella-peers}"
mkdir -p "$peers"
"${PYTHON:-python3.11}" -m venv "$peers/venv"
python="$peers/venv/bin/python"

"$python" -m pip install --quiet "${TORCH:-torch==2.13.0}"
"$python" -m pip install --quiet \
  transformers==5.23.0 peft==0.21.2 safetensors==0.8.0 gguf==0.19.0 \
  numpy==2.4.6 scikit-learn==1.9.1 pandas==3.1.1 "polars<1" lightgbm==4.7.0 \
  keras_preprocessing pyyaml h5py tqdm pyarrow onnx onnxruntime

# The package comes from the checkout, not from the wheel: the 2.3.10 wheel's data loaders need ray.
PYTHONPATH="$FUXICTR_HOME" "$python" -c "
import fuxictr, torch
import fuxictr.pytorch.dataloaders
print('FuxiCTR', fuxictr.__version__, '- torch', torch.__version__)"
echo "Ready: $python"
