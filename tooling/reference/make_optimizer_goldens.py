"""Values after ten steps of torch.optim, for packages/engine/src/optimizers.golden.test.ts.

  python make_optimizer_goldens.py --seed 2024 --out ../../packages/engine/src/goldens/optimizers.json

The loss is linear, sum(w * cw[k]) + sum(dropout(table[ids[k]]) * ct[k]), so that the gradients of step k are known whatever
the optimiser did before, and a difference is the optimiser's alone.
"""

import argparse
import json

import torch
from streams import dropout_bits

STEPS, SHAPE, ROWS, DIM, LOOKUPS = 10, (3, 4), 6, 3, 5
DROPOUT_SEED = 7

# Options of the engine beside torch's class and options; `lazy` names the sparse counterpart, where torch has one.
SGD = torch.optim.SGD
CASES = [
    ("sgd", {"kind": "sgd", "learningRate": 0.1}, SGD, {"lr": 0.1}),
    ("sgd-l2", {"kind": "sgd", "learningRate": 0.1, "l2": 0.05}, SGD, {"lr": 0.1, "weight_decay": 0.05}),
    ("sgd-momentum", {"kind": "sgd", "learningRate": 0.1, "momentum": 0.9}, SGD, {"lr": 0.1, "momentum": 0.9}),
    ("sgd-momentum-l2", {"kind": "sgd", "learningRate": 0.1, "momentum": 0.9, "l2": 0.05},
     SGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.05}),
    ("sgd-dampening-l2", {"kind": "sgd", "learningRate": 0.1, "momentum": 0.9, "dampening": 0.3, "l2": 0.05},
     SGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.05}),
    ("sgd-nesterov-l2", {"kind": "sgd", "learningRate": 0.1, "momentum": 0.9, "nesterov": True, "l2": 0.05},
     SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.05}),
    ("adagrad", {"kind": "adagrad", "learningRate": 0.1}, torch.optim.Adagrad, {"lr": 0.1}),
    ("adagrad-decay-l2", {"kind": "adagrad", "learningRate": 0.1, "learningRateDecay": 0.2, "initialSum": 0.1, "l2": 0.05},
     torch.optim.Adagrad, {"lr": 0.1, "lr_decay": 0.2, "initial_accumulator_value": 0.1, "weight_decay": 0.05}),
    ("adam", {"kind": "adam", "learningRate": 0.01}, torch.optim.Adam, {"lr": 0.01}),
    ("adam-betas-l2", {"kind": "adam", "learningRate": 0.01, "betas": [0.8, 0.95], "epsilon": 1e-6, "l2": 0.05},
     torch.optim.Adam, {"lr": 0.01, "betas": (0.8, 0.95), "eps": 1e-6, "weight_decay": 0.05}),
    ("adamw", {"kind": "adamw", "learningRate": 0.01}, torch.optim.AdamW, {"lr": 0.01}),
    ("adamw-decay", {"kind": "adamw", "learningRate": 0.01, "weightDecay": 0.3}, torch.optim.AdamW,
     {"lr": 0.01, "weight_decay": 0.3}),
]
# Rows of the batch only. torch's sparse optimisers know neither L2 nor decay: both are given to the batch's rows by hand.
LAZY = {
    "sgd": SGD, "sgd-l2": SGD, "adagrad": torch.optim.Adagrad, "adagrad-decay-l2": torch.optim.Adagrad,
    "adam": torch.optim.SparseAdam, "adam-betas-l2": torch.optim.SparseAdam, "adamw-decay": torch.optim.SparseAdam,
}
# Of SGD with momentum, which sees the length of a gradient: (name, passes of one update, norm, dropout rate)
GRADIENTS = [("clip", 1, 1.5, 0), ("accumulate", 2, None, 0), ("both", 2, 1.5, 0), ("both-dropout", 2, 1.5, 0.25)]


def numbers(tensor):
    """Float32, in digits enough to get the same bits back."""
    return [float(f"{value:.9g}") for value in tensor.detach().flatten().tolist()]


