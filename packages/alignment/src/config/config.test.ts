import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseYaml, readYaml, withSettings } from "@corella/configuration";
import { parseCrmConfig } from "@corella/crm";
import { expect, test } from "vitest";
import { z } from "zod";
import { parseRunConfig, runConfigSchema, runSettingsSchema, type RunConfig } from "./config.ts";
import { loadRunConfig } from "./load-config.ts";
import { enumerateTrials, parseSearch } from "../tuning/search-space.ts";

const minimal = {
  data: {
    source: { ratings: { path: "r.csv", columns: { user: 0, item: 1, rating: 2, time: 3 } } },
    label: { threshold: 4 },
  },
  features: [{ name: "user", type: "categorical", field: "user" }],
  crm: { model: "DCNv2" },
  llm: { base: { kind: "scratch" } },
};

test("defaults are filled in", () => {
  const config = parseRunConfig(minimal, "c.yaml");
  expect(config.stages.joint.weights).toEqual({ llm: 1, crm: 1, calibration: 0.1 });
  expect(config.llm).toMatchObject({ loss: "twoWay", recompute: false });
  expect(config.data.split).toEqual({ kind: "time", shares: [0.8, 0.1, 0.1] });
});

test("an unknown key is named with the nearest valid one, at any depth", () => {
  const misspelt = { ...minimal, stages: { joint: { sampels: 3 } } };
  expect(() => parseRunConfig(misspelt, "c.yaml")).toThrowError(
    expect.objectContaining({
      code: "config/unknown-key",
      message: "There is no setting stages.joint.sampels.",
      place: "c.yaml",
      remedy: "Did you mean samples?",
    }),
  );
  const inUnion = { ...minimal, llm: { base: { kind: "scratch", hiddensize: 64 } } };
  expect(() => parseRunConfig(inUnion, "c.yaml")).toThrowError(
    expect.objectContaining({ remedy: "Did you mean hiddenSize?" }),
  );
});

test("a bad value is named with its path", () => {
  const bad = { ...minimal, stages: { warmUp: { epochs: 0 } } };
  expect(() => parseRunConfig(bad, "c.yaml")).toThrowError(
    expect.objectContaining({
      code: "config/invalid",
      message: expect.stringContaining("stages.warmUp.epochs"),
    }),
  );
});

test.each([
  ["llm.loss", { llm: { base: { kind: "scratch" }, loss: "twoway" } }],
  ["llm.base.heads", { llm: { base: { kind: "scratch", hiddenSize: 128, heads: 3 } } }],
  ["llm.base.heads", { llm: { base: { kind: "scratch", hiddenSize: 12, heads: 4, keyValueHeads: 1 } } }],
  ["llm.base.keyValueHeads", { llm: { base: { kind: "scratch", heads: 4, keyValueHeads: 3 } } }],
  ["llm.answers", { llm: { base: { kind: "scratch" }, answers: { yes: ["Yes", "no"], no: ["No", "no"] } } }],
  ["llm.answers.no", { llm: { base: { kind: "scratch" }, answers: { yes: "Yes", no: ["No", " "] } } }],
  ["llm.recompute", { llm: { base: { kind: "scratch" }, recompute: "yes" } }],
  ["stages.skip", { stages: { skip: ["joint", "llmAlone"] } }],
  ["stages.skip", { stages: { skip: ["warmup"] } }],
  ["stages.joint.accumulate", { stages: { joint: { accumulate: 0 } } }],
  ["stages.llmAlone.accumulate", { stages: { llmAlone: { accumulate: 1.5 } } }],
])("%s takes what it can mean, and nothing else", (path, bad) => {
  expect(() => parseRunConfig({ ...minimal, ...bad }, "c.yaml")).toThrowError(
    expect.objectContaining({ code: "config/invalid", message: expect.stringContaining(path) }),
  );
});

