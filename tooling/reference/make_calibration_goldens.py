"""L_cal (eq. 3) and its gradients in PyTorch, for packages/alignment/src/recipes/calibration.test.ts.

  python make_calibration_goldens.py --out ../../packages/alignment/src/goldens/calibration-variants.safetensors

Every normalisation with every distance, on random states of two aligned pairs: the CRM's layers differ in width, and the second
block's states are as large as those of real LLMs, most of it in one element. Computed in float64, stored in float32; the same
seed gives the same file.
"""

import argparse

import torch
from safetensors.torch import save_file
from torch.nn import functional as F

BATCH, LLM, CRM, WIDTH, TEMPERATURE = 5, 16, (12, 7), 8, 0.2


def given(seed):
    torch.manual_seed(seed)
    normal = lambda *shape: torch.randn(*shape, dtype=torch.float64).float().double()
    inputs = {}
    for j, crm in enumerate(CRM):
        inputs[f"llm.{j}"] = normal(BATCH, LLM)
        inputs[f"crm.{j}"] = normal(BATCH, crm) * 0.25
        for side, hidden in (("llm", LLM), ("crm", crm)):
            inputs[f"projection.{side}.{j}.weight"] = normal(WIDTH, hidden) * 0.5
            inputs[f"projection.{side}.{j}.bias"] = normal(WIDTH) * 0.125
    inputs["llm.1"] = inputs["llm.1"] * 256
    inputs["llm.1"][:, 3] += 16384
    return inputs


def normalised(x, kind):
    return x if kind == "none" else F.layer_norm(x, x.shape[-1:], eps=1e-8) / x.shape[-1] ** 0.5


def distance(a, b, kind):
    if kind.startswith("euclidean"):
        return ((a - b).norm(dim=-1) ** float(kind.removeprefix("euclidean"))).mean()
    if kind == "cosine":
        return (1 - F.cosine_similarity(a, b, dim=-1)).mean()
    similarity = F.normalize(a, dim=-1) @ F.normalize(b, dim=-1).T / TEMPERATURE
    same = torch.arange(len(a))
    return (F.cross_entropy(similarity, same) + F.cross_entropy(similarity.T, same)) / 2


def calibration(inputs, normalise, kind):
    total = 0
    for j in range(len(CRM)):
        a, b = (F.linear(normalised(inputs[f"{side}.{j}"], normalise), inputs[f"projection.{side}.{j}.weight"],
                         inputs[f"projection.{side}.{j}.bias"]) for side in ("llm", "crm"))
        total = total + distance(a, b, kind)
    return total


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--seed", type=int, default=16)
    arguments = parser.parse_args()
    inputs = given(arguments.seed)
    result = dict(inputs)
    for normalise in ("none", "layerNorm"):
        for kind in ("euclidean1", "euclidean1.5", "euclidean2", "cosine", "contrastive"):
            leaves = {name: value.clone().requires_grad_() for name, value in inputs.items()}
            loss = calibration(leaves, normalise, kind)
            variant = f"{normalise}/{kind}"
            result[f"{variant}/loss"] = loss.detach()[None]
            for name, gradient in zip(leaves, torch.autograd.grad(loss, list(leaves.values()))):
                result[f"{variant}/{name}"] = gradient
    result["temperature"] = torch.tensor([TEMPERATURE])
    metadata = {"torch": torch.__version__.split("+")[0], "seed": str(arguments.seed)}
    save_file({name: value.float().contiguous() for name, value in result.items()}, arguments.out, metadata)


if __name__ == "__main__":
    main()
