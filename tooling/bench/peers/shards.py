"""The samples of our shards as FuxiCTR's preprocessing would save them."""

from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

PREFIX = "feature "


def read_blocks(folder):
    """One dictionary of arrays a shard."""
    for path in sorted(Path(folder).glob("shard-*.safetensors")):
        columns = load_file(path)
        block = {key[len(PREFIX) :]: value for key, value in columns.items() if key.startswith(PREFIX)}
        block = {key: value[:, 0] if value.shape[1] == 1 else value for key, value in block.items()}
        yield {**block, "label": columns["label"].astype(np.float64)}
