"""The MovieTweetings task: log, global-time split, features, vocabularies, encoded arrays.

Nothing here knows a model. The rules, all fixed before any tuning:
positive = rating >= 8; stable sort by (timestamp, user, item); the first 80 % of the rows train,
the next 10 % validate, the last 10 % test; history = the user's last 30 events of the whole log
with a timestamp STRICTLY LESS than the sample's; vocabularies from the training rows only.
"""

from bisect import bisect_left
from collections import Counter
from pathlib import Path

import numpy as np

POSITIVE_FROM = 8
HISTORY_LENGTH = 30
PADDING_ID = 0
SPLITS = ("train", "valid", "test")
CATEGORICAL = ("user", "item", "year", "genre")


def read_log(folder):
    """Events (user, item, rating, timestamp) as ints, sorted by (timestamp, user, item)."""
    with open(Path(folder) / "ratings.dat", encoding="utf8") as lines:
        events = [tuple(int(part) for part in line.split("::")) for line in lines]
    return sorted(events, key=lambda event: (event[3], event[0], event[1]))


def read_movies(folder):
    """item -> (year of the title's last parenthesis, first genre or "" when there is none)."""
    movies = {}
    with open(Path(folder) / "movies.dat", encoding="utf8") as lines:
        for line in lines:
            item, title, genres = line.rstrip("\n").split("::")
            year = title.rpartition("(")[2].rstrip().rstrip(")")
            movies[int(item)] = (year, genres.split("|")[0])
    return movies


def split_bounds(rows):
    """Row ranges of train, valid and test; floor at 80 % and 90 %."""
    first, second = rows * 8 // 10, rows * 9 // 10
    return {"train": (0, first), "valid": (first, second), "test": (second, rows)}


def histories(log, length=HISTORY_LENGTH):
    """Per event the user's last `length` earlier events, oldest first, as [(item, rating)]."""
    by_user = {}
    for user, item, rating, timestamp in log:
        by_user.setdefault(user, ([], []))
        by_user[user][0].append(timestamp)
        by_user[user][1].append((item, rating))
    result = []
    for user, _, _, timestamp in log:
        timestamps, events = by_user[user]
        end = bisect_left(timestamps, timestamp)  # first event that is not earlier
        result.append(events[max(0, end - length) : end])
    return result


class Vocabulary:
    """Values seen at least `minimum` times in training -> 1..n; 0 is padding, n + 1 is out-of-vocabulary."""

    def __init__(self, values, minimum=1):
        # By count, then first appearance: the peer's own tokenizer orders them so too.
        kept = [value for value, count in Counter(values).most_common() if count >= minimum]
        self.ids = {value: index for index, value in enumerate(kept, start=1)}
        self.oov_id = len(kept) + 1
        self.size = len(kept) + 2

    def encode(self, value):
        return self.ids.get(value, self.oov_id)


def build(folder, history_length=HISTORY_LENGTH, minimum_count=1):
    """{"vocabulary_sizes", "train"|"valid"|"test": {field: int64 array}}, `label` and row order included.

    Shapes: user, item, year, genre, label [rows]; history_items, history_ratings [rows, history_length],
    padded at the end with 0. history_items uses the item vocabulary.
    """
    log = read_log(folder)
    movies = read_movies(folder)
    past = histories(log, history_length)
    bounds = split_bounds(len(log))
    columns = {
        "user": [event[0] for event in log],
        "item": [event[1] for event in log],
        "year": [movies[event[1]][0] for event in log],
        "genre": [movies[event[1]][1] for event in log],
    }
    train_end = bounds["train"][1]
    vocabularies = {name: Vocabulary(columns[name][:train_end], minimum_count) for name in CATEGORICAL}
    vocabularies["history_ratings"] = Vocabulary(event[2] for event in log[:train_end])
    vocabularies["history_items"] = vocabularies["item"]

    arrays = {
        name: np.array([vocabularies[name].encode(value) for value in columns[name]], np.int64)
        for name in CATEGORICAL
    }
    for position, name in enumerate(("history_items", "history_ratings")):
        encoded = np.full((len(log), history_length), PADDING_ID, np.int64)
        for row, events in enumerate(past):
            encoded[row, : len(events)] = [vocabularies[name].encode(event[position]) for event in events]
        arrays[name] = encoded
    arrays["label"] = np.array([event[2] >= POSITIVE_FROM for event in log], np.int64)

    task = {"vocabulary_sizes": {name: vocabulary.size for name, vocabulary in vocabularies.items()}}
    for split, (start, end) in bounds.items():
        task[split] = {name: values[start:end] for name, values in arrays.items()}
    return task


def describe(folder):
    """Figures by which another implementation can check its own encoding."""
    log = read_log(folder)
    lengths = np.array([len(events) for events in histories(log)])
    task = build(folder)
    facts = {"rows": len(log), "first": log[:3], "last": log[-3:], "vocabularySizes": task["vocabulary_sizes"]}
    for split, (start, end) in split_bounds(len(log)).items():
        part = lengths[start:end]
        facts[split] = {
            "rows": end - start,
            "positives": int(task[split]["label"].sum()),
            "history": {
                "mean": round(float(part.mean()), 4),
                "sum": int(part.sum()),
                "median": float(np.median(part)),
                "empty": int((part == 0).sum()),
                "full": int((part == HISTORY_LENGTH).sum()),
            },
            "outOfVocabulary": {
                name: int((task[split][name] == task["vocabulary_sizes"][name] - 1).sum())
                for name in (*CATEGORICAL, "history_items", "history_ratings")
            },
        }
    return facts


if __name__ == "__main__":
    import json
    import sys

    print(json.dumps(describe(sys.argv[1]), indent=2))
