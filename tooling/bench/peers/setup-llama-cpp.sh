#!/usr/bin/env bash
# Installs llama.cpp (node-llama-cpp, prebuilt for x64 CPUs) at ${CORELLA_PEERS:-$HOME/.cache/corella-peers}/llama-cpp.
set -euo pipefail

folder="${CORELLA_PEERS:-$HOME/.cache/corella-peers}/llama-cpp"
mkdir -p "$folder"
cd "$folder"
[[ -f package.json ]] || npm init --yes >/dev/null
# Its install script would look for a compiler, and its optional packages hold CUDA and Vulkan: 700 MB.
npm install --ignore-scripts --omit=optional node-llama-cpp@3.22.1
npm pack --silent @node-llama-cpp/linux-x64@3.22.1 >/dev/null
mkdir -p node_modules/@node-llama-cpp/linux-x64
tar -xzf node-llama-cpp-linux-x64-3.22.1.tgz --strip-components=1 -C node_modules/@node-llama-cpp/linux-x64
rm node-llama-cpp-linux-x64-3.22.1.tgz
echo "Ready: $folder"
