#!/usr/bin/env bash
# From an export to a served bundle by way of TRL, on the CPU: see README.md.
#   MODEL=model.gguf [PYTHON=python3.11] [VENV=…] [STEPS=4] run.sh <folder for everything>
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$here/../../.." && pwd)
mkdir -p "$1"
work=$(cd "$1" && pwd)
venv=${VENV:-$work/venv}
steps=${STEPS:-4}

if [[ ! -x "$venv/bin/trl" ]]; then
  "${PYTHON:-python3.11}" -m venv "$venv"
  "$venv/bin/pip" install --quiet "${TORCH:-torch==2.13.0}"
  "$venv/bin/pip" install --quiet trl==1.16.0 peft==0.21.2 transformers==5.24.0 gguf
fi
[[ -d "$work/base" ]] || "$venv/bin/python" "$here/base_folder.py" "$(realpath "$MODEL")" "$work/base"
rm -rf "$work/tuning" "$work/runs"

corella() {
  (cd "$repository" && node --conditions=source --import tsx "$@")
}
corella apps/train/src/export-tuning.ts --config "$here/movietweetings.yaml" --set "llm.base.folder=$work/base" \
  --precision fp32 --output "$work/tuning" --cache "$work/cache"

export HF_HUB_OFFLINE=1 HF_HOME="$work/hf" OMP_NUM_THREADS=1
sft=$("$venv/bin/python" -c 'import trl.scripts.sft as script; print(script.__file__)')
small=(--config trl.yaml --use_cpu true --max_steps "$steps" --eval_strategy no --save_strategy no --logging_steps 1)
for processes in 1 2; do
  # An update is of four rows whoever computes them.
  (cd "$work/tuning" && time "$venv/bin/torchrun" --nproc_per_node "$processes" "$sft" "${small[@]}" \
    --per_device_train_batch_size $((4 / processes)) --output_dir "adapter-$processes")
  taken=()
  [[ $processes = 1 ]] || taken=(--crm "$work/runs/1")
  corella apps/train/src/import-adapter.ts --tuning "$work/tuning" --adapter "$work/tuning/adapter-$processes" \
    "${taken[@]}" --output "$work/runs/$processes" --cache "$work/cache"
  corella tooling/bench/src/experiments/bundle-answers.ts "$work/runs/$processes" "$work/asked-$processes.json" 32 "$work/cache"
  "$venv/bin/python" "$here/compare.py" "$work/base" "$work/tuning/adapter-$processes" "$work/asked-$processes.json"
done

(cd "$repository" && exec node --conditions=source --import tsx apps/serve/src/main.ts --bundle "$work/runs/2/bundle" --port 18431) &
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT
for _ in $(seq 600); do
  curl -sf localhost:18431/health/ready >/dev/null && break
  sleep 1
done
curl -s localhost:18431/v1/score -H 'content-type: application/json' \
  -d '{"item": "1300854", "history": [{"item": "0848228", "rating": 9}, {"item": "1800241", "rating": 3}]}'
echo
