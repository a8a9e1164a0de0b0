import { existsSync } from "node:fs";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openBundle } from "@corella/bundle";
import { initialValues } from "@corella/engine";
import {
  decoder,
  loadAdapter,
  loadTokenizer,
  openPretrained,
  saveAdapter,
  savePretrained,
  tinyLlamaConfig,
  trainTokenizer,
  type DecoderConfig,
  type LoraConfig,
} from "@corella/llm";
import { createGenerator } from "@corella/random";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseRunConfig, type RunConfig } from "../config/config.ts";
import { loadRunConfig } from "../config/load-config.ts";
import { resolveConfig } from "../config/resolve-config.ts";
import { denseConfig } from "../recipes/small-run.test-helper.ts";
import { smallData, writeSmallData } from "../small-data.test-helper.ts";
import { probabilitiesOf } from "../predictions.ts";
import type { TrainingResult } from "../train.ts";
import { exportTuning } from "./export-tuning.ts";
import { importAdapter, type ImportOptions } from "./import-adapter.ts";
import type { TuningRecord } from "./tuning-record.ts";

interface Row {
  readonly input_ids: number[];
  readonly labels: number[];
}

let folder = "";
let model: DecoderConfig;
let record: TuningRecord;
let config: RunConfig;
const lora: LoraConfig = { rank: 2, alpha: 6, targetModules: ["q_proj", "v_proj"] };

const under = (name: string): string => join(folder, name);
const cacheFolder = (): string => under("cache");

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-adapter-"));
  await writeSmallData(folder);
  const tokenizer = await trainTokenizer(
    ["Below is the rating history of a user: Answer: Yes", "Odd film 7 Even film 8 (1990) Answer: No"],
    { vocabularySize: 320 },
  );
  model = tinyLlamaConfig({
    vocabularySize: 320,
    hiddenSize: 16,
    layers: 1,
    heads: 2,
    maxPositions: 400,
  });
  await savePretrained(
    under("model"),
    model,
    initialValues(decoder(model, { answers: { yes: 5, no: 6 } }), 1),
    tokenizer,
  );
  config = parseRunConfig(
    {
      name: "elsewhere",
      ...smallData,
      prompt: { historyLength: 1 },
      crm: { model: "DCNv2", embeddingDim: 4, crossLayers: 1, parallelUnits: [4] },
      llm: { base: { folder: "model" }, lora, loss: "answer", maxTokens: 380 },
      stages: {
        warmUp: { epochs: 2, batchSize: 64, learningRate: 0.02 },
        llmAlone: { samples: 40, validationSamples: 10, batchSize: 8 },
      },
      testSamples: 30,
    },
    "test.yaml",
  );
  record = await exportTuning(
    { config, baseFolder: folder },
    { folder: under("tuning"), cacheFolder: cacheFolder() },
  );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** An adapter as a trainer of PEFT's would write it, of random numbers. */
async function trained(
  name: string,
  { lora: own = lora, baseModel = "../model", zero = "", last = 0.5 } = {},
): Promise<string> {
  const random = createGenerator(4, name);
  const params = initialValues(decoder(model, { answers: { yes: 5, no: 6 }, lora: own }), 1);
  const values = Object.fromEntries(
    Object.entries(params)
      .filter(([param]) => param.includes("lora_"))
      .map(([param, array]) => [
        param,
        array.map((_value, i) => {
          if (zero !== "" && param.includes(zero)) return 0;
          return i === array.length - 1 ? last : random.normal() / 4;
        }),
      ]),
  );
  await saveAdapter(under(name), { config: model, lora: own, values, baseModel });
  return under(name);
}

async function imported(
  adapterFolder: string,
  options: Partial<ImportOptions> = {},
): Promise<TrainingResult> {
  const { tuningFolder = under("tuning") } = options;
  const loaded = await loadRunConfig(join(tuningFolder, "config.yaml"));
  const { config: resolved, baseFolder } = await resolveConfig(loaded, cacheFolder());
  return importAdapter(resolved, {
    tuningFolder,
    adapterFolder,
    baseFolder,
    cacheFolder: cacheFolder(),
    runFolder: under("refused"),
    configText: "name: elsewhere\n",
    ...options,
  });
}

