"""FuxiCTR's six models, unmodified: one `train_step` on random batches, or one `train_epoch` with its own data loader on
the samples of our shards."""

import itertools
import sys
import tempfile

import numpy as np
import torch

from fuxictr_models import model_class
from shards import read_blocks
from worker import repeated, serve, trainable

BATCHES = 4
DATASET_ID = "synthetic"


def feature_map_of(fields, dim):
    from fuxictr.features import FeatureMap

    feature_map = FeatureMap(DATASET_ID, ".")
    for name, rows in fields.items():
        feature_map.features[name] = {"source": "", "type": "categorical", "padding_idx": 0, "vocab_size": rows}
    feature_map.labels, feature_map.default_emb_dim, feature_map.num_fields = ["label"], dim, len(fields)
    feature_map.set_column_index()
    return feature_map


def random_samples(fields, count):
    random = np.random.default_rng(1)
    samples = {name: random.integers(1, rows, count) for name, rows in fields.items()}
    return {**samples, "label": (random.random(count) < 0.5).astype(np.float64)}


def build(name, settings):
    fields, batch = settings["fields"], settings["batch"]
    folder = tempfile.mkdtemp(prefix="corella-bench-")
    feature_map = feature_map_of(fields, settings["config"]["embedding_dim"])
    model = model_class(settings["model"])(
        feature_map,
        gpu=-1,
        task="binary_classification",
        loss="binary_crossentropy",
        optimizer="adam",
        metrics=["AUC"],
        model_root=folder,
        verbose=0,
        **settings["config"],
    )
    model._max_gradient_norm = 10.0  # the default of fit()
    model.train()
    if settings.get("samples"):
        step = epoch(model, feature_map, settings, folder)
        return {"step": step, "warm_up": lambda: step(3), "parameters": trainable(model)}
    samples = random_samples(fields, BATCHES * batch)
    tensors = {key: torch.from_numpy(value) for key, value in samples.items()}
    batches = [{key: value[i * batch : (i + 1) * batch] for key, value in tensors.items()} for i in range(BATCHES)]
    count = 0

    def step():
        nonlocal count
        model.train_step(batches[count % BATCHES])
        count += 1

    return {"step": step, "warm_up": repeated(step, 4), "parameters": trainable(model)}


class Some:
    """The first batches of each epoch of a loader."""

    def __init__(self, loader, count):
        self.loader, self.count = loader, count

    def __iter__(self):
        return itertools.islice(iter(self.loader), self.count)


def epoch(model, feature_map, settings, folder):
    """Shuffling and batching are the peer's; the evaluation at the end of an epoch is left out."""
    from fuxictr.pytorch.dataloaders import RankDataLoader

    blocks = list(read_blocks(settings["samples"]))
    path = f"{folder}/train.npz"
    np.savez(path, **{key: np.concatenate([block[key] for block in blocks]) for key in blocks[0]})
    loader = RankDataLoader(
        feature_map, stage="train", train_data=path, valid_data=None, batch_size=settings["batch"], shuffle=True,
        num_workers=0, data_format="npz", verbose=0,
    ).make_iterator()
    loader = loader[0] if isinstance(loader, tuple) else loader
    model._eval_steps, model._total_steps, model._epoch_index = sys.maxsize, 0, 0
    model._stop_training = False

    def step(batches=settings["batches"]):
        model.train_epoch(loader if batches is None else Some(loader, batches))

    return step


serve(build)
