"""Trains LightGBM on the samples that experiments/crm-parts.ts wrote, and prints JSON lines.

Statistics and other numbers are numbers, ids and attributes are LightGBM's categorical features; it cannot read
sequences, so histories are left out. A random search chooses the settings by the AUC on the validation part, where the number of
rounds ends early too; the best settings are then trained with several seeds, and only these score the test part.
Figures are those of @corella/metrics: AUC with ties by half, logloss in nats, accuracy at 0.5.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import lightgbm
import numpy as np
from sklearn.metrics import log_loss, roc_auc_score

from shards import read_blocks

# Which origins of a feature (programs/parts.ts) are given.
COLUMNS = {
    "all": {"statistic", "attribute", "history", "item", "user"},
    "no-user": {"statistic", "attribute", "history", "item"},
    "no-ids": {"statistic", "attribute", "history"},
    "statistics": {"statistic"},
}
PARTS = ("train", "valid", "test")


def chosen_features(parts, columns):
    chosen = [
        feature
        for feature in parts["features"]
        if feature["type"] in ("numeric", "categorical") and feature["origin"] in COLUMNS[columns]
    ]
    if not chosen:
        raise SystemExit(f"error: no feature is left of the columns {columns!r}")
    return chosen


def read_parts(parts, features):
    """For each part the columns by name, and the labels."""
    read = {}
    for part in PARTS:
        blocks = list(read_blocks(parts["folders"][part]))
        names = [feature["name"] for feature in features] + ["label"]
        read[part] = {name: np.concatenate([block[name] for block in blocks]) for name in names}
    return read


class Data:
    """The parts as LightGBM's matrices, binned once for all trainings; attributes that are numbers in either way."""

    def __init__(self, parts, features, threads):
        self.features, self.threads = features, threads
        self.columns = read_parts(parts, features)
        self.labels = {part: columns["label"] for part, columns in self.columns.items()}
        self.binned = {}

    def matrix(self, part, as_numbers):
        """float32 [samples, features]"""
        columns = self.columns[part]
        matrix = np.empty((len(self.labels[part]), len(self.features)), np.float32)
        for position, feature in enumerate(self.features):
            values = columns[feature["name"]]
            if as_numbers and "numbers" in feature:
                values = np.array(feature["numbers"], np.float64)[values]
            matrix[:, position] = values
        return matrix

    def categorical(self, as_numbers):
        return [
            position
            for position, feature in enumerate(self.features)
            if feature["type"] == "categorical" and not (as_numbers and "numbers" in feature)
        ]

    def get(self, as_numbers):
        """Training and validation part as LightGBM bins them, all parts as matrices, and the seconds of binning."""
        if as_numbers not in self.binned:
            matrices = {part: self.matrix(part, as_numbers) for part in PARTS}
            # A data set serves trainings with other settings only when it is not filtered by min_data_in_leaf.
            fixed = {"feature_pre_filter": False, "num_threads": self.threads, "verbose": -1}
            start = time.perf_counter()
            train = lightgbm.Dataset(
                matrices["train"],
                self.labels["train"],
                categorical_feature=self.categorical(as_numbers),
                params=fixed,
                free_raw_data=False,
            ).construct()
            valid = train.create_valid(matrices["valid"], self.labels["valid"], params=fixed).construct()
            self.binned[as_numbers] = (train, valid, matrices, time.perf_counter() - start)
        return self.binned[as_numbers]


def drawn_settings(random, categorical, rates):
    """A point of the search, by LightGBM's names but for `attributes_as_numbers`."""

    def log_uniform(low, high):
        return float(np.exp(random.uniform(np.log(low), np.log(high))))

    settings = {
        "learning_rate": round(log_uniform(*rates), 4),
        "num_leaves": int(round(log_uniform(8, 128))),
        "min_data_in_leaf": int(round(log_uniform(20, 1000))),
        "feature_fraction": round(float(random.uniform(0.3, 1)), 2),
        "bagging_fraction": round(float(random.uniform(0.5, 1)), 2),
        "bagging_freq": 1,
        "lambda_l2": round(log_uniform(0.01, 100), 3),
        "path_smooth": float(random.choice([0, 0, 1, 10, 100])),
    }
    if categorical:
        settings |= {
            "attributes_as_numbers": bool(random.integers(2)),
            "max_cat_to_onehot": int(random.choice([4, 16, 64])),
            "max_cat_threshold": int(random.choice([16, 32, 128])),
            "cat_smooth": round(log_uniform(1, 300), 1),
            "cat_l2": round(log_uniform(1, 300), 1),
            "min_data_per_group": int(random.choice([20, 100, 300])),
        }
    return settings


