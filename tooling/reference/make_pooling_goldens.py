"""L_cal (eq. 3) of means over tokens and its gradients in numpy, for packages/alignment/src/recipes/pooling.test.ts.

  python make_pooling_goldens.py --out ../../packages/alignment/src/goldens/calibration-pooling.safetensors

Two aligned pairs with squared Euclidean distance, once on states as they are and once on normalised ones. Of each sequence the
states of its last `count` tokens are averaged; what follows its `length` is filling. Gradients are derived by hand, compared with
central differences of the loss, and stored in float32; the same seed gives the same file.
"""

import argparse

import numpy as np

from golden_file import save

TIME, LLM, CRM, WIDTH, EPSILON = 6, 10, (7, 5), 8, 1e-8
LENGTHS, COUNTS = np.array([6, 4, 5, 1]), np.array([3, 1, 5, 1])


def given(seed):
    random = np.random.default_rng(seed)
    normal = lambda *shape: random.standard_normal(shape).astype(np.float32).astype(np.float64)
    inputs = {}
    for j, crm in enumerate(CRM):
        inputs[f"llm.{j}"] = normal(len(LENGTHS), TIME, LLM) * (1, 64)[j]
        inputs[f"crm.{j}"] = normal(len(LENGTHS), crm) * 0.25
        for side, hidden in (("llm", LLM), ("crm", crm)):
            inputs[f"projection.{side}.{j}.weight"] = normal(WIDTH, hidden) * 0.5
            inputs[f"projection.{side}.{j}.bias"] = normal(WIDTH) * 0.125
    return inputs


def mean_weights():
    weights = np.zeros((len(LENGTHS), TIME))
    for row, (length, count) in enumerate(zip(LENGTHS, COUNTS)):
        weights[row, length - count : length] = 1 / count
    return weights


def normalised(x, kind):
    """The states, and the gradient by x from the one by them."""
    if kind == "none":
        return x, lambda d: d
    width = x.shape[-1]
    centred = x - x.mean(-1, keepdims=True)
    variance = (centred**2).mean(-1, keepdims=True)
    scale = 1 / np.sqrt((variance + EPSILON) * width)

    def back(d):
        by_centred = scale * d - centred * (d * centred).sum(-1, keepdims=True) * scale / ((variance + EPSILON) * width)
        return by_centred - by_centred.mean(-1, keepdims=True)

    return centred * scale, back


def calibration(inputs, kind):
    weights = mean_weights()
    total, gradients = 0, {}
    for j in range(len(CRM)):
        pooled = np.einsum("bt,bth->bh", weights, inputs[f"llm.{j}"])
        sides = {"llm": normalised(pooled, kind), "crm": normalised(inputs[f"crm.{j}"], kind)}
        projected = {
            side: x @ inputs[f"projection.{side}.{j}.weight"].T + inputs[f"projection.{side}.{j}.bias"]
            for side, (x, _) in sides.items()
        }
        difference = projected["llm"] - projected["crm"]
        total += (difference**2).sum(-1).mean()
        for side, sign in (("llm", 1), ("crm", -1)):
            x, back = sides[side]
            d = sign * 2 * difference / len(LENGTHS)
            gradients[f"projection.{side}.{j}.weight"] = d.T @ x
            gradients[f"projection.{side}.{j}.bias"] = d.sum(0)
            by_state = back(d @ inputs[f"projection.{side}.{j}.weight"])
            gradients[f"{side}.{j}"] = by_state if side == "crm" else np.einsum("bt,bh->bth", weights, by_state)
    return total, gradients


def check(inputs, kind, gradients):
    for name, gradient in gradients.items():
        for place in np.ndindex(gradient.shape):
            step = 1e-5 * max(1, abs(inputs[name][place]))
            sides = []
            for sign in (1, -1):
                moved = {**inputs, name: inputs[name].copy()}
                moved[name][place] += sign * step
                sides.append(calibration(moved, kind)[0])
            found = (sides[0] - sides[1]) / (2 * step)
            assert abs(found - gradient[place]) < 1e-5 * max(1, abs(gradient).max()), (kind, name, place)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--seed", type=int, default=17)
    arguments = parser.parse_args()
    inputs = given(arguments.seed)
    result = {**inputs, "lengths": LENGTHS, "counts": COUNTS}
    for kind in ("none", "layerNorm"):
        loss, gradients = calibration(inputs, kind)
        check(inputs, kind, gradients)
        result[f"{kind}/loss"] = np.array([loss])
        for name, gradient in gradients.items():
            result[f"{kind}/{name}"] = gradient
    save(arguments.out, result, {"numpy": np.__version__, "seed": str(arguments.seed)})


if __name__ == "__main__":
    main()
