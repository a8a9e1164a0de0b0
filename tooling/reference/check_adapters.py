#!/usr/bin/env python
"""Adapters in both directions on a real model: one that corella trained is loaded by PEFT, and one that PEFT trained by corella.

  check_adapters.py --model ../../../shared/models/SmolLM2-135M-Instruct.Q4_1.gguf --work adapters

Prints the largest difference of P(yes) and exits with 1 when one is above 1e-4.
"""
import argparse, json, os, subprocess, sys
os.environ.update(TOKENIZERS_PARALLELISM="false", HF_HUB_OFFLINE="1")
from pathlib import Path
import peft, torch, transformers
from transformers import AutoModelForCausalLM, AutoTokenizer

ROOT = Path(__file__).resolve().parents[2]
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
TOLERANCE = 1e-4
TITLES = ["Heat", "Up", "Ronin", "Alien", "Saw", "Amélie", "Casablanca", "The Matrix", "Toy Story", "Jaws", "Fargo", "Brazil"]
KINDS = {
    "lora": dict(r=8, lora_alpha=16, target_modules=["q_proj", "v_proj"]),
    "rslora": dict(r=4, lora_alpha=8, use_rslora=True, target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]),
}

def prompts():
    """Template A with made-up histories; labels alternate."""
    texts = []
    for i in range(6):
        history = ", ".join(f'"{TITLES[(i * 5 + j * 3) % 12]} ({1970 + i + j})" ({1 + (i + j) % 5}/5)' for j in range(2 + i % 4))
        texts.append(f'Below is the rating history of a user: {history}. Please predict whether the user will like "{TITLES[(i * 7) % 12]}" '
                     "based on his/her rating history and the quality of the target item. You should ONLY answer no or yes. Answer:")
    return texts, [i % 2 for i in range(6)]

def padded(rows):
    width = max(map(len, rows))
    ids = torch.tensor([r + [0] * (width - len(r)) for r in rows])
    mask = torch.tensor([[1] * len(r) + [0] * (width - len(r)) for r in rows])
    return ids, mask, torch.tensor([len(r) - 1 for r in rows])

def two_logits(model, batch, answers):
    ids, mask, last = batch
    logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits
    return logits[torch.arange(len(last)), last][:, answers]

def probabilities(model, batch, answers):
    with torch.no_grad():
        return two_logits(model.eval(), batch, answers).softmax(-1)[:, 0]

def corella(task, job, folder, out):
    script = ROOT / "tooling/parity/src/adapter-exchange.ts"
    subprocess.run(["node", "--conditions=source", "--import", "tsx", script, task, job, folder, out], cwd=ROOT, check=True)
    return {k: torch.tensor(v) for k, v in json.loads(out.read_text()).items()}

def main():
    options = argparse.ArgumentParser()
    options.add_argument("--model", required=True, type=Path)
    options.add_argument("--work", required=True, type=Path)
    options.add_argument("--steps", type=int, default=4)
    options = options.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    gguf = options.model.resolve()
    load = lambda: AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32, attn_implementation="eager")
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    texts, labels = prompts()
    rows = [tokenizer(t)["input_ids"] for t in texts]
    joint = [tokenizer(texts[0] + answer)["input_ids"] for answer in (" Yes", " No")]
    assert all(j[:-1] == rows[0] for j in joint)
    answers = [j[-1] for j in joint]
    batch, worst = padded(rows), 0.0
    print(f"torch {torch.__version__}, transformers {transformers.__version__}, peft {peft.__version__}; {len(rows)} prompts of {min(map(len, rows))} to {max(map(len, rows))} tokens")

    for kind, settings in KINDS.items():
        lora = dict(rank=settings["r"], alpha=settings["lora_alpha"], targetModules=settings["target_modules"], rsLora=settings.get("use_rslora", False))
        job = options.work / f"{kind}.json"
        job.write_text(json.dumps(dict(model=str(gguf), tokens=rows, labels=labels, answers=dict(yes=answers[0], no=answers[1]),
                                       steps=options.steps, learningRate=1e-3, lora=lora)))
        # Trained by corella, read by PEFT, unmerged and merged.
        folder = options.work / f"{kind}-corella"
        ours = corella("train", job, folder, options.work / "ours.json")
        model = peft.PeftModel.from_pretrained(load(), folder)
        theirs = probabilities(model, batch, answers)
        merged = probabilities(model.merge_and_unload(), batch, answers)
        # Trained by PEFT, read by corella.
        model = peft.get_peft_model(load(), peft.LoraConfig(task_type="CAUSAL_LM", lora_dropout=0.0, **settings))
        optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-3)
        for _ in range(options.steps):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(two_logits(model.train(), batch, answers), 1 - torch.tensor(labels)).backward()
            optimizer.step()
        back = options.work / f"{kind}-peft"
        model.save_pretrained(back)
        reference = probabilities(model, batch, answers)
        loaded = corella("score", job, back, options.work / "loaded.json")
        for name, a, b, base in [("corella -> PEFT", ours["adapted"], theirs, ours["base"]), ("corella -> PEFT, merged", ours["adapted"], merged, ours["base"]),
                                 ("PEFT -> corella", loaded["adapted"], reference, loaded["base"])]:
            difference, effect = (a - b).abs().max().item(), (a - base).abs().max().item()
            worst = max(worst, difference)
            assert effect > 0.01, "the adapter does nothing"
            print(f"{kind:7} {name:24} largest difference of P(yes) {difference:.1e}; the adapter moves it by up to {effect:.3f}", flush=True)
    print("within" if worst <= TOLERANCE else "BEYOND", TOLERANCE)
    return worst <= TOLERANCE

if __name__ == "__main__":
    sys.exit(0 if main() else 1)
