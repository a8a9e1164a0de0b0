"""A .safetensors file of float32 tensors with metadata, written with numpy alone."""
import json
import struct

import numpy as np


def save(path, tensors, metadata):
    header, data = {"__metadata__": metadata}, b""
    for name, tensor in tensors.items():
        stored = np.ascontiguousarray(tensor, dtype="<f4").tobytes()
        shape = list(np.shape(tensor))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(stored)]}
        data += stored
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)
