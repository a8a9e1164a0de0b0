"""P(yes) of transformers with PEFT beside corella's, of the samples of a bundle's requests.

python compare.py <base folder> <adapter folder> <asked.json>

`asked.json` is what tooling/bench/src/experiments/bundle-answers.ts wrote: of each sample the token ids of its prompt and corella's probability, and the ids of both answers.
Prints the largest difference, that of the base without the adapter on the first four, and exits with 1 when it is above 1e-4.
"""

import json
import os
import sys

os.environ.update(TOKENIZERS_PARALLELISM="false", HF_HUB_OFFLINE="1")
import peft
import torch
import transformers
from transformers import AutoModelForCausalLM

base, adapter, path = sys.argv[1:4]
with open(path) as file:
    asked = json.load(file)
model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32, attn_implementation="eager")
model = peft.PeftModel.from_pretrained(model, adapter).eval()
largest = moved = 0.0


def probability(tokens):
    logits = model(torch.tensor([tokens])).logits[0, -1]
    yes, no = (logits[asked["answers"][name]].double() for name in ("yes", "no"))
    return torch.sigmoid(yes - no).item()


with torch.no_grad():
    for place, sample in enumerate(asked["samples"]):
        largest = max(largest, abs(probability(sample["tokens"]) - sample["probability"]))
        if place < 4:
            with model.disable_adapter():
                moved = max(moved, abs(probability(sample["tokens"]) - sample["probability"]))
print(
    f"{len(asked['samples'])} samples, largest difference {largest:.2e}, without the adapter {moved:.2e}; "
    f"torch {torch.__version__}, transformers {transformers.__version__}, PEFT {peft.__version__}"
)
sys.exit(largest > 1e-4)