test("what `models` says of the chosen model holds where the configuration says nothing", () => {
  const models = {
    DCNv2: { crm: { dropout: 0.1 } },
    DeepFM: { crm: { embeddingDim: 4, dropout: 0.3 }, stages: { warmUp: { learningRate: 0.01, epochs: 2 } } },
  };
  const changed = {
    ...minimal,
    models,
    crm: { model: "DeepFM", dropout: 0.5 },
    stages: { warmUp: { epochs: 7 } },
  };
  const config = parseRunConfig(changed, "c.yaml");
  expect(config.crm).toEqual({ model: "DeepFM", embeddingDim: 4, dropout: 0.5 });
  expect(config.stages.warmUp).toMatchObject({ learningRate: 0.01, epochs: 7, batchSize: 1024 });
  expect(config).not.toHaveProperty("models");
  const misspelt = { ...changed, models: { DepFM: {} } };
  expect(() => parseRunConfig(misspelt, "c.yaml")).toThrowError(
    expect.objectContaining({ code: "config/unknown-key", remedy: "Did you mean DeepFM?" }),
  );
});

test("data may name a preset, with changes beside it", () => {
  const data = { preset: "ml-1m", path: "somewhere/ml-1m.zip", filter: { minHistory: 9 } };
  const config = parseRunConfig({ ...minimal, data }, "c.yaml");
  expect(config.data.source.ratings).toMatchObject({
    path: "somewhere/ml-1m.zip",
    member: "ml-1m/ratings.dat",
  });
  expect(config.data).toMatchObject({ label: { threshold: 4 }, filter: { minHistory: 9 } });
  expect(() => parseRunConfig({ ...minimal, data: { preset: "ml1m" } }, "c.yaml")).toThrowError(
    expect.objectContaining({ code: "data/unknown-preset", remedy: "Did you mean ml-1m?" }),
  );
});

test("an answer is a word, or several of which white space in front counts", () => {
  const answers = { yes: ["Yes", " Yes"], no: " No " };
  const { llm } = parseRunConfig({ ...minimal, llm: { base: { kind: "scratch" }, answers } }, "c.yaml");
  expect(llm.answers).toEqual({ yes: ["Yes", " Yes"], no: "No" });
});

test("without llm no language model is trained, and no recipe is taken for another", () => {
  const { llm: _, ...without } = minimal;
  expect(parseRunConfig(without, "c.yaml").recipe).toBe("crm-only");
  expect(parseRunConfig(minimal, "c.yaml").recipe).toBe("corella");
  expect(parseRunConfig({ ...minimal, recipe: "crm-only" }, "c.yaml").recipe).toBe("crm-only");
  for (const recipe of ["corella", "llm-only"])
    expect(() => parseRunConfig({ ...without, recipe }, "c.yaml")).toThrowError(
      expect.objectContaining({
        code: "config/no-llm",
        place: "c.yaml",
        message: expect.stringContaining(recipe),
      }),
    );
  const models = { DCNv2: { llm: { base: { layers: 2 } } } };
  expect(parseRunConfig({ ...without, models }, "c.yaml")).toMatchObject({
    recipe: "corella",
    llm: { base: { kind: "scratch", layers: 2 } },
  });
  // What was resolved is resolved again to the same.
  const resolved = parseRunConfig(without, "c.yaml");
  expect(parseRunConfig(resolved, "c.yaml")).toEqual(resolved);
});

test("of the LLM's base everything may be left out", () => {
  const scratch = { kind: "scratch", layers: 4, heads: 4, keyValueHeads: 2, pretraining: { steps: 400 } };
  for (const llm of [{}, { base: {} }, { base: { kind: "scratch" } }])
    expect(parseRunConfig({ ...minimal, llm }, "c.yaml").llm.base).toMatchObject(scratch);
  expect(parseRunConfig({ ...minimal, llm: { base: { folder: "m" } } }, "c.yaml").llm.base).toEqual({
    kind: "pretrained",
    folder: "m",
    chat: false,
  });
});

