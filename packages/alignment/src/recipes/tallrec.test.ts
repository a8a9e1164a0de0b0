import { loadPredictor, openBundle } from "@corella/bundle";
import { createPrompt, recordAt, type RatingRecord } from "@corella/modality";
import { beforeAll, expect, test } from "vitest";
import { parseRunConfig, type RunConfig } from "../config/config.ts";
import { probabilitiesOf } from "../predictions.ts";
import type { TrainingResult } from "../train.ts";
import { smallConfig, smallRun } from "./small-run.test-helper.ts";
import { alpacaPrompt, withTallrec } from "./tallrec.ts";

const config: RunConfig = { ...smallConfig, recipe: "tallrec" };
const withSettings = (changed: Partial<RunConfig["tallrec"]>): RunConfig => ({
  ...config,
  tallrec: { ...config.tallrec, ...changed },
});

let bounded: TrainingResult;
const notes: string[] = [];
const steps: number[] = [];

beforeAll(async () => {
  const { result } = await smallRun(withSettings({ scoring: "doubleSoftmax" }), {
    listener: {
      note: (text) => notes.push(text),
      stepDone(phase, step) {
        if (phase === "llm") steps.push(step);
      },
    },
  });
  bounded = result;
});

const record: RatingRecord = {
  user: "7",
  item: "c",
  userAttributes: { country: "NL" },
  itemAttributes: { title: "Glass River", genres: ["Drama"] },
  context: { device: "phone" },
  history: [
    { item: "Quiet Hill", rating: 5 },
    { item: "Paper Sea", rating: 2 },
    { item: "Old Road", rating: 4 },
  ],
};

test("a sample is the instruction, both lists and the target's title alone, in the words' wrapper, to its last newline", () => {
  const { prompt } = withTallrec(withSettings({ historyLength: 3 }));
  const { instruction } = config.tallrec;
  const input = 'Liked: "Quiet Hill", "Old Road"\nDisliked: "Paper Sea"\nTarget: "Glass River"';
  expect(createPrompt(prompt).render(record)).toBe(alpacaPrompt({ instruction, input }));
  expect(alpacaPrompt({ instruction, input })).toContain(`\n\n### Input:\n${input}\n\n### Response:\n`);
});

test("without an input the instruction says all, in the other wrapper", () => {
  const { prompt } = withTallrec(
    withSettings({ instruction: "Is {{target_item}} for those who like {{liked}}?", input: "" }),
  );
  const instruction = 'Is "Glass River" for those who like none?';
  expect(createPrompt(prompt).render({ ...record, history: [] })).toBe(
    alpacaPrompt({ instruction, input: "" }),
  );
  expect(alpacaPrompt({ instruction, input: "" })).not.toContain("Input");
});

