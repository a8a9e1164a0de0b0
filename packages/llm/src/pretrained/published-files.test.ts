import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { eagerRuntime, initialValues, type Program } from "@corella/engine";
import { float32Tensor, writeSafetensors } from "@corella/safetensors";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bertEncoder, loadBert } from "../encoders.ts";
import { loadAdapter, loadPretrained, loadTokenizer, paddedFeeds } from "../index.ts";
import { parseBertConfig } from "../encoders/bert/config.ts";
import { changeJson, changeTensors, type Tensors } from "./model-files.test-helper.ts";

// What published files hold besides what a configuration promises.
const goldens = fileURLToPath(new URL("../goldens", import.meta.url));
const embedding = "model.embed_tokens.weight";
const head = "lm_head.weight";
let work: string;
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), "corella-files-"));
});
afterAll(() => rm(work, { recursive: true, force: true }));

/** A copy of a golden folder whose tensors are changed. */
async function changed(source: string, file: string, change: (tensors: Tensors) => void): Promise<string> {
  const target = await mkdtemp(join(work, "copy-"));
  await cp(join(goldens, source), target, { recursive: true });
  await changeTensors(join(target, file), change);
  return target;
}

const changedModel = (change: (tensors: Tensors) => void): Promise<string> =>
  changed("variants/model", "model.safetensors", change);

describe("a head that the configuration ties", () => {
  test("counts when the file has another one", async () => {
    const other = new Float32Array(24 * 8).map((_, i) => i);
    const folder = await changedModel((tensors) => (tensors[head] = float32Tensor([24, 8], other)));
    const { config, values } = await loadPretrained(folder);
    expect(config.tieWordEmbeddings).toBe(false);
    expect(values[head]).toEqual(other);
  });

  test("is the embedding where both are the same, or only one is there", async () => {
    const { values } = await loadPretrained(join(goldens, "variants/model"));
    const twice = await changedModel((tensors) => (tensors[head] = tensors[embedding]!));
    const renamed = await changedModel((tensors) => {
      tensors[head] = tensors[embedding]!;
      delete tensors[embedding];
    });
    for (const folder of [twice, renamed]) {
      const loaded = await loadPretrained(folder);
      expect(loaded.config.tieWordEmbeddings).toBe(true);
      expect(loaded.values).toEqual(values);
    }
  });
});

test("quantised weights are refused", async () => {
  const folder = await changedModel((tensors) => {
    tensors["model.layers.0.mlp.up_proj.weight"] = { dtype: "I8", shape: [12, 8], data: new Int8Array(96) };
  });
  await expect(loadPretrained(folder)).rejects.toMatchObject({
    code: "llm/tensor-type",
    message: expect.stringContaining("up_proj.weight has numbers of type I8"),
  });
});

