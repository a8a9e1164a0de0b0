"""FuxiCTR's own data loaders over the very samples of our shards: an epoch of shuffled batches, nothing done with them."""

import logging
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from shards import read_blocks
from worker import serve

if not os.environ.get("FUXICTR_HOME"):
    sys.exit("FUXICTR_HOME must name a checkout: git clone https://github.com/reczoo/FuxiCTR")
sys.path.insert(0, str(Path(os.environ["FUXICTR_HOME"]).resolve()))
logging.disable(logging.INFO)


def feature_map_of(block):
    from fuxictr.features import FeatureMap

    feature_map = FeatureMap("samples", ".")
    for name, values in block.items():
        if name == "label":
            continue
        kind = {"type": "categorical"} if values.ndim == 1 else {"type": "sequence", "max_len": values.shape[1]}
        feature_map.features[name] = {"source": "", "padding_idx": 0, "vocab_size": int(values.max()) + 1, **kind}
    feature_map.labels, feature_map.num_fields = ["label"], len(feature_map.features)
    feature_map.set_column_index()
    return feature_map


def build(name, settings):
    from fuxictr.pytorch.dataloaders import RankDataLoader

    target = tempfile.mkdtemp(prefix="corella-bench-")
    blocks = list(read_blocks(next(Path(settings["folder"]).glob("samples-*"))))
    if settings["streaming"]:
        for index, block in enumerate(blocks):
            np.savez(f"{target}/part_{index:05d}.npz", **block)
        path = target
    else:
        path = f"{target}/train.npz"
        np.savez(path, **{key: np.concatenate([block[key] for block in blocks]) for key in blocks[0]})
    rows = sum(len(block["label"]) for block in blocks)
    loader = RankDataLoader(
        feature_map_of(blocks[0]), stage="train", train_data=path, valid_data=None, batch_size=settings["batch"],
        shuffle=True, streaming=settings["streaming"], data_format="npz", num_workers=0, verbose=0,
    ).make_iterator()
    loader = loader[0] if isinstance(loader, tuple) else loader

    def step():
        assert sum(len(batch["label"]) for batch in loader) == rows

    return {"step": step, "warm_up": step, "parameters": None}


serve(build)
