#!/usr/bin/env python
"""Goldens of adapters that are more than LoRA of a block's linear maps: DoRA, LoRA of head and embeddings, whole matrices that are replaced
(`modules_to_save`), on tiny decoders with and without a head of their own; and adapters of a tiny Gemma 3 that sees pictures. PEFT computes them
unmerged, in float32.

  make_adapter_goldens.py --out ../../packages/llm/src/goldens/adapters

The same seed gives the same files.
"""
import argparse, json, os
os.environ.update(TOKENIZERS_PARALLELISM="false", OMP_NUM_THREADS="1", HF_HUB_OFFLINE="1")
import warnings
from pathlib import Path
import peft, torch, transformers
from transformers import Gemma3Config, Gemma3ForConditionalGeneration, Gemma3TextConfig, LlamaConfig, LlamaForCausalLM, SiglipVisionConfig

torch.set_num_threads(1)
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
warnings.simplefilter("ignore")
SEED = 91
TOKENS = [[3, 17, 8, 40, 5, 29]]
SIZES = dict(vocab_size=48, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1, intermediate_size=24, max_position_embeddings=64)
VISION = dict(hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1, image_size=8, patch_size=4)

def llama(tied):
    return LlamaForCausalLM(LlamaConfig(**SIZES, tie_word_embeddings=tied))

def gemma():
    text = Gemma3TextConfig(**SIZES, head_dim=8, query_pre_attn_scalar=8, sliding_window=4, layer_types=["sliding_attention", "full_attention"])
    return Gemma3ForConditionalGeneration(Gemma3Config(text_config=text.to_dict(), vision_config=SiglipVisionConfig(**VISION).to_dict(),
                                                       mm_tokens_per_image=4, image_token_index=47, boi_token_index=46, eoi_token_index=45))

BASES = {"tied": lambda: llama(True), "untied": lambda: llama(False), "gemma3-pictures": gemma}
ATTENTION = ["q_proj", "v_proj"]
LANGUAGE = r".*language_model.*\.(q_proj|down_proj)"
# base: name: LoraConfig's fields
ADAPTERS = {
    "tied": {
        "dora": dict(target_modules=[*ATTENTION, "down_proj"], use_dora=True),
        "dora-rslora-ranks": dict(target_modules=[*ATTENTION, "gate_proj"], use_dora=True, use_rslora=True, rank_pattern={"v_proj": 3}, alpha_pattern={r"layers\.1\..*": 5}),
        "head": dict(target_modules=["q_proj", "lm_head"]),
        "head-dora": dict(target_modules=["q_proj", "lm_head"], use_dora=True),
        "embedding": dict(target_modules=["q_proj", "embed_tokens"]),
        "saved-head": dict(target_modules=ATTENTION, modules_to_save=["lm_head"]),
        "saved-embedding": dict(target_modules=ATTENTION, modules_to_save=["embed_tokens"]),
        "saved-both": dict(target_modules=ATTENTION, modules_to_save=["lm_head", "embed_tokens"]),
        "saved-tied": dict(target_modules=ATTENTION, modules_to_save=["embed_tokens"], ensure_weight_tying=True),
    },
    "untied": {
        "head": dict(target_modules=["q_proj", "lm_head"], rank_pattern={"lm_head": 3}),
        "embedding": dict(target_modules=["q_proj", "embed_tokens"]),
        "saved-both": dict(target_modules=ATTENTION, modules_to_save=["lm_head", "embed_tokens"]),
        "saved-head-dora": dict(target_modules=ATTENTION, use_dora=True, modules_to_save=["lm_head"]),
    },
    "gemma3-pictures": {
        "lora": dict(target_modules=LANGUAGE),
        "all-linear": dict(target_modules="all-linear"),
        "dora-saved-head": dict(target_modules=LANGUAGE, use_dora=True, modules_to_save=["lm_head"]),
    },
}

def logits(model):
    with torch.no_grad():
        return model.eval()(input_ids=torch.tensor(TOKENS), use_cache=False).logits[:, -1].double()

def scramble(model, generator):
    """An adapter that does something: what is trained is moved away from its first values."""
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.data.add_(noise * (0.3 if "magnitude" in name or "modules_to_save" in name else 0.4))

def rounded(tensor):
    return [[round(x, 6) for x in row] for row in tensor.tolist()]

def main():
    options = argparse.ArgumentParser()
    options.add_argument("--out", required=True, type=Path)
    out = options.parse_args().out
    facts = dict(versions=dict(torch=torch.__version__, transformers=transformers.__version__, peft=peft.__version__), tokens=TOKENS, bases={})
    for base, create in BASES.items():
        torch.manual_seed(SEED)
        model = create()
        for name, parameter in model.named_parameters():
            parameter.data.copy_(torch.randn(parameter.shape) * 0.25 + (1 if name.endswith("norm.weight") and base != "gemma3-pictures" else 0))
        model.tie_weights()
        model.save_pretrained(out / base / "model")
        (out / base / "model/generation_config.json").unlink(missing_ok=True)
        plain = logits(model)
        facts["bases"][base] = dict(logits=rounded(plain), adapters={})
        for name, settings in ADAPTERS[base].items():
            fresh = type(model).from_pretrained(out / base / "model", dtype=torch.float32)
            adapted = peft.get_peft_model(fresh, peft.LoraConfig(task_type="CAUSAL_LM", r=2, lora_alpha=3, lora_dropout=0.0, **settings))
            scramble(adapted, torch.Generator().manual_seed(SEED))
            folder = out / base / name
            adapted.save_pretrained(folder)
            (folder / "README.md").unlink(missing_ok=True)
            config = json.loads((folder / "adapter_config.json").read_text())
            config["base_model_name_or_path"] = "../model"
            if isinstance(config["target_modules"], list):
                config["target_modules"].sort()
            (folder / "adapter_config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
            again = peft.PeftModel.from_pretrained(type(model).from_pretrained(out / base / "model", dtype=torch.float32), folder)
            values = logits(again)
            difference = (values - logits(adapted)).abs().max().item()
            assert difference < 1e-5, (base, name, difference)
            assert (values - plain).abs().max() > 0.05, (base, name)
            facts["bases"][base]["adapters"][name] = rounded(values)
            print(base, name, f"saved and loaded again: {difference:.1e}")
    (out / "golden.json").write_text(json.dumps(facts) + "\n")

if __name__ == "__main__":
    main()
