"""Opens .onnx files that corella wrote, as others would: onnx.checker, shape inference, onnxruntime.

  node --conditions=source --import tsx tooling/parity/src/export-onnx.ts .cache/onnx
  python tooling/reference/check_onnx.py .cache/onnx

Beside <name>.onnx lies <name>.safetensors with batches (feed.<i>.<input>) and what they give (expected.<i>.<output>).
Prints the largest difference of each file, absolute or relative to values above 1; beyond 1e-5 the exit code is 1.
"""

import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from safetensors.numpy import load_file

TOLERANCE = 1e-5
folder = pathlib.Path(sys.argv[1])
failed = False
print(f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}")
for path in sorted(folder.glob("*.onnx")):
    onnx.checker.check_model(str(path), full_check=True)
    model = onnx.load(str(path), load_external_data=False)
    foreign = sorted({f"{node.domain}.{node.op_type}" for node in model.graph.node if node.domain})
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    inputs = {node.name for node in session.get_inputs()}
    record = load_file(path.with_suffix(".safetensors"))
    batches = {name.split(".")[1] for name in record}
    largest = 0.0
    compared = 0
    for batch in sorted(batches):
        feeds = {name.split(".", 2)[2]: data for name, data in record.items() if name.startswith(f"feed.{batch}.")}
        expected = {name.split(".", 2)[2]: data for name, data in record.items() if name.startswith(f"expected.{batch}.")}
        # A parameter that the loss does not depend on has no gradient in the graph; corella gives zeros.
        known = {node.name for node in session.get_outputs()}
        names = [name for name in expected if name in known]
        assert all(not expected[name].any() for name in expected if name.startswith("gradient.") and name not in known)
        results = session.run(names, {name: data for name, data in feeds.items() if name in inputs})
        for name, result in zip(names, results):
            assert result.shape == expected[name].shape, (path.name, name, result.shape, expected[name].shape)
            scale = np.maximum(1, np.abs(expected[name]))
            largest = max(largest, float(np.max(np.abs(result - expected[name]) / scale)))
            compared += 1
    failed |= not largest <= TOLERANCE or compared == 0
    print(f"{path.name:28} {len(batches)} batches, {compared:3} outputs, largest difference {largest:.1e}", *foreign)
sys.exit(1 if failed else 0)