def scenario(seed):
    torch.manual_seed(seed)
    size = lambda *shape: torch.exp(torch.randn(*shape))  # of gradients: some far smaller than others
    return {
        "w": torch.randn(SHAPE) * 0.5,
        "table": torch.randn(ROWS, DIM) * 0.5,
        "cw": torch.randn(STEPS, *SHAPE) * size(STEPS, *SHAPE) * 0.3,
        "ct": torch.randn(STEPS, LOOKUPS, DIM) * size(STEPS, LOOKUPS, DIM) * 0.3,
        # The last row is never looked up, others twice in one batch.
        "ids": torch.randint(0, ROWS - 1, (STEPS, LOOKUPS)),
        "scales": torch.linspace(0.5, 1.5, STEPS),
    }


def loss(data, w, table, k, rate):
    rows = torch.nn.functional.embedding(data["ids"][k], table)
    if rate > 0:
        bits = dropout_bits(rows.numel(), rate, DROPOUT_SEED, k + 1)
        rows = rows * torch.tensor(bits).reshape(rows.shape) / (1 - rate)
    return (w * data["cw"][k]).sum() + (rows * data["ct"][k]).sum()


def set_rate(optimizers, base, scale):
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = base * scale


def dense(data, make, options, passes=1, norm=None, rate=0):
    w, table = data["w"].clone().requires_grad_(), data["table"].clone().requires_grad_()
    optimizer = make([w, table], **options)
    for k in range(STEPS):
        (loss(data, w, table, k, rate) / passes).backward()
        if (k + 1) % passes > 0:
            continue
        if norm is not None:
            torch.nn.utils.clip_grad_norm_([w, table], norm)
        set_rate([optimizer], options["lr"], data["scales"][k].item())
        optimizer.step()
        optimizer.zero_grad()
    return w, table


def lazy(data, name, spec, options):
    table = data["table"].clone().requires_grad_()
    sparse = LAZY[name]
    taken = ["lr", "betas"] if sparse is torch.optim.SparseAdam else ["lr", "lr_decay", "initial_accumulator_value"]
    # SparseAdam adds its epsilon before the bias correction, Adam after it: made so small that this cannot matter.
    extra = {"eps": 1e-12} if sparse is torch.optim.SparseAdam else {}
    optimizer = sparse([table], **{key: options[key] for key in taken if key in options}, **extra)
    for k in range(STEPS):
        scale = data["scales"][k].item()
        rows, inverse = data["ids"][k].unique(return_inverse=True)
        sums = torch.zeros(len(rows), DIM).index_add_(0, inverse, data["ct"][k])
        with torch.no_grad():
            sums += spec.get("l2", 0) * table[rows]
            if spec["kind"] == "adamw":
                table[rows] *= 1 - options["lr"] * scale * options["weight_decay"]
        table.grad = torch.sparse_coo_tensor(rows[None], sums, table.shape, check_invariants=True).coalesce()
        set_rate([optimizer], options["lr"], scale)
        optimizer.step()
    return table


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=2024)
    parser.add_argument("--out", required=True)
    arguments = parser.parse_args()
    data = scenario(arguments.seed)
    cases = []
    for name, spec, make, options in CASES:
        w, table = dense(data, make, options)
        case = {"name": name, "optimizer": spec, "w": numbers(w), "dense": numbers(table)}
        if name in LAZY:
            if LAZY[name] is torch.optim.SparseAdam:
                case["lazyEpsilon"] = 1e-12
            case["lazy"] = numbers(lazy(data, name, spec, options))
        cases.append(case)
    gradients = []
    for name, passes, norm, rate in GRADIENTS:
        w, table = dense(data, SGD, {"lr": 0.1, "momentum": 0.9}, passes, norm, rate)
        gradients.append({"name": name, "accumulate": passes, "clipNorm": norm, "dropout": rate,
                          "w": numbers(w), "dense": numbers(table)})
    golden = {
        "made": f"make_optimizer_goldens.py --seed {arguments.seed}, torch {torch.__version__}",
        "shapes": {"w": SHAPE, "table": (ROWS, DIM), "ids": (LOOKUPS,)},
        "dropoutSeed": DROPOUT_SEED,
        "data": {key: value.flatten().tolist() if key == "ids" else numbers(value) for key, value in data.items()},
        "cases": cases,
        "gradients": gradients,
    }
    with open(arguments.out, "w") as file:
        json.dump(golden, file, separators=(",", ":"))
        file.write("\n")


main()
