#!/usr/bin/env bash
# Makes the Python environment of fastapi_crm.py at ${CORELLA_PEERS:-$HOME/.cache/corella-peers}/fastapi.
set -euo pipefail
folder="${CORELLA_PEERS:-$HOME/.cache/corella-peers}/fastapi"
"${PYTHON:-python3.11}" -m venv "$folder"
"$folder/bin/python" -m pip install --quiet \
  fastapi==0.165.0 "uvicorn[standard]==0.54.0" pydantic==2.14.4 onnxruntime==1.32.0 numpy==2.4.6 safetensors==0.8.0
echo "Ready: $folder/bin/python"
