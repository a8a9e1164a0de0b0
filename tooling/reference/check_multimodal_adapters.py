#!/usr/bin/env python
"""Adapters in both directions on a tiny checkpoint that sees pictures: one that corella trained is loaded by PEFT, PEFT's are scored by corella.

  check_multimodal_adapters.py --work ../../multimodal

Prints the largest difference of P(yes) and exits with 1 when one is above 1e-5.
"""
import argparse, json, sys
from pathlib import Path
import peft, torch, transformers
from check_adapters import ROOT, corella, padded, probabilities
from transformers import Gemma3ForConditionalGeneration

BASE = ROOT / "packages/llm/src/goldens/adapters/gemma3-pictures/model"
TOLERANCE = 1e-5
ROWS = [[3, 17, 8, 40, 5, 29], [11, 2, 29, 30], [7, 21, 9]]
ANSWERS = [12, 31]
LORAS = {
    "all layers": dict(rank=2, alpha=4, targetModules=["q_proj", "down_proj"]),
    "one module": dict(rank=2, alpha=4, modules={"model.layers.1.self_attn.v_proj": dict(rank=3, alpha=5)}),
}

def load():
    return Gemma3ForConditionalGeneration.from_pretrained(BASE, dtype=torch.float32)

def main():
    options = argparse.ArgumentParser()
    options.add_argument("--work", required=True, type=Path)
    work = options.parse_args().work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    batch, worst = padded(ROWS), 0.0
    print(f"torch {torch.__version__}, transformers {transformers.__version__}, peft {peft.__version__}")
    job = work / "job.json"

    def report(name, ours, theirs, base):
        nonlocal worst
        difference, effect = (ours - theirs).abs().max().item(), (theirs - base).abs().max().item()
        worst = max(worst, difference)
        assert effect > 0.01, "the adapter does nothing"
        print(f"{name:42} largest difference of P(yes) {difference:.1e}; the adapter moves it by up to {effect:.3f}", flush=True)

    base = probabilities(load(), batch, ANSWERS)
    for name, lora in LORAS.items():
        job.write_text(json.dumps(dict(model=str(BASE), tokens=ROWS, labels=[1, 0, 1], answers=dict(yes=ANSWERS[0], no=ANSWERS[1]),
                                       steps=8, learningRate=0.05, lora=lora)))
        folder = work / f"corella-{name.replace(' ', '-')}"
        ours = corella("train", job, folder, work / "ours.json")
        adapted = peft.PeftModel.from_pretrained(load(), folder)
        report(f"corella -> PEFT, {name}", ours["adapted"], probabilities(adapted, batch, ANSWERS), base)
        adapted.save_pretrained(work / "again")
        again = corella("score", job, work / "again", work / "loaded.json")
        report(f"corella -> PEFT -> corella, {name}", again["adapted"], probabilities(adapted, batch, ANSWERS), base)
    for folder in sorted(path.parent for path in BASE.parent.glob("*/adapter_config.json")):
        theirs = probabilities(peft.PeftModel.from_pretrained(load(), folder), batch, ANSWERS)
        report(f"PEFT -> corella, {folder.name}", corella("score", job, folder, work / "loaded.json")["adapted"], theirs, base)
    print("within" if worst <= TOLERANCE else "BEYOND", TOLERANCE)
    return worst <= TOLERANCE

if __name__ == "__main__":
    sys.exit(0 if main() else 1)
