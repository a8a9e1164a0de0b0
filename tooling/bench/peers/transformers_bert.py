"""BERT of any shape in transformers: a training step on all weights, where texts and given vectors find each other in the batch."""

import torch
from torch.nn import functional
from transformers import BertConfig, BertModel

from worker import repeated, serve


def build(name, settings):
    torch.manual_seed(1)
    shape = settings["config"]
    config = BertConfig(**shape, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    model = BertModel(config, add_pooling_layer=False).train()
    optimizer = torch.optim.AdamW(model.parameters(), settings["learningRate"], weight_decay=0.01, fused=True)
    size = (settings["batch"], settings["time"])
    ids = torch.randint(3, shape["vocab_size"], size)
    vectors = torch.randn(size[0], shape["hidden_size"])
    own = torch.arange(size[0])

    def step():
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=settings["bf16"]):
            pooled = model(ids, attention_mask=torch.ones_like(ids)).last_hidden_state.mean(1)
            similar = pooled @ vectors.T / shape["hidden_size"] ** 0.5
            loss = (functional.cross_entropy(similar, own) + functional.cross_entropy(similar.T, own)) / 2
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return {"step": step, "warm_up": repeated(step, 2), "parameters": sum(p.numel() for p in model.parameters())}


serve(build)
