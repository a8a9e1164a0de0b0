"""A matrix product and the mean of its elements: how fast torch multiplies."""

import torch

from worker import repeated, serve


def build(name, settings):
    x = torch.randn(settings["rows"], settings["inputs"])
    weight = torch.randn(settings["outputs"], settings["inputs"])
    count = 0

    def step():
        nonlocal count
        count += 1
        with torch.no_grad():
            (x @ (weight * count).t()).mean()

    return {"step": step, "warm_up": repeated(step, 3), "parameters": None}


serve(build)
