"""T5 of any shape in transformers, with P5's whole-word embeddings: a training step on all weights."""

import torch
from transformers import T5Config, T5ForConditionalGeneration

from worker import repeated, serve


def build(name, settings):
    torch.manual_seed(1)
    shape = settings["config"]
    model = T5ForConditionalGeneration(T5Config(**shape, dropout_rate=0.0)).train()
    words = torch.nn.Embedding(shape["whole_words"], shape["d_model"])
    parameters = [*model.parameters(), *words.parameters()]
    optimizer = torch.optim.AdamW(parameters, settings["learningRate"], weight_decay=0.01, fused=True)
    vocabulary = shape["vocab_size"]
    size = (settings["batch"], settings["time"])
    ids = torch.randint(3, vocabulary, size)
    rows = torch.randint(1, shape["whole_words"], size)
    labels = torch.randint(3, vocabulary, (settings["batch"], settings["answer"]))

    def step():
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=settings["bf16"]):
            embedded = model.shared(ids) + words(rows)
            loss = model(inputs_embeds=embedded, attention_mask=torch.ones_like(ids), labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return {"step": step, "warm_up": repeated(step, 2), "parameters": sum(p.numel() for p in parameters)}


serve(build)