test("a setting of another kind, model or split drops what only the one before had", async () => {
  const shipped = join(configs, "movietweetings.yaml");
  const of = async (...settings: string[]): Promise<RunConfig> =>
    (await loadRunConfig(shipped, settings)).config;
  const { llm } = await of("llm.base.folder=a", "llm.base.kind=pretrained");
  expect(llm.base).toEqual({ kind: "pretrained", folder: "a", chat: false });
  expect((await of("data.split.kind=leaveLastOut")).data.split).toEqual({ kind: "leaveLastOut" });
  expect((await of("data.label.column=true", "data.source.ratings.columns.label=4")).data.label).toEqual({
    column: true,
  });
  // A resolved configuration says the parameters of its model.
  const resolved = { ...minimal, crm: { model: "DCNv2", crossLayers: 3, embeddingDim: 8 } };
  const deepFm = withSettings(resolved, [["crm.model", "DeepFM"]], runSettingsSchema);
  expect(deepFm).toMatchObject({ crm: { model: "DeepFM", embeddingDim: 8 } });
  expect(parseCrmConfig(parseRunConfig(deepFm, "c.yaml").crm).name).toBe("DeepFM");
});

test("changes beside a preset, and settings of a model, give way to another kind", () => {
  const data = { preset: "ml-1m", split: { kind: "leaveLastOut" }, label: { threshold: 3 } };
  expect(parseRunConfig({ ...minimal, data }, "c.yaml").data).toMatchObject({
    split: { kind: "leaveLastOut" },
    label: { threshold: 3 },
  });
  const models = { DCNv2: { llm: { base: { kind: "pretrained", folder: "x", chat: true }, maxTokens: 64 } } };
  expect(parseRunConfig({ ...minimal, models }, "c.yaml").llm).toMatchObject({
    base: { kind: "scratch" },
    maxTokens: 64,
  });
});

const configs = join(import.meta.dirname, "../../../../configs");

test("the configurations in configs/ are valid, with every model of theirs; searches name configurations there", async () => {
  for (const file of readdirSync(configs)) {
    const content = (await readYaml(join(configs, file))) as { models?: object; config?: string };
    if (file.startsWith("search-")) {
      const search = parseSearch(content, file);
      const base = await readYaml(join(configs, search.config!));
      for (const settings of enumerateTrials(search)) {
        const changed = withSettings(base, Object.entries(settings), runSettingsSchema);
        parseCrmConfig(parseRunConfig(changed, file).crm);
      }
      continue;
    }
    parseCrmConfig(parseRunConfig(content, file).crm);
    for (const model of Object.keys(content.models ?? {}))
      expect(parseCrmConfig(parseRunConfig({ ...content, crm: { model } }, file).crm).name).toBe(model);
  }
});

test("docs/configuration.md names every setting", () => {
  const text = readFileSync(join(import.meta.dirname, "../../../../docs/configuration.md"), "utf8");
  const keys = new Set<string>();
  const collect = (schema: unknown): void => {
    if (typeof schema !== "object" || schema === null) return;
    const { properties, ...rest } = schema as { properties?: Record<string, unknown> };
    for (const key of Object.keys(properties ?? {})) keys.add(key);
    for (const inner of [...Object.values(properties ?? {}), ...Object.values(rest)]) collect(inner);
  };
  collect(z.toJSONSchema(runConfigSchema, { io: "input", unrepresentable: "any" }));
  expect(keys.size).toBeGreaterThan(60);
  expect([...keys].filter((key) => !text.includes(key))).toEqual([]);
});

