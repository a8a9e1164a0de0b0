"""Llama of any shape in transformers: LoRA step (PEFT), scoring of the last position, pre-training step."""

import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

from worker import repeated, serve, trainable


def build(name, settings):
    torch.manual_seed(1)
    model = LlamaForCausalLM(LlamaConfig(**settings["config"]))
    make = {"lora": lora, "score": score, "pretrain": pretrain}[settings["task"]]
    if "sequences" in settings:
        return make(model, *padded(settings["sequences"]), settings)
    ids = torch.randint(3, settings["config"]["vocab_size"], (settings["batch"], settings["time"]))
    return make(model, ids, torch.ones_like(ids), settings)


def padded(sequences):
    """On the left, so that every last token stands in the last place."""
    time = max(len(ids) for ids in sequences)
    return (
        torch.tensor([[0] * (time - len(ids)) + ids for ids in sequences]),
        torch.tensor([[0] * (time - len(ids)) + [1] * len(ids) for ids in sequences]),
    )


def lora(model, ids, mask, settings):
    """The loss stands on the last position only, as in training on an answer."""
    config = LoraConfig(
        r=settings["rank"], lora_alpha=settings["alpha"], target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM"
    )
    model = get_peft_model(model, config)
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    labels = torch.full_like(ids, -100)
    labels[:, -1] = 5
    return training(model, torch.optim.AdamW(parameters, settings["learningRate"]), ids, mask, labels, settings)


def pretrain(model, ids, mask, settings):
    optimizer = torch.optim.AdamW(
        model.parameters(), settings["learningRate"], betas=(0.9, 0.95), weight_decay=0.1, fused=True
    )
    return training(model, optimizer, ids, mask, ids, settings)


def training(model, optimizer, ids, mask, labels, settings):
    model.train()

    def step():
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=settings["bf16"]):
            loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return {"step": step, "warm_up": repeated(step, 2), "parameters": trainable(model)}


def score(model, ids, mask, settings):
    model = model.eval()
    if settings["bf16"]:
        model = model.bfloat16()

    def step():
        with torch.no_grad():
            model(input_ids=ids, attention_mask=mask, logits_to_keep=1, use_cache=False)

    return {"step": step, "warm_up": repeated(step, 2), "parameters": trainable(model)}


serve(build)
