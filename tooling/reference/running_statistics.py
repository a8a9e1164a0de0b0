"""The eight running numbers of every row of a log, by pandas, to compare ours with.

Mean, count, share of positives and deviation of the item, then of the user, over the events before a row; means are shrunk by
five events of a given mean. ../bench/src/experiments/statistics-reference.ts runs this and compares.

The output is float64, [11, rows]: user, item, time, then the eight, in the order of (time, user, item).
"""
import argparse, io, zipfile
from pathlib import Path
import numpy as np, pandas as pd

parser = argparse.ArgumentParser()
parser.add_argument("ratings", help="ratings.dat with :: between user, item, rating, time; or ml-1m.zip")
parser.add_argument("--out", required=True)
parser.add_argument("--threshold", type=float, required=True, help="a rating from here is positive")
parser.add_argument("--ties", choices=["order", "exclude"], required=True)
parser.add_argument("--mean-rating", type=float, required=True, help="what means of ratings are shrunk to")
parser.add_argument("--mean-label", type=float, required=True)
arguments = parser.parse_args()


def read(path):
    """The log in the order of (time, user, item). The columns between the ids are empty: the separator is two characters."""
    source = path
    if path.endswith(".zip"):
        archive = zipfile.ZipFile(path)
        member = next(name for name in archive.namelist() if name.endswith("ratings.dat"))
        source = io.BytesIO(archive.read(member))
    log = pd.read_csv(source, sep=":", header=None, usecols=[0, 2, 4, 6])
    log.columns = ["user", "item", "rating", "time"]
    return log.sort_values(["time", "user", "item"], kind="stable").reset_index(drop=True)


def before(key, value, prior, strength=5):
    """Shrunk mean of `value` over the earlier rows of the same key, and ln(1 + their count)."""
    groups = log.groupby(key)[value]
    earlier = pd.DataFrame({"count": groups.cumcount(), "sum": groups.cumsum() - log[value]})
    if arguments.ties == "exclude":
        # What is before the first row of the same key and instant is before them all.
        earlier = earlier.groupby([log[key], log["time"]]).transform("first")
    return (earlier["sum"] + prior * strength) / (earlier["count"] + strength), np.log1p(earlier["count"])


log = read(arguments.ratings)
log["label"] = (log.rating >= arguments.threshold).astype(float)
x = {}
for key in ("item", "user"):
    x[f"{key}_mean"], x[f"{key}_count"] = before(key, "rating", arguments.mean_rating)
    x[f"{key}_liked"], _ = before(key, "label", arguments.mean_label)
for key, other in (("item", "user"), ("user", "item")):
    log["difference"] = log.rating - x[f"{other}_mean"]
    x[f"{key}_deviation"], _ = before(key, "difference", 0)
names = [f"{key}_{value}" for key in ("item", "user") for value in ("mean", "count", "liked", "deviation")]
columns = [log.user, log.item, log.time] + [x[name] for name in names]
Path(arguments.out).write_bytes(np.stack([np.asarray(column, np.float64) for column in columns]).tobytes())
