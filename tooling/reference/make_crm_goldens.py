"""Goldens of DIN, MaskNet, FinalMLP, GDCN, FM and WideDeep, and of what the other CRM goldens leave out of DCNv2's
experts and of features, made by running FuxiCTR's unmodified models.

  FUXICTR_HOME=<checkout> python make_crm_goldens.py --out ../../packages/crm/src/goldens [--only REGEX]

Writes <case>.safetensors and <case>.json in the layout of the other CRM goldens:
input.*, label, param.*, buffer.*; hidden.*, logit, loss, grad.*, buffer_after1.*; after 3 Adam steps after3.*,
buffer_after3.*, loss_steps, logit_after3. The json tells how far float32 is from float64.
"""

import argparse
import copy
import importlib
import json
import logging
import os
import re
import sys
import zlib
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

sys.path.insert(0, str(Path(os.environ["FUXICTR_HOME"]).resolve()))
import fuxictr
from fuxictr.features import FeatureMap

SEED = 2024
BATCH, DIM, LENGTH = 16, 8, 6
VOCABULARIES = {"C1": 11, "C2": 7, "C3": 5, "C4": 3, "C5": 13}
ADAM = {"lr": 1e-2, "betas": (0.9, 0.999), "eps": 1e-8}
STEPS = 3
LARGEST_LOGIT = 4.0  # FuxiCTR's loss in float32 saturates far beyond
NOISE = 1e-5
FOLDERS = {"GDCNP": "GDCN", "WideDeep": "WideDeep/WideDeep_torch"}  # where they are not called as the model

ATTENTION = {
    "dnn_hidden_units": [16, 12],
    "attention_hidden_units": [10, 6],
    "din_target_field": ["C5"],
    "din_sequence_field": ["hist"],
}
MASKS = {"dnn_hidden_units": [16, 12], "reduction_ratio": 1.5}
STREAMS = {"mlp1_hidden_units": [16, 12], "mlp2_hidden_units": [14, 8], "fs_hidden_units": [10]}
CROSS = {"dnn_hidden_units": [16, 12], "num_cross_layers": 3}

# name -> model, its arguments, and of the case: mode of batch statistics, sequences (name -> whose table they share),
# their encoder, whether they stand before the other features, categorical features without padding
SHARED = {"sequences": {"hist": "C5"}}
# hist stands before C5, so it has a table of its own.
UNUSUAL = {
    "sequences": {"hist": "C5"},
    "encoder": ["layers.MaskedSumPooling()"],
    "sequences_first": True,
    "unpadded": ["C2"],
}
CASES = {
    "din": ("DIN", ATTENTION, SHARED),
    "din_eval": ("DIN", {**ATTENTION, "dnn_activations": "Dice"}, {**SHARED, "mode": "eval"}),
    "din_softmax_prelu": (
        "DIN",
        {**ATTENTION, "attention_hidden_activations": "PReLU", "din_use_softmax": True, "batch_norm": True},
        SHARED,
    ),
    "din_two_sequences": (
        "DIN",
        {
            **ATTENTION,
            "attention_hidden_activations": "Sigmoid",
            "din_target_field": ["C1", "C5"],
            "din_sequence_field": ["other", "hist"],
            "embedding_regularizer": 1e-3,
            "net_regularizer": 1e-4,
        },
        {"sequences": {"hist": "C5", "other": None}},
    ),
    "masknet_serial": ("MaskNet", MASKS, {}),
    "masknet_serial_plain": ("MaskNet", {**MASKS, "emb_layernorm": False, "net_layernorm": False}, {}),
    "masknet_parallel": (
        "MaskNet",
        {**MASKS, "model_type": "ParallelMaskNet", "parallel_num_blocks": 2, "parallel_block_dim": 10},
        {},
    ),
    "finalmlp": ("FinalMLP", {**STREAMS, "num_heads": 2}, {}),
    "finalmlp_context": (
        "FinalMLP",
        {
            **STREAMS,
            "fs1_context": ["C2", "C1"],
            "fs2_context": ["C5"],
            "embedding_regularizer": 1e-3,
            "net_regularizer": 1e-4,
        },
        {},
    ),
    "finalmlp_plain": ("FinalMLP", {**STREAMS, "use_fs": False, "mlp1_batch_norm": True}, {}),
    "fm_unusual_features": ("FM", {"regularizer": "l2(1.e-3)"}, UNUSUAL),
    "widedeep": ("WideDeep", {"hidden_units": [16, 12], "hidden_activations": ["Tanh", "Tanh"]}, {}),
    "dcnv2_eleven_experts": (
        "DCNv2",
        {
            "model_structure": "crossnet_only",
            "use_low_rank_mixture": True,
            "num_cross_layers": 2,
            "low_rank": 1,
            "num_experts": 11,
        },
        {},
    ),
    "gdcn": ("GDCN", CROSS, {}),
    "gdcnp": ("GDCNP", CROSS, {}),
}