const rowsOf = async (path: string): Promise<Row[]> =>
  (await readFile(under(path), "utf8"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Row);

describe("an export", () => {
  test("has the prompts as corella's tokenizer cuts them, each with its answer behind it", async () => {
    const rows = await rowsOf("tuning/rows/train.jsonl");
    const tokenizer = await loadTokenizer(under("model"));
    expect(rows).toHaveLength(40);
    const { yes, no } = record.answers;
    for (const { input_ids: ids, labels } of rows) {
      expect(labels).toHaveLength(ids.length);
      expect(labels.slice(0, -1).every((label) => label === -100)).toBe(true);
      expect(labels.at(-1)).toBe(ids.at(-1));
      expect([yes, no]).toContain(ids.at(-1));
      const text = await tokenizer.decode(ids.slice(0, -1), { skipSpecialTokens: true });
      expect(await tokenizer.encode(text)).toEqual(ids.slice(0, -1));
    }
    expect(new Set(rows.map(({ input_ids: ids }) => ids.at(-1)))).toEqual(new Set([yes, no]));
  });

  test("tells its sizes, and of what it was made", async () => {
    const rows = await rowsOf("tuning/rows/train.jsonl");
    const lengths = rows.map(({ input_ids: ids }) => ids.length);
    expect(record.files["train.jsonl"]).toMatchObject({
      rows: 40,
      answers: 40,
      tokens: lengths.reduce((sum, length) => sum + length),
      longest: Math.max(...lengths),
    });
    expect(record.files["validation.jsonl"]!.rows).toBe(10);
    expect(record.base.name).toBe("../model");
    expect(record.lora.modules).toEqual([
      "model.layers.0.self_attn.q_proj",
      "model.layers.0.self_attn.v_proj",
    ]);
    const trl = await readFile(under("tuning/trl.yaml"), "utf8");
    const longest = Math.max(...Object.values(record.files).map((file) => file.longest));
    expect(trl).toContain(`max_length: ${longest}\n`);
  });

  test("under dense supervision asks about many events in one row", async () => {
    const dense = await exportTuning(
      { config: denseConfig(config, '"{{title}}"'), baseFolder: folder },
      { folder: under("dense"), cacheFolder: cacheFolder() },
    );
    const { rows, answers } = dense.files["train.jsonl"]!;
    expect(answers).toBeGreaterThanOrEqual(40);
    expect(rows).toBeLessThan(answers);
    const found = await rowsOf("dense/rows/train.jsonl");
    const taught = found.map(({ labels }) => labels.filter((label) => label !== -100).length);
    expect(taught.reduce((sum, count) => sum + count)).toBe(answers);
    const { yes, no } = dense.answers;
    // Where an answer is told further on it is the one that is taught.
    for (const { input_ids: ids, labels } of found)
      for (const [place, label] of labels.entries())
        if (label !== -100) expect([label, [yes, no].includes(label)]).toEqual([ids[place], true]);
  });

  test.each([
    ["that is there already", {}, "adapter/folder"],
    ["of a model that is made in the run", { llm: { base: { kind: "scratch" } } }, "config/export"],
    ["of a .gguf file", { llm: { base: { kind: "pretrained", folder: "model.gguf" } } }, "config/export"],
    ["of a recipe without an LLM", { recipe: "crm-only" }, "config/export"],
    [
      "of what is added to the CRM",
      { llm: { base: { folder: "model" } }, stages: { llmAlone: { offset: "crm" } } },
      "config/export",
    ],
    [
      "of prompts that say what the CRM says",
      {
        llm: { base: { folder: "model" }, maxTokens: 380 },
        prompt: { template: "{{target_item}} {{crm_percent}} Answer:" },
      },
      "config/export",
    ],
  ])("%s is refused", async (_, change, code) => {
    const other = parseRunConfig({ ...smallData, recipe: "llm-only", llm: {}, ...change }, "test.yaml");
    const folderOf = code === "adapter/folder" ? under("tuning") : under("never");
    await expect(
      exportTuning({ config: other, baseFolder: folder }, { folder: folderOf, cacheFolder: cacheFolder() }),
    ).rejects.toMatchObject({ code });
    expect(existsSync(under("never"))).toBe(false);
  });

  test("that is interrupted leaves nothing", async () => {
    const abort = new AbortController();
    abort.abort();
    await expect(
      exportTuning(
        { config, baseFolder: folder },
        { folder: under("never"), cacheFolder: cacheFolder(), signal: abort.signal },
      ),
    ).rejects.toMatchObject({ code: "adapter/interrupted" });
    expect(existsSync(under("never"))).toBe(false);
  });
});

describe("what comes back", () => {
  test("goes on to a bundle of CRM, this very adapter and router; the CRM is taken from a run that has it", async () => {
    const adapterFolder = await trained("adapter");
    const first = await imported(adapterFolder, { runFolder: under("first") });
    expect(first.phases.map(({ name }) => name)).toEqual(["stage-1"]);
    const { config: base, weights } = await openPretrained(under("model"));
    await weights.close();
    const { values } = await loadAdapter(adapterFolder, base);
    const saved = await loadAdapter(join(first.bundleFolder, "adapter"), base);
    expect(saved.values).toEqual(values);
    const bundle = await openBundle(first.bundleFolder);
    expect(bundle.models.toSorted()).toEqual(["crm", "llm"]);
    expect(first.router).toBeDefined();
    expect(probabilitiesOf(first.test, "llm")!.every((p) => p > 0 && p < 1)).toBe(true);

    await writeFile(join(under("first"), "config.yaml"), await readFile(under("tuning/config.yaml")));
    const steps: string[] = [];
    const second = await imported(adapterFolder, {
      runFolder: under("second"),
      crmRun: under("first"),
      listener: { stepDone: (phase) => void steps.push(phase) },
    });
    expect(steps).not.toContain("stage-1");
    expect(probabilitiesOf(second.test, "crm")).toEqual(probabilitiesOf(first.test, "crm"));
    expect(await readFile(join(second.bundleFolder, "manifest.json"), "utf8")).toBe(
      await readFile(join(first.bundleFolder, "manifest.json"), "utf8"),
    );
  });

  test("takes no CRM of a run on other data", async () => {
    const from = under("other-data");
    await cp(under("first"), from, { recursive: true });
    await writeFile(join(from, "data.key"), "another");
    const taken = imported(under("adapter"), { runFolder: under("refused-data"), crmRun: from });
    await expect(taken).rejects.toMatchObject({ code: "adapter/crm-run", place: from });
    expect(existsSync(under("refused-data"))).toBe(false);
  });

  test("is scored by a server that has it, where one is named", async () => {
    const asked: Record<string, unknown>[] = [];
    const server = createServer((request, response) => {
      let text = "";
      request.on("data", (part) => (text += String(part)));
      request.on("end", () => {
        const body = JSON.parse(text) as { logprob_token_ids: [number, number] };
        asked.push(body);
        const [yes, no] = body.logprob_token_ids;
        const top = { [`token_id:${yes}`]: -1, [`token_id:${no}`]: -2 };
        response.end(JSON.stringify({ choices: [{ logprobs: { top_logprobs: [top] } }] }));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
    try {
      const { test: scored } = await imported(under("adapter"), {
        runFolder: under("scored"),
        crmRun: under("first"),
        remoteLlm: { baseUrl, model: "tuned" },
      });
      for (const probability of probabilitiesOf(scored, "llm")!)
        expect(probability).toBeCloseTo(1 / (1 + Math.exp(-1)), 6);
      expect(new Set(asked.map(({ model: name }) => name))).toEqual(new Set(["tuned"]));
      expect(asked.length).toBeGreaterThanOrEqual(scored.rows.length);
    } finally {
      server.close();
    }
  });

  test.each<[string, () => Promise<string>, string, RegExp]>([
    [
      "of another base",
      () => trained("other-base", { baseModel: "/models/other" }),
      "adapter/base-name",
      /"\/models\/other".*"\.\.\/model"/,
    ],
    [
      "of another rank",
      () => trained("rank", { lora: { ...lora, rank: 3 } }),
      "adapter/rank",
      /rank 3 at .*, the configuration 2/,
    ],
    ["of another alpha", () => trained("alpha", { lora: { ...lora, alpha: 8 } }), "adapter/alpha", /alpha 8/],
    [
      "scaled otherwise",
      () => trained("rs", { lora: { ...lora, rsLora: true } }),
      "adapter/alpha",
      /use_rslora/,
    ],
    [
      "of other modules",
      () => trained("modules", { lora: { ...lora, targetModules: ["q_proj", "o_proj"] } }),
      "adapter/modules",
      /lacks 1, such as .*v_proj; it has 1 more, such as .*o_proj/,
    ],
    [
      "with a lora_B that is all zero",
      () => trained("zero", { zero: "v_proj.lora_B" }),
      "adapter/untrained",
      /1 of 2 matrices lora_B are all zero, such as .*v_proj/,
    ],
    [
      "with a number that is none",
      () => trained("nan", { last: Number.NaN }),
      "adapter/not-finite",
      /infinite or none/,
    ],
    [
      "with DoRA",
      async () => {
        const adapter = await trained("dora");
        const path = join(adapter, "adapter_config.json");
        const content = JSON.parse(await readFile(path, "utf8")) as object;
        await writeFile(path, JSON.stringify({ ...content, use_dora: true }));
        return adapter;
      },
      "llm/adapter-base",
      /lora_magnitude_vector/,
    ],
    [
      "of no LoRA",
      async () => {
        const adapter = await trained("ia3");
        await writeFile(join(adapter, "adapter_config.json"), '{"peft_type": "IA3"}');
        return adapter;
      },
      "llm/adapter-config",
      /IA3/,
    ],
  ])("%s is refused", async (_, adapter, code, message) => {
    await expect(imported(await adapter())).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
    expect(existsSync(under("refused"))).toBe(false);
  });

  test("of a base that has another name elsewhere comes back under that", async () => {
    const adapter = await trained("renamed", { baseModel: "/hub/7f3a", zero: "lora_B" });
    // The name is right, so the next check speaks.
    await expect(imported(adapter, { baseName: "/elsewhere/7f3a" })).rejects.toMatchObject({
      code: "adapter/untrained",
    });
  });

  test("for rows, data or a base that have changed is refused", async () => {
    const adapter = await trained("good");
    const refused = async (code: string, change: (copy: string) => Promise<void>): Promise<void> => {
      const copy = await mkdtemp(join(folder, "changed-"));
      await cp(under("tuning"), copy, { recursive: true });
      await change(copy);
      await expect(imported(adapter, { tuningFolder: copy }), code).rejects.toMatchObject({ code });
    };
    const inRecord =
      (
        change: (content: { data: string; base: { sha256: string }; tokenizer: { sha256: string } }) => void,
      ) =>
      async (copy: string): Promise<void> => {
        const path = join(copy, "corella.json");
        const content = JSON.parse(await readFile(path, "utf8")) as Parameters<typeof change>[0];
        change(content);
        await writeFile(path, JSON.stringify(content));
      };
    const other = "0".repeat(64);
    await refused(
      "adapter/data",
      inRecord((content) => void (content.data = other)),
    );
    await refused(
      "adapter/base",
      inRecord((content) => void (content.base.sha256 = other)),
    );
    await refused(
      "adapter/tokenizer",
      inRecord((content) => void (content.tokenizer.sha256 = other)),
    );
    await refused(
      "adapter/record",
      inRecord((content) => void (content.tokenizer.sha256 = "x")),
    );
    await refused("adapter/record", (copy) => rm(join(copy, "corella.json")));
    await refused("adapter/rows", (copy) => writeFile(join(copy, "rows/train.jsonl"), "{}\n"));
  });

  test("finds no CRM in a run with other settings of it", async () => {
    const adapter = await trained("crm");
    await expect(imported(adapter, { crmRun: under("tuning") })).rejects.toMatchObject({
      code: "adapter/crm-run",
      message: expect.stringContaining("no CRM"),
    });
    const run = under("other-crm");
    await cp(under("first"), run, { recursive: true });
    const text = await readFile(under("tuning/config.yaml"), "utf8");
    await writeFile(join(run, "config.yaml"), text.replace("embeddingDim: 4", "embeddingDim: 5"));
    await expect(imported(adapter, { crmRun: run })).rejects.toMatchObject({
      code: "adapter/crm-run",
      message: expect.stringContaining("crm.embeddingDim"),
    });
  });
});
