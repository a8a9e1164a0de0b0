"""DCNv2 in plain PyTorch, eager: the training step of the areas' `dcnv2-step` and `dcnv2-lookup-step`."""

import torch
from torch import nn

from worker import repeated, serve, trainable

BATCHES = 4


class Dcnv2(nn.Module):
    """Full-rank cross network beside an MLP (Wang et al. 2021), over given vectors or over embeddings."""

    def __init__(self, fields, dim, cross_layers, units, rows):
        super().__init__()
        width = fields * dim
        self.tables = nn.ModuleList([nn.Embedding(rows, dim, padding_idx=0) for _ in range(fields if rows else 0)])
        self.cross = nn.ModuleList([nn.Linear(width, width) for _ in range(cross_layers)])
        sizes = [width, *units]
        layers = [[nn.Linear(a, b), nn.ReLU()] for a, b in zip(sizes, sizes[1:])]
        self.mlp = nn.Sequential(*[layer for pair in layers for layer in pair])
        self.out = nn.Linear(width + sizes[-1], 1)

    def forward(self, x):
        x0 = torch.cat([table(ids) for table, ids in zip(self.tables, x.unbind(1))], 1) if len(self.tables) else x
        crossed = x0
        for layer in self.cross:
            crossed = x0 * layer(crossed) + crossed
        return self.out(torch.cat([crossed, self.mlp(x0)], 1))


def build(name, settings):
    batch, fields, rows = settings["batch"], settings["fields"], settings["rows"]
    model = Dcnv2(fields, settings["dim"], settings["crossLayers"], settings["units"], rows)
    optimizer = torch.optim.Adam(model.parameters(), settings["learningRate"], fused=True)
    if rows:
        inputs = [torch.randint(1, rows, (batch, fields)) for _ in range(BATCHES)]
    else:
        # Embeddings would need the gradient of these vectors.
        inputs = [torch.rand(batch, fields * settings["dim"], requires_grad=True) for _ in range(BATCHES)]
    labels = (torch.rand(batch, 1) > 0.5).float()
    count = 0

    def step():
        nonlocal count
        x = inputs[count % BATCHES]
        count += 1
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=settings["bf16"]):
            logit = model(x)
        nn.functional.binary_cross_entropy_with_logits(logit.float(), labels).backward()
        optimizer.step()
        x.grad = None

    return {"step": step, "warm_up": repeated(step, 6), "parameters": trainable(model)}


serve(build)
