"""Trains one of FuxiCTR's models on the samples that experiments/crm-parts.ts wrote, and prints one JSON line.

Model, loss, optimiser, data loader, training loop, early stopping and metrics are the peer's, unmodified but for initial
values (`initialise_own_tables`). The best epoch is chosen on the validation part; the test part is scored once, with its weights.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from fuxictr_models import PATHS, model_class
from fuxictr_scores import scores
from shards import read_blocks

DATASET_ID = "parts"


def specification(feature):
    """The peer's description of a feature of our feature map."""
    described = {"source": "", "type": feature["type"], "padding_idx": 0, "vocab_size": feature["vocabularySize"]}
    if feature["type"] == "sequence":
        assert feature["pooling"] == "mean", feature
        described.update(feature_encoder="layers.MaskedAveragePooling()", max_len=feature["maxLength"])
    if feature["table"] != feature["name"]:
        described["share_embedding"] = feature["table"]
    return {feature["name"]: described}


def write_dataset(parts, folder):
    features = [specification(feature) for feature in parts["features"]]
    feature_map = {"dataset_id": DATASET_ID, "labels": ["label"], "features": features}
    (folder / "feature_map.json").write_text(json.dumps(feature_map), encoding="utf8")
    labels = {}
    for part, source in parts["folders"].items():
        blocks = list(read_blocks(source))
        samples = {key: np.concatenate([block[key] for block in blocks]) for key in blocks[0]}
        np.savez(folder / f"{part}.npz", **samples)
        labels[part] = samples["label"]
    return labels


def initialise_own_tables(model, features):
    """The peer leaves a first-order table of a sequence that shares another's embedding at nn.Embedding's N(0, 1), although
    that table is not shared. It gets the initial values of all other tables, so that it can be compared."""
    from fuxictr.pytorch.layers.embeddings.feature_embedding import FeatureEmbeddingDict

    for module in model.modules():
        if not isinstance(module, FeatureEmbeddingDict):
            continue
        for feature in features:
            table = module.embedding_layers[feature["name"]]
            if feature["table"] != feature["name"] and table is not module.embedding_layers[feature["table"]]:
                module.embedding_initializer(table.weight[1:, :])


def train(options, folder):
    from fuxictr.features import FeatureMap
    from fuxictr.pytorch.dataloaders import RankDataLoader
    from fuxictr.pytorch.torch_utils import seed_everything

    parts = json.loads(Path(options.parts, "parts.json").read_text(encoding="utf8"))
    labels = write_dataset(parts, folder)
    torch.set_num_threads(options.threads)
    seed_everything(options.seed)
    settings = {
        "gpu": -1,
        "task": "binary_classification",
        "loss": "binary_crossentropy",
        "optimizer": "adam",
        "metrics": ["AUC", "logloss"],
        "monitor": "AUC",
        "monitor_mode": "max",
        "save_best_only": True,
        "verbose": 0,
        "model_id": options.model,
        "model_root": str(folder),
        "data_format": "npz",
        "shuffle": True,
        "num_workers": 0,
        "batch_size": options.batch,
        "epochs": options.epochs,
        "early_stop_patience": options.patience,
        "learning_rate": options.lr,
        **{f"{part}_data": str(folder / f"{part}.npz") for part in labels},
        **json.loads(options.config),
    }
    feature_map = FeatureMap(DATASET_ID, str(folder))
    feature_map.load(str(folder / "feature_map.json"), settings)
    (folder / DATASET_ID).mkdir(exist_ok=True)  # the peer saves its best weights here
    model = model_class(options.model)(feature_map, **settings)
    if not options.peer_initial_values:
        initialise_own_tables(model, parts["features"])
    train_loader, valid_loader = RankDataLoader(feature_map, stage="train", **settings).make_iterator()
    start = time.perf_counter()
    model.fit(train_loader, validation_data=valid_loader, **settings)
    seconds = time.perf_counter() - start
    test_loader = RankDataLoader(feature_map, stage="test", **settings).make_iterator()
    return {
        "model": options.model,
        "seed": options.seed,
        "lr": options.lr,
        "config": json.loads(options.config),
        "epochs": model._epoch_index + 1,
        "seconds": round(seconds, 1),
        "validation": scores(model, valid_loader, labels["valid"]),
        "test": scores(model, test_loader, labels["test"]),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", help="folder with parts.json")
    parser.add_argument("--model", choices=sorted(PATHS), required=True)
    parser.add_argument("--config", default="{}", help="the model's parameters as the peer calls them, JSON")
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--patience", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--peer-initial-values", action="store_true", help="also where they are an oversight")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(train(options, Path(folder))))


if __name__ == "__main__":
    main()
