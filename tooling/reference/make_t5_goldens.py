"""A T5 with P5's whole-word embeddings: loss, gradients and AdamW steps by torch and transformers, for
packages/llm/src/encoders/t5.test.ts.

  python make_t5_goldens.py --out ../../packages/llm/src/goldens/t5-whole-words

Two tiny models with random weights, `tied` (relu, the head is the embedding matrix, scaled) and `gated` (gated gelu, a head of its own). The
whole-word vectors are added to the encoder's input as `inputs_embeds`; the loss is the mean over the tokens of an answer, then over the answers,
padding left out; the steps are torch's AdamW with gradients clipped to norm 1. `golden.json` holds whole-word ids counted by the rule of the
paper's section 4.1 in a few lines of its own. The same seed gives the same files.
"""
import argparse, json, os

os.environ.update(OMP_NUM_THREADS="1", HF_HUB_OFFLINE="1")
from pathlib import Path

import torch, transformers
from transformers import T5Config, T5ForConditionalGeneration

from golden_file import save

SEED, WORDS, STEPS, YES, NO = 17, 6, 2, 7, 11
SIZES = dict(vocab_size=24, d_model=8, d_kv=4, d_ff=12, num_heads=2, num_layers=2, num_decoder_layers=2, dropout_rate=0.0,
             relative_attention_num_buckets=8, relative_attention_max_distance=20, decoder_start_token_id=0, pad_token_id=0, eos_token_id=1)
CASES = {"tied": dict(feed_forward_proj="relu"), "gated": dict(feed_forward_proj="gated-gelu", tie_word_embeddings=False)}
# Encoder: padded with 0. Answers: with the end token, padded with -100.
TOKENS = [[3, 9, 14, 5, 2, 8, 1], [4, 20, 6, 1, 0, 0, 0], [13, 7, 7, 19, 22, 1, 0]]
ROWS = [[1, 1, 2, 3, 3, 4, 0], [1, 2, 2, 0, 0, 0, 0], [1, 2, 3, 4, 5, 0, 0]]
ANSWERS = [[7, 1, -100, -100], [15, 3, 21, 1], [11, 1, -100, -100]]
PIECES = [
    (["\u2581user", "_", "12", "\u2581liked", "\u2581item", "_", "7", "391", "."], "each word by SentencePiece's sign"),
    (["item", "_", "34", "\u0120and", "\u0120item", "_", "5", "\u0120?"], "a byte-level tokenizer, whose first word has no sign"),
    (["\u2581", "item", "\u2581", "\u2581a"], "a sign alone begins a word"),
]


def whole_word_ids(pieces):
    """By the paper: the number of the word that a piece belongs to, counted from 1."""
    words, ids = 0, []
    for place, piece in enumerate(pieces):
        words += place == 0 or piece[0] in "\u2581\u0120"
        ids.append(words)
    return ids


def forward(model, words):
    ids = torch.tensor(TOKENS)
    mask = torch.tensor([[int(i < r.index(1) + 1) for i in range(len(r))] for r in TOKENS])
    embedded = model.shared(ids) + words[torch.tensor(ROWS)]
    labels = torch.tensor(ANSWERS)
    logits = model(inputs_embeds=embedded, attention_mask=mask, labels=labels).logits
    losses = torch.nn.functional.cross_entropy(logits.transpose(1, 2), labels, ignore_index=-100, reduction="none")
    spoken = (labels != -100).to(logits.dtype)
    loss = ((losses * spoken).sum(1) / spoken.sum(1)).mean()
    return loss, logits


def parameters(model, words):
    named = {name: p for name, p in model.named_parameters() if not name.endswith("embed_tokens.weight")}
    return {**named, "encoder.whole_word_embeddings.weight": words}


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--out", required=True, type=Path)
    out = options.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    facts = {"tokens": TOKENS, "words": ROWS, "answers": ANSWERS, "yes": YES, "no": NO, "wholeWords": WORDS, "steps": STEPS, "cases": {},
             "pieces": [{"pieces": pieces, "what": what, "ids": whole_word_ids(pieces)} for pieces, what in PIECES],
             "versions": {"torch": torch.__version__, "transformers": transformers.__version__}}
    for case, fields in CASES.items():
        torch.manual_seed(SEED)
        config = T5Config(**SIZES, **fields)
        model = T5ForConditionalGeneration(config).double()
        if case == "gated":  # transformers ties the head whatever the configuration says, which then tells of the scale alone
            model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
        words = torch.nn.Parameter(torch.randn(WORDS, config.d_model, dtype=torch.float64))
        for p in [*model.parameters(), words]:
            p.data = (p.data + 0.05 * torch.randn_like(p)).float().double()
        named = parameters(model, words)
        tensors = {f"value/{name}": p.detach().numpy().copy() for name, p in named.items()}
        loss, logits = forward(model, words)
        loss.backward()
        tensors.update({f"gradient/{name}": p.grad.numpy().copy() for name, p in named.items()})
        first = logits[:, 0, [YES, NO]].detach()
        tensors["yesNoLogits"] = first.numpy()
        facts["cases"][case] = {"config": {k: v for k, v in json.loads(config.to_json_string(use_diff=False)).items() if k in {*SIZES, *fields, "model_type", "scale_decoder_outputs"}},
                                "loss": loss.item(), "probability": torch.softmax(first, 1)[:, 0].tolist()}
        optimizer = torch.optim.AdamW(list(named.values()), lr=1e-3, weight_decay=0.01)
        losses = []
        for _ in range(STEPS):
            optimizer.zero_grad()
            loss, _ = forward(model, words)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(list(named.values()), 1.0)
            optimizer.step()
            losses.append(loss.item())
        facts["cases"][case]["losses"] = losses
        tensors.update({f"stepped/{name}": p.detach().numpy() for name, p in named.items()})
        save(out / f"{case}.safetensors", tensors, {"torch": torch.__version__, "transformers": transformers.__version__, "seed": str(SEED)})
    (out / "golden.json").write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
