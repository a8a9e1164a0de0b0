"""Learning-rate factors of torch.optim.lr_scheduler and transformers, for packages/engine/src/schedules.test.ts.

  python make_schedule_goldens.py --seed 2024 --out ../../packages/engine/src/goldens/schedules.json
"""

import argparse
import json

import torch
import transformers

STEPS = 40
LR = 0.1


def optimizer():
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=LR)


def factors(make):
    """Of each step: optimizer.step(), then scheduler.step()."""
    own = optimizer()
    scheduler = make(own)
    seen = []
    for _ in range(STEPS):
        seen.append(own.param_groups[0]["lr"] / LR)
        own.step()
        scheduler.step()
    return seen


# (the engine's function, its options, torch's or transformers' scheduler); runs of 30 steps, looked at for 40.
SCHEDULES = [
    ("constant", {"warmupSteps": 6, "fromZero": True}, lambda o: transformers.get_constant_schedule_with_warmup(o, 6)),
    ("linear", {"steps": 30, "warmupSteps": 6, "fromZero": True},
     lambda o: transformers.get_linear_schedule_with_warmup(o, 6, 30)),
    ("linear", {"steps": 30}, lambda o: torch.optim.lr_scheduler.LinearLR(o, 1, 0, total_iters=30)),
    ("linear", {"steps": 30, "floor": 0.2}, lambda o: torch.optim.lr_scheduler.LinearLR(o, 1, 0.2, total_iters=30)),
    # LinearLR begins at its start factor and reaches 1 after total_iters steps.
    ("constant", {"warmupSteps": 5}, lambda o: torch.optim.lr_scheduler.LinearLR(o, 1 / 5, 1, total_iters=4)),
    ("cosine", {"steps": 30, "warmupSteps": 6, "fromZero": True},
     lambda o: transformers.get_cosine_schedule_with_warmup(o, 6, 30)),
    ("cosine", {"steps": 30, "warmupSteps": 6, "fromZero": True, "floor": 0.1},
     lambda o: transformers.get_cosine_with_min_lr_schedule_with_warmup(o, 6, 30, min_lr_rate=0.1)),
    ("cosine", {"steps": 30, "floor": 0.1}, lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 30, eta_min=0.1 * LR)),
]

# (the engine's options, torch's)
PLATEAUS = [
    ({"patience": 2}, {"patience": 2}),
    ({"patience": 0, "factor": 0.5, "cooldown": 3}, {"patience": 0, "factor": 0.5, "cooldown": 3}),
    ({"mode": "max", "patience": 1, "threshold": 0.05}, {"mode": "max", "patience": 1, "threshold": 0.05}),
    ({"patience": 1, "threshold": 0.3, "thresholdMode": "abs", "minimum": 0.02},
     {"patience": 1, "threshold": 0.3, "threshold_mode": "abs", "min_lr": 0.02 * LR}),
    ({"mode": "max", "patience": 1, "threshold": 0.2, "thresholdMode": "abs", "cooldown": 1},
     {"mode": "max", "patience": 1, "threshold": 0.2, "threshold_mode": "abs", "cooldown": 1}),
]


def plateau(measures, options):
    own = optimizer()
    # Below its eps torch leaves a rate alone; the engine has no such limit.
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(own, eps=0, **options)
    seen = []
    for measure in measures:
        scheduler.step(measure)
        seen.append(own.param_groups[0]["lr"] / LR)
    return seen


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=2024)
    parser.add_argument("--out", required=True)
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    # Falls for a while, then only shakes; the last measure is not a number.
    curve = [max(1.0, 4.0 - 0.4 * i) for i in range(STEPS - 1)]
    measures = [c + 0.3 * n for c, n in zip(curve, torch.rand(STEPS - 1).tolist())] + [float("nan")]
    golden = {
        "made": f"make_schedule_goldens.py --seed {arguments.seed}, torch {torch.__version__}, transformers {transformers.__version__}",
        "schedules": [{"kind": kind, "options": options, "factors": factors(make)} for kind, options, make in SCHEDULES],
        "measures": [None if m != m else m for m in measures],
        "plateaus": [{"options": ours, "scales": plateau(measures, theirs)} for ours, theirs in PLATEAUS],
    }
    with open(arguments.out, "w") as file:
        json.dump(golden, file, separators=(",", ":"))
        file.write("\n")


main()
