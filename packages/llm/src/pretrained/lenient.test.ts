import { cp, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { initialValues, type Values } from "@corella/engine";
import { float32Tensor, writeSafetensors } from "@corella/safetensors";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  chatTokenizer,
  decoder,
  decoderParams,
  loadAdapter,
  loadPretrained,
  loadTokenizer,
  saveAdapter,
  savePretrained,
  tinyLlamaConfig,
  trainTokenizer,
  yesNoIds,
  type DecoderConfig,
  type TextTokenizer,
} from "../index.ts";
import { changeJson, renameTensors, tensorsOf } from "./model-files.test-helper.ts";

// Folders as they are found: what peers read is read, and what is not is named.
const lora = { rank: 8, alpha: 8, dropout: 0, rsLora: false, targetModules: ["q_proj", "v_proj"] } as const;
let work: string;
let size: number;
let config: DecoderConfig;
let values: Values;
let tokenizer: TextTokenizer;
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), "corella-lenient-"));
  tokenizer = await trainTokenizer(["Answer: Yes", "Answer: No"], { vocabularySize: 300 });
  size = tokenizer.vocabularySize;
  config = tinyLlamaConfig({ vocabularySize: size, hiddenSize: 8, layers: 2, heads: 2 });
  values = initialValues(decoder(config, { answers: { yes: 3, no: 4 }, lora }), 5);
  await savePretrained(join(work, "model"), config, values, tokenizer);
  await saveAdapter(join(work, "adapter"), { config, lora, values });
});
afterAll(() => rm(work, { recursive: true, force: true }));

let copies = 0;
async function copy(of: "model" | "adapter"): Promise<string> {
  const folder = join(work, `copy-${copies++}`);
  await cp(join(work, of), folder, { recursive: true });
  return folder;
}
/** What these tests change in the JSON of a folder. */
interface Changed {
  r?: number;
  lora_alpha?: number;
  added_tokens: object[];
  chat_template?: string;
  added_tokens_decoder?: object;
  model: { vocab: Record<string, number>; merges: string[][] };
  post_processor: { single: object[]; special_tokens: Record<string, object> };
}

const changed = (folder: string, file: string, change: (json: Changed) => void): Promise<void> =>
  changeJson(join(folder, file), change);
const base = (): Values =>
  Object.fromEntries(Object.keys(decoderParams(config)).map((name) => [name, values[name]!]));

test("of several shards that hold a tensor the one counts that the index names", async () => {
  const whole = await tensorsOf(join(work, "model", "model.safetensors"));
  const name = "model.norm.weight";
  const other = float32Tensor([8], new Float32Array(8).fill(9));
  const names = Object.keys(whole);
  for (const right of [0, 1]) {
    const folder = await copy("model");
    await rm(join(folder, "model.safetensors"));
    const shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    for (const [i, shard] of shards.entries()) {
      const part = names.filter((_, n) => n % 2 === i).map((each) => [each, whole[each]!]);
      await writeSafetensors(join(folder, shard), {
        ...Object.fromEntries(part),
        [name]: i === right ? whole[name]! : other,
      });
    }
    const weight_map = Object.fromEntries(
      names.map((each, n) => [each, shards[each === name ? right : n % 2]]),
    );
    await writeFile(join(folder, "model.safetensors.index.json"), JSON.stringify({ weight_map }));
    expect((await loadPretrained(folder)).values).toEqual(base());
  }
});

test("an index names files of its own folder only", async () => {
  const other = join(await copy("model"), "model.safetensors");
  for (const shard of [other, join("..", basename(join(other, "..")), "model.safetensors")]) {
    const folder = await copy("model");
    await rm(join(folder, "model.safetensors"));
    const weight_map = { "model.norm.weight": shard };
    await writeFile(join(folder, "model.safetensors.index.json"), JSON.stringify({ weight_map }));
    await expect(loadPretrained(folder)).rejects.toMatchObject({
      code: "llm/missing-shard",
      message: `The weights' index names ${shard}, which is not in the folder.`,
    });
  }
});

test("a decoder that was saved without its head has names without model.", async () => {
  const folder = await copy("model");
  await renameTensors(join(folder, "model.safetensors"), (name) => name.replace(/^model\./, ""));
  expect((await loadPretrained(folder)).values).toEqual(base());
  const adapter = await copy("adapter");
  await renameTensors(join(adapter, "adapter_model.safetensors"), (name) =>
    name.replace("base_model.model.model.", "base_model.model."),
  );
  const loaded = await loadAdapter(adapter, config);
  expect(loaded).toEqual(await loadAdapter(join(work, "adapter"), config));
});

