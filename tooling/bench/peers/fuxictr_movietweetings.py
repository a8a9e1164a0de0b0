"""Trains FuxiCTR's own DCNv2 on the MovieTweetings task and prints one JSON line.

Model, loss, optimiser, regulariser, data loader, training loop, early stopping and metrics are the
peer's, unmodified; only the encoding of the data (movietweetings.py) and the timers are ours.
"""

import argparse
import importlib.util
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from fuxictr_scores import scores
from movietweetings import CATEGORICAL, HISTORY_LENGTH, PADDING_ID, SPLITS, build

DATASET_ID = "movietweetings"


def load_peer():
    """The DCNv2 class of the checkout in $FUXICTR_HOME, whose `fuxictr` package goes first on sys.path."""
    home = Path(os.environ.get("FUXICTR_HOME", ""))
    source = home / "model_zoo" / "DCNv2" / "src" / "DCNv2.py"
    if not os.environ.get("FUXICTR_HOME") or not source.is_file():
        sys.exit("FUXICTR_HOME must name a checkout: git clone https://github.com/reczoo/FuxiCTR")
    sys.path.insert(0, str(home.resolve()))
    specification = importlib.util.spec_from_file_location("fuxictr_dcnv2", source)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.DCNv2


def write_dataset(task, folder):
    """The peer's feature_map.json and one npz a split, as its FeatureProcessor would describe them."""
    sizes = task["vocabulary_sizes"]

    def sequence(name, **more):
        return {
            name: {
                "source": "",
                "type": "sequence",
                "feature_encoder": "layers.MaskedAveragePooling()",
                "padding_idx": PADDING_ID,
                "max_len": task["train"][name].shape[1],
                "vocab_size": sizes[name],
                **more,
            }
        }

    features = [
        {name: {"source": "", "type": "categorical", "padding_idx": PADDING_ID, "vocab_size": sizes[name]}}
        for name in CATEGORICAL
    ]
    features += [sequence("history_items", share_embedding="item"), sequence("history_ratings")]
    feature_map = {"dataset_id": DATASET_ID, "labels": ["label"], "features": features}
    (folder / "feature_map.json").write_text(json.dumps(feature_map, indent=2), encoding="utf8")
    for split in SPLITS:
        np.savez(folder / f"{split}.npz", **task[split])


def timed(model):
    """Times train_epoch and evaluate, and notes the step of the last saved (best) weights."""
    clock = {"train_epoch": 0.0, "evaluate": 0.0, "evaluations": 0, "best_step": 0}

    def wrap(name):
        original = getattr(model, name)

        def call(*positional, **named):
            start = time.perf_counter()
            result = original(*positional, **named)
            clock[name] += time.perf_counter() - start
            return result

        setattr(model, name, call)

    save_weights = model.save_weights

    def save_and_note(checkpoint):
        clock["best_step"] = model._total_steps
        save_weights(checkpoint)

    wrap("train_epoch")
    wrap("evaluate")
    model.save_weights = save_and_note
    return clock


def train(DCNv2, task, params, folder):
    """One training run of the peer; returns the result as plain data."""
    from fuxictr.features import FeatureMap
    from fuxictr.pytorch.dataloaders import RankDataLoader
    from fuxictr.pytorch.torch_utils import seed_everything

    torch.set_num_threads(params["threads"])
    seed_everything(params["seed"])
    settings = {
        "model_id": "DCNv2",
        "gpu": -1,
        "task": "binary_classification",
        "loss": "binary_crossentropy",
        "optimizer": "adam",
        "metrics": ["AUC", "logloss"],
        "monitor": "AUC",
        "monitor_mode": "max",
        "save_best_only": True,
        "verbose": 0,
        "model_root": str(folder),
        "model_structure": "parallel",
        "use_low_rank_mixture": False,
        "dnn_activations": "relu",
        "data_format": "npz",
        "shuffle": True,
        "num_workers": params["num_workers"],
        "embedding_dim": params["embedding_dim"],
        "parallel_dnn_hidden_units": params["mlp"],
        "num_cross_layers": params["cross_layers"],
        "learning_rate": params["lr"],
        "net_dropout": params["net_dropout"],
        "batch_norm": params["batch_norm"],
        # The peer ignores an int silently, and 0.0 costs a pass over every table: float or None.
        "embedding_regularizer": float(params["embedding_regularizer"]) or None,
        "net_regularizer": float(params["net_regularizer"]) or None,
        "batch_size": params["batch_size"],
        "epochs": params["epochs"],
        "early_stop_patience": params["patience"],
        "eval_steps": params["eval_steps"] or None,
        **{f"{split}_data": str(folder / f"{split}.npz") for split in SPLITS},
    }
    feature_map = FeatureMap(DATASET_ID, str(folder))
    feature_map.load(str(folder / "feature_map.json"), settings)
    (folder / DATASET_ID).mkdir(exist_ok=True)  # the peer saves its best weights here

    model = DCNv2(feature_map, **settings)
    train_loader, valid_loader = RankDataLoader(feature_map, stage="train", **settings).make_iterator()
    clock = timed(model)
    model.fit(train_loader, validation_data=valid_loader, **settings)
    steps, epoch_steps = model._total_steps, len(train_loader)
    training_seconds = clock["train_epoch"] - clock["evaluate"]

    test_loader = RankDataLoader(feature_map, stage="test", **settings).make_iterator()
    return {
        "model": "DCNv2",
        "validation": scores(model, valid_loader, task["valid"]["label"]),
        "test": scores(model, test_loader, task["test"]["label"]),
        "secondsPerEpoch": round(training_seconds / steps * epoch_steps, 3),
        "epochs": round(steps / epoch_steps, 2),
        "bestEpoch": round(clock["best_step"] / epoch_steps, 2),
        "seconds": round(clock["train_epoch"], 2),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "params": params,
    }


def arguments(argv=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", help="folder with ratings.dat and movies.dat")
    parser.add_argument("--dump", metavar="DIR", help="only write the encoded train/valid/test npz there")
    parser.add_argument("--embedding-dim", type=int, default=16)
    parser.add_argument("--mlp", type=lambda text: [int(units) for units in text.split(",")], default=[64, 32])
    parser.add_argument("--cross-layers", type=int, default=3)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--embedding-regularizer", type=float, default=0.0)
    parser.add_argument("--net-regularizer", type=float, default=0.0)
    parser.add_argument("--net-dropout", type=float, default=0.0)
    parser.add_argument("--batch-norm", action="store_true")
    parser.add_argument("--batch-size", type=int, default=1024)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--patience", type=int, default=2, help="evaluations without improvement")
    parser.add_argument("--eval-steps", type=int, default=0, help="steps between evaluations; 0 = an epoch")
    parser.add_argument("--minimum-count", type=int, default=1, help="rarer training values become out-of-vocabulary")
    parser.add_argument("--history-length", type=int, default=HISTORY_LENGTH)
    parser.add_argument("--num-workers", type=int, default=1, help="processes of the peer's data loader (its default: 1)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=2024)
    return vars(parser.parse_args(argv))


def main():
    params = arguments()
    data, dump = params.pop("data"), params.pop("dump")
    task = build(data, params["history_length"], params["minimum_count"])
    if dump:
        Path(dump).mkdir(parents=True, exist_ok=True)
        write_dataset(task, Path(dump))
        return
    DCNv2 = load_peer()
    with tempfile.TemporaryDirectory() as folder:
        write_dataset(task, Path(folder))
        print(json.dumps(train(DCNv2, task, params, Path(folder))))


if __name__ == "__main__":
    main()
