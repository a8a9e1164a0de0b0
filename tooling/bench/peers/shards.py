"""The samples of our shards as FuxiCTR's preprocessing would save them."""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

PREFIX = "feature "


def read_blocks(folder):
    """One dictionary of arrays a shard."""
    layout = json.loads(Path(folder, "manifest.json").read_text(encoding="utf8"))["layout"]
    for path in sorted(Path(folder).glob("shard-*.safetensors")):
        columns = load_file(path)
        block = {}
        for column in layout:
            values = columns[PREFIX + column["name"]]
            if "features" in column:  # numbers of several features, side by side
                block.update({name: values[:, at] for at, name in enumerate(column["features"])})
            else:
                block[column["name"]] = values[:, 0] if values.shape[1] == 1 else values
        yield {**block, "label": columns["label"].astype(np.float64)}