def feature_map(case):
    features = {
        name: {"source": "", "type": "categorical", "padding_idx": 0, "vocab_size": size}
        for name, size in VOCABULARIES.items()
    }
    for name in case.get("unpadded", []):
        del features[name]["padding_idx"]
    for name, owner in case.get("sequences", {}).items():
        features[name] = {
            "source": "",
            "type": "sequence",
            "feature_encoder": case.get("encoder"),
            "padding_idx": 0,
            "max_len": LENGTH,
            "vocab_size": VOCABULARIES[owner or "C2"],
            **({"share_embedding": owner} if owner else {}),
        }
    if case.get("sequences_first"):
        features = dict(sorted(features.items(), key=lambda item: item[1]["type"] != "sequence"))
    made = FeatureMap("golden", ".")
    made.features.update(features)
    made.labels, made.default_emb_dim, made.num_fields = ["label"], DIM, len(features)
    made.set_column_index()
    return made


def make_batch(features, random):
    """Row 0 is padding everywhere, row 1 the last id; histories end in padding, one has some inside."""
    batch = {}
    for name, spec in features.items():
        size = spec["vocab_size"]
        if spec["type"] == "categorical":
            ids = random.integers(1, size, BATCH)
            ids[0], ids[1] = 0, size - 1
        else:
            ids = random.integers(1, size, (BATCH, LENGTH))
            for row, length in enumerate(random.integers(1, LENGTH + 1, BATCH)):
                ids[row, length:] = 0
            ids[0], ids[1], ids[2, 1] = 0, size - 1, 0
        batch[name] = torch.from_numpy(ids.astype(np.int64))
    label = (random.random(BATCH) < 0.5).astype(np.float32)
    label[2:4] = 0, 1
    return batch, torch.from_numpy(label)


def randomize(model, random, scale):
    """Weights large enough to matter; padding rows stay zero."""

    def normal(tensor, std, mean=0.0):
        drawn = random.normal(mean, std * scale, tuple(tensor.shape)).astype(np.float32)
        tensor.copy_(torch.from_numpy(drawn))

    with torch.no_grad():
        for name, module in model.named_modules():
            for parameter in module.parameters(recurse=False):
                normal(parameter, 0.7 if isinstance(module, nn.Embedding) else 0.3)
            if isinstance(module, nn.Embedding) and module.padding_idx is not None:
                module.weight[0] = 0
            if isinstance(module, (nn.BatchNorm1d, nn.LayerNorm)) and module.weight is not None:
                module.weight += 1
            if isinstance(module, nn.BatchNorm1d):
                normal(module.running_mean, 0.3)
                variance = random.uniform(0.5, 1.5, tuple(module.running_var.shape))
                module.running_var.copy_(torch.from_numpy(variance.astype(np.float32)))


def observe(model, kind, batch):
    """One forward pass with its hidden states and the logit: what the last sigmoid of the model gets."""
    outputs, logits, handles = {}, [], []

    def keep(path):
        def hook(module, inputs, output):
            if torch.is_tensor(output):
                outputs[path] = output.detach().clone()

        return hook

    for path, module in model.named_modules():
        if isinstance(module, nn.Sigmoid):
            handles.append(module.register_forward_hook(lambda m, inputs, o: logits.append(inputs[0].detach().clone())))
        else:
            handles.append(module.register_forward_hook(keep(path)))
    prediction = model(batch)
    for handle in handles:
        handle.remove()
    hidden = {}
    if kind in ("DIN", "WideDeep"):
        # After each activation of the tower: what the next linear layer reads.
        tower = list(model.dnn.mlp)
        linear = [i for i, layer in enumerate(tower) if isinstance(layer, nn.Linear)]
        hidden = {f"mlp.{l}": outputs[f"dnn.mlp.{i - 1}"] for l, i in enumerate(linear[1:])}
    elif kind == "MaskNet":
        hidden = {f"block.{l}": outputs[f"mask_net.mask_blocks.{l}"] for l in range(len(model.mask_net.mask_blocks))}
    elif kind == "FinalMLP":
        hidden = {"stream.0": outputs["mlp1"], "stream.1": outputs["mlp2"]}
    elif kind == "DCNv2":
        hidden = {f"cross.{model.crossnet.layer_num - 1}": outputs["crossnet"]}
    elif kind != "FM":
        # The states between are not those of a module; the last one is.
        hidden = {f"cross.{model.cross_net.cn_layers - 1}": outputs["cross_net"]}
    return prediction, {f"hidden.{name}": value for name, value in hidden.items()}, logits[-1].view(-1)