test("routing: a share or auto, a budget in one of three units, and a rule by its name", () => {
  const routingOf = (routing: object) => parseRunConfig({ ...minimal, routing }, "run.yaml").routing;
  expect(routingOf({})).toEqual({
    share: 0.3,
    policy: "entropy",
    heldOut: 0,
    mix: "addLogits",
    validationSamples: 5000,
  });
  expect(
    routingOf({ share: "auto", mix: "isotonic", budget: { milliseconds: 4000, perCall: 21 } }),
  ).toMatchObject({
    share: "auto",
    mix: "isotonic",
    budget: { milliseconds: 4000, perCall: 21 },
  });
  for (const [wrong, told] of [
    [{ share: 30 }, "a number from 0 to 1, or auto"],
    [{ share: "most" }, "a number from 0 to 1, or auto"],
    [{ budget: { milliseconds: 4000 } }, "perCall: …"],
    [{ budget: { calls: 3, money: 2 } }, "{ calls: … }"],
    [{ budget: {} }, "{ calls: … }"],
    [{ budget: { cals: 3 } }, "routing.budget.cals"],
    [{ mix: "plat" }, "routing.mix"],
  ] as const)
    expect(() => routingOf(wrong)).toThrow(told);
});

test("docs/configuration.md says the defaults as they are", () => {
  const text = readFileSync(join(import.meta.dirname, "../../../../docs/configuration.md"), "utf8");
  const block = text.slice(text.indexOf("every setting with its default")).match(/```yaml\n(.*?)```/s)![1]!;
  const documented = parseYaml(block, "docs/configuration.md") as Record<string, unknown>;
  const { data, features: _features, crm: _crm, ...rest } = documented;
  const { split, history, filter } = data as Record<string, unknown>;
  // Left out, it is not the schema that says it.
  delete (rest["runtime"] as Record<string, unknown>)["executionProviders"];
  const { llm, ...defaults } = parseRunConfig({ ...minimal, llm: {} }, "c.yaml");
  const wrong: string[] = [];
  const compare = (said: unknown, is: unknown, path: string): void => {
    if (said === "…" || (typeof said === "string" && said.includes("…"))) return;
    if (typeof said === "object" && said !== null && typeof is === "object" && is !== null)
      for (const [key, value] of Object.entries(said))
        compare(value, (is as Record<string, unknown>)[key], `${path}.${key}`);
    else if (said !== is) wrong.push(`${path}: ${String(said)}, not ${String(is)}`);
  };
  compare({ ...rest, data: { split, history, filter } }, { ...defaults, llm }, "");
  expect(wrong).toEqual([]);
});

test("what `models` says of a model that is not chosen is checked as if it were", () => {
  const other = (settings: object) => () =>
    parseRunConfig({ ...minimal, models: { DeepFM: settings } }, "c.yaml");
  const place = "c.yaml, models.DeepFM";
  expect(other({ crm: { hiddenUnitz: [8] } })).toThrow(
    expect.objectContaining({ code: "crm/unknown-parameter", place }),
  );
  expect(other({ stages: { warmUp: { epochz: 3 } } })).toThrow(
    expect.objectContaining({ code: "config/unknown-key", place }),
  );
  expect(other({ crm: { hiddenUnits: [8] }, stages: { warmUp: { epochs: 3 } } })).not.toThrow();
});

test("nobody computes with more threads than machines have", () => {
  const threads = (count: number) => () =>
    parseRunConfig({ ...minimal, runtime: { threads: count } }, "c.yaml");
  expect(threads(1000)).toThrow(expect.objectContaining({ code: "config/invalid" }));
  expect(threads(64)).not.toThrow();
});

test("a correction is learned as it is added", () => {
  const stages = { llmAlone: { offset: "crm" } };
  expect(parseRunConfig({ ...minimal, stages }, "c.yaml").stages.llmAlone.offset).toBe("crm");
  for (const wrong of [{ llm: { loss: "answer" } }, { routing: { mix: "replace" } }])
    expect(() => parseRunConfig({ ...minimal, ...wrong, stages }, "c.yaml")).toThrowError(
      expect.objectContaining({ message: expect.stringContaining("the CRM's logit is added") }),
    );
});
