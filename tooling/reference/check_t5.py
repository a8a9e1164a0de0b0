"""What transformers' T5 says of a prompt with the weights of a bundle of the recipe p5, beside what `pnpm serve` answers.

  python check_t5.py --bundle ../../runs/p5/bundle --text "user_7 : liked item_12 . user_7 and item_34 : like or dislike ?"

Tokens by the tokenizers library, whole-word ids by a count of its own; the score is the softmax of the two answers' first logits.
"""
import argparse, os

os.environ.update(OMP_NUM_THREADS="1", HF_HUB_OFFLINE="1")
from pathlib import Path

import torch, transformers
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import T5ForConditionalGeneration

transformers.logging.set_verbosity_error()


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--bundle", required=True, type=Path)
    options.add_argument("--text", required=True)
    given = options.parse_args()
    folder = given.bundle / "t5"
    model = T5ForConditionalGeneration.from_pretrained(folder).eval()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    encoded = tokenizer.encode(given.text)
    words, rows = 0, []
    for piece in encoded.tokens:
        special = piece in ("<pad>", "<s>", "</s>")
        words += not special and (words == 0 or piece[0] in "\u2581\u0120")
        rows.append(0 if special else words)
    ids = torch.tensor([encoded.ids])
    table = load_file(folder / "model.safetensors").get("encoder.whole_word_embeddings.weight")
    embedded = model.shared(ids)
    if table is not None:
        embedded = embedded + table[torch.tensor([rows]).clamp(max=len(table) - 1)]
    answers = [tokenizer.encode(word, add_special_tokens=False).ids[0] for word in ("like", "dislike")]
    start = torch.tensor([[model.config.decoder_start_token_id]])
    with torch.no_grad():
        logits = model(inputs_embeds=embedded, attention_mask=torch.ones_like(ids), decoder_input_ids=start).logits[0, 0, answers]
    print(f"{len(encoded.ids)} tokens, P(like) {torch.softmax(logits, 0)[0].item():.7f}")


if __name__ == "__main__":
    main()