def run(model, kind, batch, label, train):
    label = label.to(next(model.parameters()).dtype)
    parameters = dict(model.named_parameters())

    def snapshot(prefix, items):
        return {prefix + name: value.detach().clone() for name, value in items}

    result = {**snapshot("param.", parameters.items()), **snapshot("buffer.", model.named_buffers())}
    adam = torch.optim.Adam(parameters.values(), **ADAM)
    losses = []
    model.train(train)
    inputs = {**batch, "label": label}
    for step in range(STEPS):
        adam.zero_grad()
        prediction, hidden, logit = observe(model, kind, inputs)
        loss = model.compute_loss(prediction, label.view(-1, 1))
        loss.backward()
        losses.append(loss.detach())
        if step == 0:
            result.update(hidden, logit=logit, loss=loss.detach().clone())
            for name, parameter in parameters.items():
                gradient = parameter.grad
                result[f"grad.{name}"] = torch.zeros_like(parameter) if gradient is None else gradient.clone()
            result.update(snapshot("buffer_after1.", model.named_buffers()))
        adam.step()
    result.update(snapshot("after3.", parameters.items()), **snapshot("buffer_after3.", model.named_buffers()))
    model.eval()
    with torch.no_grad():
        result.update(loss_steps=torch.stack(losses), logit_after3=observe(model, kind, inputs)[2])
    return result


def make(name, out):
    kind, arguments, case = CASES[name]
    features = feature_map(case)
    folder = FOLDERS.get(kind, kind)
    module = importlib.import_module(f"model_zoo.{folder.replace('/', '.')}.src.{folder.split('/')[0]}")
    model = getattr(module, kind)(
        features, embedding_dim=DIM, optimizer="adam", loss="binary_crossentropy", metrics=["logloss"],
        model_root=".", verbose=0, **arguments,
    )
    mode, scale = case.get("mode", "train"), 1.0
    while True:
        random = np.random.default_rng([SEED, zlib.crc32(name.encode())])
        randomize(model, random, scale)
        batch, label = make_batch(features.features, random)
        single, double = copy.deepcopy(model), copy.deepcopy(model).double()
        result = run(single, kind, batch, label, mode == "train")
        if result["logit"].abs().max() < LARGEST_LOGIT:
            break
        scale *= 0.9
    reference = run(double, kind, batch, label, mode == "train")
    difference = {key: float((value.double() - reference[key].double()).abs().max()) for key, value in result.items()}
    noisy = [key for key, value in difference.items() if value > NOISE]
    groups = {}
    for key, value in difference.items():
        if key in noisy:
            continue
        group = key.split(".")[0]
        groups[group] = max(groups.get(group, 0.0), value)
    tensors = {**result, **{f"input.{key}": value for key, value in batch.items()}, "label": label}
    save_file({key: value.contiguous() for key, value in tensors.items()}, out / f"{name}.safetensors")
    info = {
        "case": name,
        "model": kind,
        "peer": f"FuxiCTR {fuxictr.__version__}, torch {torch.__version__}",
        "mode": mode,
        "seed": SEED,
        "config": {"embedding_dim": DIM, **arguments},
        "adam": ADAM,
        "fields": [
            {"name": key, **{k: v for k, v in spec.items() if k != "source"}} for key, spec in features.features.items()
        ],
        "noisy": noisy,
        "diff_f32_f64": {"groups": groups},
    }
    (out / f"{name}.json").write_text(json.dumps(info, indent=1) + "\n")
    print(f"{name:20s} |logit| {float(result['logit'].abs().max()):.2f} loss {float(result['loss']):.4f} noisy {len(noisy)}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    logging.disable(logging.INFO)
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    for name in CASES:
        if re.search(options.only, name):
            make(name, options.out)


if __name__ == "__main__":
    main()