describe("an adapter", () => {
  const { config } = {
    config: loadPretrained(join(goldens, "variants/model")).then((model) => model.config),
  };
  const layers = "variants/adapters/layers";
  const tensorsFile = "adapter_model.safetensors";

  test("that also changes something else is refused", async () => {
    for (const name of [
      "model.norm.weight",
      "model.layers.1.self_attn.q_proj.bias",
      "model.layers.2.self_attn.v_proj.lora_A.weight",
    ]) {
      const folder = await changed(layers, tensorsFile, (tensors) => {
        tensors[`base_model.model.${name}`] = float32Tensor([1], new Float32Array(1));
      });
      await expect(loadAdapter(folder, await config)).rejects.toMatchObject({
        code: "llm/adapter-tensors",
        message: expect.stringContaining(name),
      });
    }
  });

  test("with what we lack is refused, and what changes nothing is not", async () => {
    const loaded = async (fields: object): Promise<unknown> => {
      const folder = await changed(layers, tensorsFile, () => {});
      await changeJson<object>(
        join(folder, "adapter_config.json"),
        (json) => void Object.assign(json, fields),
      );
      return loadAdapter(folder, await config);
    };
    const lacking: [object, RegExp][] = [
      [{ init_lora_weights: "pissa_niter_4" }, /init_lora_weights: .*"pissa_niter_4" also changes the base/],
      [{ init_lora_weights: "olora" }, /init_lora_weights/],
      [{ modules_to_save: ["norm"] }, /modules_to_save: replacing the module "norm" is not supported/],
      [{ modules_to_save: ["score", "lm_head"] }, /modules_to_save: .*"score"/],
      [{ lora_bias: true }, /lora_bias/],
      [{ alora_invocation_tokens: [5, 6] }, /alora_invocation_tokens/],
      [{ trainable_token_indices: [1] }, /trainable_token_indices/],
      [{ peft_type: "LOHA" }, /peft_type: "LOHA" is not supported/],
      [{ target_modules: ["lm_head"], ensure_weight_tying: true }, /LoRA of tied matrices is not supported/],
      [
        { target_modules: ["embed_tokens"], layers_to_transform: null, use_dora: true },
        /DoRA of embeddings is not supported/,
      ],
      [{ target_modules: ["c_attn"] }, /there is none of these modules/],
      [{ target_modules: "(v_proj" }, /"\^\(\?:\(v_proj\)\$" is not understood/],
    ];
    for (const [fields, message] of lacking)
      await expect(loaded(fields)).rejects.toThrow(
        expect.objectContaining({ code: "llm/adapter-config", message: expect.stringMatching(message) }),
      );
    // What the configuration promises and the file does not hold.
    for (const fields of [
      { use_dora: true },
      { modules_to_save: ["lm_head"] },
      { target_modules: ["lm_head"] },
    ])
      await expect(loaded(fields)).rejects.toMatchObject({ code: "llm/adapter-base" });
    const plain = await loadAdapter(join(goldens, layers), await config);
    const nothing = {
      fan_in_fan_out: true,
      bias: "all",
      init_lora_weights: "eva",
      modules_to_save: [],
      loftq_config: {},
    };
    expect(await loaded(nothing)).toEqual(plain);
  });
});

test("a BERT without a pooler has all but `pooled`", async () => {
  const sizes = { vocab_size: 20, hidden_size: 8, intermediate_size: 12, num_hidden_layers: 1 };
  const json = { model_type: "bert", ...sizes, num_attention_heads: 2, max_position_embeddings: 16 };
  const whole = bertEncoder(parseBertConfig(json, "a test"));
  const tensors: Tensors = {};
  for (const [name, values] of Object.entries(initialValues(whole, 1)))
    if (!name.startsWith("pooler"))
      tensors[`bert.${name}`] = float32Tensor(whole.params[name]!.shape, values);
  const folder = join(work, "bert");
  await mkdir(folder);
  await writeFile(join(folder, "config.json"), JSON.stringify(json));
  await cp(join(goldens, "gemma3/model/tokenizer.json"), join(folder, "tokenizer.json"));
  await writeSafetensors(join(folder, "model.safetensors"), tensors);
  const { config, values } = await loadBert(folder);
  const part = bertEncoder(config);
  const program = (pooled: boolean): Program => ({
    ...part,
    forward: (scope) => {
      const output = part.forward(scope);
      return { outputs: { state: pooled ? output.pooled() : output.meanPooled } };
    },
  });
  const { tokens, visible, index } = paddedFeeds([[3, 4, 5]]);
  const feeds = { tokens: tokens!, visible: visible!, index: index! };
  const run = async (pooled: boolean): Promise<ArrayLike<number>> =>
    (await (await eagerRuntime("cpu").infer(program(pooled), values)).run(feeds))["state"]!.data;
  expect(Array.from(await run(false)).some((value) => value !== 0)).toBe(true);
  await expect(run(true)).rejects.toMatchObject({ code: "llm/no-pooler" });
});

test("truncation and padding in tokenizer.json are left to the caller, as in transformers", async () => {
  const json = JSON.parse(await readFile(join(goldens, "gemma3/model/tokenizer.json"), "utf8")) as object;
  const limited = {
    ...json,
    truncation: { direction: "Right", max_length: 4, strategy: "LongestFirst", stride: 0 },
    padding: {
      strategy: { Fixed: 12 },
      direction: "Right",
      pad_to_multiple_of: null,
      pad_id: 0,
      pad_type_id: 0,
      pad_token: "<pad>",
    },
  };
  const [plain, other] = [await loadTokenizer(json), await loadTokenizer(limited)];
  for (const specialTokens of ["text", "parse", "split"] as const)
    for (const text of ["a", "User history: The Silent Orchard, Paper Harbor."])
      expect(await other.encode(text, { specialTokens })).toEqual(
        await plain.encode(text, { specialTokens }),
      );
});
