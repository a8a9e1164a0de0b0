"""Trains the peer over a grid and appends one JSON line a run; a run already in the file is skipped.

    python fuxictr_sweep.py DATA OUT.jsonl --grid '{"lr": [1e-3, 5e-4], "seed": [1, 2, 3]}'
    python fuxictr_sweep.py DATA OUT.jsonl --table 10     # the best by mean validation AUC

Keys are those of `params` in the JSON line; the rest keeps the defaults of fuxictr_movietweetings.py.
Ranking looks at validation only; the test columns are there to be reported, not to choose by.
"""

import argparse
import itertools
import json
import tempfile
from pathlib import Path

import numpy as np

from fuxictr_movietweetings import arguments, load_peer, train, write_dataset
from movietweetings import build


def read_results(path):
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def sweep(data, out, grid):
    defaults = arguments([data])
    del defaults["data"], defaults["dump"]
    unknown = set(grid) - set(defaults)
    if unknown:
        raise SystemExit(f"unknown parameter: {', '.join(sorted(unknown))}")
    runs = [{**defaults, **dict(zip(grid, values))} for values in itertools.product(*grid.values())]
    done = [result["params"] for result in read_results(out)]
    runs = [params for params in runs if params not in done]
    DCNv2 = load_peer()
    tasks = {}
    for number, params in enumerate(runs, start=1):
        shape = (params["history_length"], params["minimum_count"])
        if shape not in tasks:
            tasks[shape] = build(data, *shape)
        with tempfile.TemporaryDirectory() as folder:
            write_dataset(tasks[shape], Path(folder))
            result = train(DCNv2, tasks[shape], params, Path(folder))
        with open(out, "a", encoding="utf8") as lines:
            lines.write(json.dumps(result) + "\n")
        changed = {name: params[name] for name in grid}
        print(f"{number}/{len(runs)} {result['validation']['auc']:.4f} {result['seconds']:.0f} s {changed}", flush=True)


def table(results, rows):
    """Markdown, best mean validation AUC first; columns only for the parameters that vary."""
    names = [name for name in results[0]["params"] if name != "seed"]
    names = [name for name in names if len({str(result["params"][name]) for result in results}) > 1]
    groups = {}
    for result in results:
        key = tuple(str(result["params"][name]) for name in names)
        groups.setdefault(key, []).append(result)

    def column(group, split, metric):
        values = [result[split][metric] for result in group]
        spread = f" ± {np.std(values, ddof=1):.4f}" if len(values) > 1 else ""
        return f"{np.mean(values):.4f}{spread}"

    def rank(entry):
        return -np.mean([result["validation"]["auc"] for result in entry[1]])

    figures = ["val AUC", "val logloss", "test AUC", "test logloss", "test acc", "best epoch", "s/epoch", "seeds"]
    print("| " + " | ".join([*names, *figures]) + " |")
    print("|" + "---|" * (len(names) + len(figures)))
    for key, group in sorted(groups.items(), key=rank)[:rows]:
        cells = [
            column(group, "validation", "auc"),
            column(group, "validation", "logloss"),
            column(group, "test", "auc"),
            column(group, "test", "logloss"),
            column(group, "test", "accuracy"),
            f"{np.mean([result['bestEpoch'] for result in group]):.1f}",
            f"{np.median([result['secondsPerEpoch'] for result in group]):.2f}",
            str(len(group)),
        ]
        print("| " + " | ".join([*key, *cells]) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("out", type=Path)
    parser.add_argument("--grid", type=json.loads)
    parser.add_argument("--table", type=int, metavar="ROWS", help="print the best rows of OUT, train nothing")
    options = parser.parse_args()
    if options.table:
        table(read_results(options.out), options.table)
    else:
        sweep(options.data, options.out, options.grid or {})


if __name__ == "__main__":
    main()
