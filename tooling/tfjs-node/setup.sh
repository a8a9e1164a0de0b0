#!/usr/bin/env bash
# Builds @tensorflow/tfjs-node and tfjs-node-gpu at ${CORELLA_TFJS_NODE:-$HOME/.cache/corella-tfjs-node}, for Linux on x86-64.
# Their own install step downloads libtensorflow from a server that is not everywhere reachable. This takes the same library out of
# the Python package of TensorFlow and compiles the binding (N-API: one build for every Node version). Needs npm, python3 with pip,
# make and a C++ compiler; NODE_DIR may name a folder whose include/node holds Node's headers.
set -euo pipefail

version=4.22.0
# The binding links against the C API of TensorFlow 2.9 or later; 2.15 is the last whose headers it compiles with.
tensorflow=2.15.1
home="${CORELLA_TFJS_NODE:-$HOME/.cache/corella-tfjs-node}"
modules="$home/node_modules/@tensorflow"

mkdir -p "$home"
cd "$home"
[[ -f package.json ]] || echo '{ "private": true }' >package.json
npm install --ignore-scripts --no-audit --no-fund --loglevel=error \
  "@tensorflow/tfjs-node@$version" "@tensorflow/tfjs-node-gpu@$version" node-gyp@12.4.0

wheel=("$home"/wheel/tensorflow_cpu-"$tensorflow"-*.whl)
if [[ ! -f "${wheel[0]}" ]]; then
  python3 -m pip download --quiet --no-deps --only-binary=:all: --python-version 3.11 \
    --platform manylinux2014_x86_64 --platform manylinux_2_17_x86_64 --dest wheel "tensorflow-cpu==$tensorflow"
  wheel=("$home"/wheel/tensorflow_cpu-"$tensorflow"-*.whl)
fi
rm -rf unpacked
python3 - "${wheel[0]}" <<'PYTHON'
import sys, zipfile

libraries = ("tensorflow/libtensorflow_cc.so.2", "tensorflow/libtensorflow_framework.so.2")
with zipfile.ZipFile(sys.argv[1]) as wheel:
    wanted = [name for name in wheel.namelist() if name in libraries or name.startswith("tensorflow/include/")]
    wheel.extractall("unpacked", wanted)
PYTHON

headers=()
node_dir="${NODE_DIR:-$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")}"
[[ -f "$node_dir/include/node/node_api.h" ]] && headers=(--nodedir="$node_dir")
for package in tfjs-node tfjs-node-gpu; do
  folder="$modules/$package"
  rm -rf "$folder/deps" "$folder/lib"
  mkdir -p "$folder/deps/lib"
  cp -l unpacked/tensorflow/lib*.so.2 "$folder/deps/lib/"
  cp -rl unpacked/tensorflow/include "$folder/deps/include"
  ln -s libtensorflow_cc.so.2 "$folder/deps/lib/libtensorflow.so"
  ln -s libtensorflow_framework.so.2 "$folder/deps/lib/libtensorflow_framework.so"
  (
    cd "$folder"
    "$home/node_modules/.bin/node-gyp" rebuild --silent "${headers[@]}" \
      --module_name=tfjs_binding --module_path="$folder/lib/napi-v8" --napi_build_version=8
    rm -rf build
  )
  TF_CPP_MIN_LOG_LEVEL=2 node -e "
    const util = require('node:util');
    util.isNullOrUndefined ??= (value) => value == null;
    util.isArray ??= Array.isArray;
    const tf = require('@tensorflow/$package');
    console.log('$package $version:', 'TensorFlow', tf.backend().binding.TF_Version, '- GPU', tf.backend().isUsingGpuDevice);"
done
rm -rf unpacked
echo "Ready: $home"