def given_settings(text):
    """LightGBM passes over names that it does not know, so they are refused here."""
    given = json.loads(text)
    if unknown := sorted(set(given) - set(drawn_settings(np.random.default_rng(0), True, (1, 1)))):
        raise argparse.ArgumentTypeError(f"not a setting of the search: {', '.join(unknown)}")
    return given


def scores(labels, probabilities):
    return {
        "auc": round(float(roc_auc_score(labels, probabilities)), 6),
        "logloss": round(float(log_loss(labels, probabilities)), 6),
        "accuracy": round(float(np.mean((probabilities >= 0.5) == (labels == 1))), 6),
    }


def train(data, settings, seed, options, test=False):
    """Seconds are those of boosting with a validation a round, without reading and binning."""
    settings = dict(settings)
    train_set, valid_set, matrices, binning = data.get(settings.pop("attributes_as_numbers", False))
    course = []

    def note(environment):
        course.append(time.perf_counter())

    start = time.perf_counter()
    model = lightgbm.train(
        {
            "objective": "binary",
            "metric": "auc",
            "num_threads": options.threads,
            "seed": seed,
            "feature_pre_filter": False,
            "verbose": -1,
            **settings,
        },
        train_set,
        options.rounds,
        valid_sets=[valid_set],
        callbacks=[note, lightgbm.early_stopping(options.patience, verbose=False)],
    )
    seconds = time.perf_counter() - start
    rounds = model.best_iteration or model.current_iteration()
    result = {
        "rounds": rounds,
        "seconds": round(seconds, 2),
        "secondsToBest": round(course[rounds - 1] - start, 2),
        "binningSeconds": round(binning, 2),
        "validation": scores(data.labels["valid"], model.predict(matrices["valid"], num_iteration=rounds)),
    }
    if test:
        start = time.perf_counter()
        probabilities = model.predict(matrices["test"], num_iteration=rounds, num_threads=options.threads)
        result["scoringSeconds"] = round(time.perf_counter() - start, 3)
        result["test"] = scores(data.labels["test"], probabilities)
    return result


def search(data, options):
    """The settings with the best validation AUC of some random ones; those given are the first trial."""
    random = np.random.default_rng(options.search_seed)
    given = options.settings
    categorical = any(feature["type"] == "categorical" for feature in data.features)
    tried = []
    start = time.perf_counter()
    for trial in range(options.trials):
        settings = given if trial == 0 and given else drawn_settings(random, categorical, options.rates)
        result = train(data, settings, 1, options)
        tried.append((result["validation"]["auc"], settings))
        emit(options, part="search", trial=trial, settings=settings, **result)
        if time.perf_counter() - start > options.budget:
            print(f"{trial + 1} trials: the time is up", file=sys.stderr)
            break
    return max(tried, key=lambda pair: pair[0])[1] if tried else given


def emit(options, **content):
    print(json.dumps({"columns": options.columns, "threads": options.threads, **content}), flush=True)


def spread(values):
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return [round(float(np.mean(values)), 6), deviation if deviation is None else round(deviation, 6)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", help="folder with parts.json")
    parser.add_argument("--columns", choices=COLUMNS, default="all", help="no-ids: neither user nor item")
    parser.add_argument("--trials", type=int, default=20, help="of the random search; 0: train --settings at once")
    parser.add_argument(
        "--settings", type=given_settings, default="{}", help="LightGBM's, JSON: the first trial, or all that is trained"
    )
    parser.add_argument("--search-seed", type=int, default=1)
    parser.add_argument("--rates", type=float, nargs=2, default=(0.02, 0.12), help="lowest and highest of the search")
    parser.add_argument("--budget", type=float, default=np.inf, help="seconds after which no trial begins")
    parser.add_argument("--seeds", type=int, default=3, help="of the best settings")
    parser.add_argument("--rounds", type=int, default=2000, help="at most")
    parser.add_argument("--patience", type=int, default=50, help="rounds without a better validation AUC")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    parts = json.loads(Path(options.parts, "parts.json").read_text(encoding="utf8"))
    data = Data(parts, chosen_features(parts, options.columns), options.threads)
    best = search(data, options)
    results = []
    for seed in range(1, options.seeds + 1):
        results.append(train(data, best, seed, options, test=True))
        emit(options, part="seeds", seed=seed, settings=best, **results[-1])
    if results:
        figures = {
            f"{part}.{figure}": spread([result[part][figure] for result in results])
            for part in ("validation", "test")
            for figure in ("auc", "logloss", "accuracy")
        }
        emit(options, part="mean", seeds=len(results), features=len(data.features), **figures)


if __name__ == "__main__":
    main()
