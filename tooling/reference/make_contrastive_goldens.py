"""The contrastive loss of CTRL and its gradients in numpy, for packages/alignment/src/recipes/contrastive-loss.test.ts.

  python make_contrastive_goldens.py --out ../../packages/alignment/src/goldens/contrastive.safetensors

Once with one subspace, which is InfoNCE in both directions over inner products, and once with three, of which the nearest are
compared. Gradients are derived by hand, compared with central differences of the loss, and stored in float32; the same seed gives
the same file.
"""

import argparse

import numpy as np

from golden_file import save

BATCH, TEXT, CRM, WIDTH, TEMPERATURE = 5, 7, 6, 4, 0.7


def given(seed, subspaces):
    random = np.random.default_rng(seed + subspaces)
    normal = lambda *shape: random.standard_normal(shape).astype(np.float32).astype(np.float64)
    inputs = {"text": normal(BATCH, TEXT), "crm": normal(BATCH, CRM)}
    for side, hidden in (("text", TEXT), ("crm", CRM)):
        inputs[f"projection.{side}.weight"] = normal(subspaces * WIDTH, hidden) * 0.5
        inputs[f"projection.{side}.bias"] = normal(subspaces * WIDTH) * 0.125
    return inputs


def direction(queries, keys):
    """Mean cross entropy of each query finding its own key, and the gradients by both: [batch, subspaces, width]."""
    batch, subspaces, _ = queries.shape
    products = np.einsum("imw,jnw->ijmn", queries, keys) / TEMPERATURE
    nearest = products.argmax(-1)
    scores = products.max(-1).sum(-1)
    shifted = np.exp(scores - scores.max(1, keepdims=True))
    shares = shifted / shifted.sum(1, keepdims=True)
    loss = -np.log(shares[np.arange(batch), np.arange(batch)]).mean()
    by_scores = (shares - np.eye(batch)) / batch / TEMPERATURE
    by_queries, by_keys = np.zeros_like(queries), np.zeros_like(keys)
    for i in range(batch):
        for j in range(batch):
            for m in range(subspaces):
                n = nearest[i, j, m]
                by_queries[i, m] += by_scores[i, j] * keys[j, n]
                by_keys[j, n] += by_scores[i, j] * queries[i, m]
    return loss, by_queries, by_keys


def contrastive(inputs, subspaces):
    projected = {
        side: (inputs[side] @ inputs[f"projection.{side}.weight"].T + inputs[f"projection.{side}.bias"]).reshape(
            BATCH, subspaces, WIDTH
        )
        for side in ("text", "crm")
    }
    one, text_one, crm_one = direction(projected["text"], projected["crm"])
    two, crm_two, text_two = direction(projected["crm"], projected["text"])
    gradients = {}
    for side, d in (("text", text_one + text_two), ("crm", crm_one + crm_two)):
        d = d.reshape(BATCH, subspaces * WIDTH) / 2
        gradients[f"projection.{side}.weight"] = d.T @ inputs[side]
        gradients[f"projection.{side}.bias"] = d.sum(0)
        gradients[side] = d @ inputs[f"projection.{side}.weight"]
    return (one + two) / 2, gradients


def check(inputs, subspaces, gradients):
    for name, gradient in gradients.items():
        for place in np.ndindex(gradient.shape):
            losses = []
            for step in (1e-6, -1e-6):
                moved = {**inputs, name: inputs[name].copy()}
                moved[name][place] += step
                losses.append(contrastive(moved, subspaces)[0])
            found = (losses[0] - losses[1]) / 2e-6
            assert abs(found - gradient[place]) < 1e-5 * max(1, abs(gradient).max()), (subspaces, name, place)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--seed", type=int, default=23)
    arguments = parser.parse_args()
    result = {}
    for subspaces in (1, 3):
        inputs = given(arguments.seed, subspaces)
        loss, gradients = contrastive(inputs, subspaces)
        check(inputs, subspaces, gradients)
        result.update({f"{subspaces}/{name}": value for name, value in inputs.items()})
        result.update({f"{subspaces}/gradient/{name}": value for name, value in gradients.items()})
        result[f"{subspaces}/loss"] = np.array([loss])
    save(arguments.out, result, {"numpy": np.__version__, "seed": str(arguments.seed)})


if __name__ == "__main__":
    main()