describe("an adapter", () => {
  test("has PEFT's rank and alpha where its configuration has none", async () => {
    const folder = await copy("adapter");
    await changed(folder, "adapter_config.json", (json) => {
      delete json.r;
      delete json.lora_alpha;
    });
    expect((await loadAdapter(folder, config)).lora).toEqual(lora);
  });

  test("in PyTorch's file is named", async () => {
    const folder = await copy("adapter");
    await rename(join(folder, "adapter_model.safetensors"), join(folder, "adapter_model.bin"));
    await expect(loadAdapter(folder, config)).rejects.toMatchObject({
      code: "llm/no-weights",
      message: "The adapter has no adapter_model.safetensors, but an adapter_model.bin, which is not read.",
      place: folder,
    });
    await rm(join(folder, "adapter_model.bin"));
    await expect(loadAdapter(folder, config)).rejects.toThrow(/has no adapter_model\.safetensors\.$/);
  });
});

test("a model in PyTorch's file is named", async () => {
  const folder = await copy("model");
  await rename(join(folder, "model.safetensors"), join(folder, "pytorch_model.bin"));
  await expect(loadPretrained(folder)).rejects.toMatchObject({
    code: "llm/no-weights",
    message: expect.stringContaining("but pytorch_model.bin."),
  });
});

describe("tokens beyond the embedding matrix", () => {
  const withToken = async (content: string, special: boolean, template?: string): Promise<string> => {
    const folder = await copy("model");
    const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false };
    await changed(folder, "tokenizer.json", (json) =>
      json.added_tokens.push({ id: size, content, special, ...flags }),
    );
    if (template !== undefined)
      await changed(folder, "tokenizer_config.json", (json) => (json.chat_template = template));
    return folder;
  };

  test("are no matter where no prompt has them", async () => {
    const loaded = await loadPretrained(await withToken("[PAD]", true));
    expect(loaded.tokenizer!.vocabularySize).toBe(size + 1);
    expect(await loaded.tokenizer!.encode("[PAD]")).toEqual(await tokenizer.encode("[PAD]"));
  });

  test("are refused where a prompt may have them", async () => {
    for (const folder of [
      await withToken("movie", false),
      await withToken("<|turn|>", true, "<|turn|>{{ messages[0].content }}"),
    ])
      await expect(loadPretrained(folder)).rejects.toMatchObject({
        code: "llm/tokenizer-mismatch",
        message: expect.stringMatching(/has \d+ tokens, the model embeds \d+: not "(movie|<\|turn\|>)"\.$/),
      });
  });
});

test("tokens that only tokenizer_config.json adds are tokens", async () => {
  const folder = await copy("model");
  const first = size - 5;
  await changed(folder, "tokenizer.json", (json) => {
    // A smaller vocabulary, which the configuration fills up again.
    const kept = Object.entries(json.model.vocab).filter(([, id]) => id < first);
    json.model.vocab = Object.fromEntries(kept);
    json.model.merges = json.model.merges.filter((pair) => Object.hasOwn(json.model.vocab, pair.join("")));
  });
  await changed(folder, "tokenizer_config.json", (json) => {
    json.added_tokens_decoder = {
      [first + 1]: { content: "<b>", special: false, normalized: false },
      [first]: { content: "<|turn|>", special: true, normalized: false },
    };
  });
  const { tokenizer: loaded } = await loadPretrained(folder);
  expect(["<|turn|>", "<b>"].map((token) => loaded!.idOf(token))).toEqual([first, first + 1]);
  expect(await loaded!.encode("<b>", { addSpecialTokens: false })).toEqual([first + 1]);
  expect(loaded!.isSpecial(first)).toBe(true);
  // What was loaded is saved whole.
  await mkdir(join(folder, "again"));
  await savePretrained(join(folder, "again", "model"), config, values, loaded);
  expect((await loadPretrained(join(folder, "again", "model"))).tokenizer!.json).toBe(loaded!.json);
});

test("a tokenizer that ends every text is named where answers are looked for", async () => {
  const folder = await copy("model");
  await changed(folder, "tokenizer.json", (json) => {
    json.post_processor.single.push({ SpecialToken: { id: "</s>", type_id: 0 } });
    json.post_processor.special_tokens["</s>"] = { id: "</s>", ids: [2], tokens: ["</s>"] };
  });
  const { tokenizer: ending } = await loadPretrained(folder);
  await expect(yesNoIds(ending!, "Answer:")).rejects.toMatchObject({
    code: "llm/answers",
    message: "The tokenizer ends every text with the token </s>, behind which there is no answer.",
  });
});

test("a chat template renders the same after saving, whatever tokens the folder has for it", async () => {
  const folder = await copy("model");
  const chat_template = "{{ bos_token }}{{ unk_token }}{{ eos_token }}|{{ messages[0].content }}|";
  const tokens = { bos_token: null, eos_token: "</s>", unk_token: "<unk>", chat_template };
  await writeFile(join(folder, "tokenizer_config.json"), JSON.stringify(tokens));
  const before = await loadTokenizer(folder);
  expect((await chatTokenizer(before)).chat).toEqual({ before: "<unk></s>|", after: "|" });
  const saved = join(work, "saved");
  await savePretrained(saved, { ...config, bosTokenId: 1, eosTokenId: 2 }, base(), before);
  const after = await loadTokenizer(saved);
  expect((await chatTokenizer(after)).chat).toEqual({ before: "<unk></s>|", after: "|" });
  expect(after.chatTemplate).toEqual(before.chatTemplate);
});