test("features add what CRMs see: the user, the context, ratings in their order, running statistics, the target's attributes", () => {
  const { prompt } = withTallrec(withSettings({ features: true, historyLength: 3 }));
  const statistics = { "user.count": 9, "user.mean": 3.456, "user.share": 0.25, "item.count": 0 };
  const text = createPrompt(prompt).render({ ...record, statistics });
  const told = text.slice(text.indexOf("Liked:"), text.indexOf("\n\n### Response"));
  expect(told.split("\n")).toEqual([
    'Liked: "Quiet Hill", "Old Road"',
    'Disliked: "Paper Sea"',
    'Target: "Glass River" (Drama)',
    "The user: country NL",
    "Now: device phone",
    'Ratings, oldest first: "Quiet Hill" (5/5), "Paper Sea" (2/5), "Old Road" (4/5)',
    "Ratings by the user before: 9, 3.46 on average, 0.25 of them liked",
    "Ratings of the target before: 0",
  ]);
  const bare = { user: null, item: "c", history: [], statistics: {} };
  expect(createPrompt(prompt).render(bare)).not.toMatch(/The user:|Now:|on average|\n\n(?!###)/);
});

test("its settings are the paper's, whatever the file says of the language model, and applied again the same", () => {
  const given = {
    ...config,
    prompt: { ...config.prompt, separator: "", emptyHistory: "", historyHop: 2 },
    llm: { ...config.llm, supervision: "dense", lora: { ...config.llm.lora, rank: 64, lastLayers: 1 } },
  } as const;
  const settled = withTallrec(given);
  expect(settled.llm).toMatchObject({ loss: "answer", supervision: "single", targetsPerHistory: 1 });
  expect(settled.llm.lora).toEqual({
    rank: 8,
    alpha: 16,
    dropout: 0.05,
    targetModules: ["q_proj", "v_proj"],
    rsLora: false,
  });
  expect(settled.stages.llmAlone).toMatchObject({ samples: config.tallrec.shots, offset: "none" });
  expect(settled.stages.warmUp).toBe(given.stages.warmUp);
  expect(withTallrec(settled)).toEqual(settled);
});

test("it learns from so many shots, and its bundle scores by the double softmax, unless it is asked otherwise", async () => {
  const { shots, epochs, batchSize } = config.tallrec;
  expect(steps).toHaveLength((epochs * shots) / batchSize);
  expect(notes.filter((text) => text.includes("from `tallrec`"))).toHaveLength(1);
  const [said] = bounded.test.predictions;
  expect(said!.title).toBe(`TALLRec, ${shots} shots`);
  const probabilities = probabilitiesOf(bounded.test, "llm")!;
  for (const p of probabilities) expect(Math.abs(p - 0.5)).toBeLessThanOrEqual(0.2311);
  const bundle = await openBundle(bounded.bundleFolder);
  const rows = bounded.test.rows.slice(0, 20);
  const records = Array.from(rows, (row) => recordAt(bounded.data.log, row));
  const answers = async (scoring?: "twoWay"): Promise<number[]> => {
    const predictor = await loadPredictor(bundle, { scoring });
    const predictions = await predictor.score(records);
    await predictor.dispose();
    return predictions.map(({ probability }) => probability);
  };
  (await answers()).forEach((p, i) => expect(p).toBeCloseTo(probabilities[i]!, 6));
  const twoWay = await answers("twoWay");
  expect(Math.max(...twoWay.map((p, i) => Math.abs(p - probabilities[i]!)))).toBeGreaterThan(0.01);
});

test("features and a history that the language model retrieves go together", async () => {
  const abort = new AbortController();
  const prompt = { ...config.prompt, retrieval: "llm" } as const;
  const run = smallRun(
    { ...withSettings({ features: true }), prompt },
    { signal: abort.signal, listener: { phaseStarted: () => abort.abort() } },
  );
  // All checks lie behind it.
  await expect(run).rejects.toMatchObject({ code: "train/interrupted" });
});

test.each([
  [
    { input: "{{crm_percent}} {{target_item}}" },
    "config/crm-in-prompt",
    "tallrec.instruction, tallrec.input",
  ],
  [{ input: "{{likd}}" }, "prompt/unknown-name", "tallrec.instruction, tallrec.input"],
  [{ instruction: "{% if %}" }, "prompt/bad-template", "tallrec.instruction, tallrec.input"],
  [{ maxTokens: 20 }, "config/max-tokens", "tallrec.maxTokens"],
])("%o is refused before the first phase, where it is written", async (changed, code, place) => {
  const phases: string[] = [];
  const run = smallRun(withSettings(changed), {
    listener: { phaseStarted: ({ name }) => phases.push(name) },
  });
  await expect(run).rejects.toMatchObject({ code, place });
  expect(phases).toEqual([]);
});

test("without validation rows of both classes no adapter could be chosen: that is refused", async () => {
  const data: RunConfig["data"] = { ...config.data, split: { kind: "time", shares: [0.9, 0, 0.1] } };
  await expect(smallRun({ ...config, data })).rejects.toMatchObject({ code: "crm/one-class" });
});

test("a history that a CRM would retrieve, and features without an input to go on from, are refused", async () => {
  const retrieving = { ...config, prompt: { ...config.prompt, retrieval: "crm" } } as const;
  await expect(smallRun(retrieving)).rejects.toMatchObject({ code: "config/retrieval" });
  const tallrec = { features: true, input: "" };
  expect(() => parseRunConfig({ data: smallConfig.data, tallrec }, "x")).toThrowError(
    expect.objectContaining({ code: "config/invalid", message: expect.stringContaining("give an input") }),
  );
});
