import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadPredictor, openBundle, type Bundle, type Lane, type LoadOptions } from "@corella/bundle";
import { saveTinyBundle } from "@corella/bundle/testing";
import { recordAt, type InteractionLog, type RatingRecord } from "@corella/modality";
import type { LaneObserver } from "@corella/serving";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { LaneSettings } from "../options/lanes.ts";
import { serveLanes, type ServedLanes } from "./lanes.ts";

let folder: string;
let log: InteractionLog;
let bundle: Bundle;
let records: RatingRecord[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-lanes-"));
  log = await saveTinyBundle(join(folder, "bundle"));
  bundle = await openBundle(join(folder, "bundle"));
  records = Array.from({ length: log.size }, (_, row) => recordAt(log, row));
});
afterAll(() => rm(folder, { recursive: true }));

const settings: LaneSettings = { queueRows: 1000, queueBytes: 2 ** 24, batchWait: 0 };

function lanesOf(changes: Partial<LaneSettings> = {}, observerOf?: () => LaneObserver): ServedLanes {
  return serveLanes(bundle, { ...settings, ...changes }, { remoteLlm: false, log: () => {}, observerOf });
}

const inThread: LoadOptions = { runtime: { threads: 1 } };

test("many requests at once get the answers of one call, in few batches", async () => {
  const alone = await loadPredictor(bundle, inThread);
  const expected = await alone.score(records);
  await alone.dispose();
  const batches: number[] = [];
  const observerOf = (): LaneObserver => ({
    batch: ({ rows }) => void batches.push(rows),
    dropped: () => {},
  });
  const lanes = lanesOf({}, observerOf);
  const predictor = await loadPredictor(bundle, { ...inThread, ...lanes.load });
  const answers = (await Promise.all(records.map((record) => predictor.score([record])))).flat();
  expect(lanes.queue("crm")!.waiting.rows).toBe(0);
  await predictor.dispose();
  for (const [i, { probability, route }] of expected.entries()) {
    expect(answers[i]!.route).toBe(route);
    expect(Math.abs(answers[i]!.probability - probability)).toBeLessThan(1e-6);
  }
  expect(new Set(answers.map(({ route }) => route))).toEqual(new Set(["crm", "llm"]));
  // The CRM: all that came at once.
  expect(batches[0]).toBe(records.length);
  expect(batches.length).toBeLessThan(records.length / 4);
});

test("an LLM beyond its queue or its budget is answered for by the CRM, with the reason; a full CRM refuses", async () => {
  const gate: { held?: Promise<void> } = {};
  const { load, queue } = lanesOf({ queueRows: 20, batchRows: 16 });
  const full = await loadPredictor(bundle, {
    ...inThread,
    ...load,
    around: (model, open) =>
      load.around!(model, async () => {
        const lane = await open();
        const score: Lane["score"] = async (...call) => {
          if (model === "llm") await gate.held;
          return lane.score(...call);
        };
        return { ...lane, score };
      }),
  });
  const [some, policy] = [records.slice(0, 20), { kind: "all" } as const];
  let release!: () => void;
  gate.held = new Promise((resolve) => {
    release = resolve;
  });
  const first = full.score(some, { policy });
  // Of the first call 16 samples are with the LLM and 4 wait.
  while (queue("llm")!.waiting.rows < 4) await new Promise(setImmediate);
  const second = await full.score(some, { policy });
  for (const { route, degraded, probability, pCrm } of second)
    expect([route, degraded!.reason, degraded!.code, probability]).toEqual([
      "crm",
      "full",
      "serving/full",
      pCrm,
    ]);
  release();
  expect((await first).every(({ route }) => route === "llm")).toBe(true);
  await full.dispose();
  await expect(
    loadPredictor(bundle, { ...inThread, ...lanesOf({ queueRows: 20 }).load }).then((predictor) =>
      predictor.score(records),
    ),
  ).rejects.toMatchObject({ code: "serving/full" });

  const lanes = lanesOf({ llmPerSecond: 4 });
  const poor = await loadPredictor(bundle, { ...inThread, ...lanes.load });
  const predictions = await poor.score(records, { policy: { kind: "all" } });
  await poor.dispose();
  expect(predictions.filter(({ route }) => route === "llm")).toHaveLength(8);
  const over = predictions.filter(({ degraded }) => degraded?.reason === "budget");
  expect(over).toHaveLength(records.length - 8);
  for (const { route, probability, pCrm, degraded } of over) {
    expect([route, probability, degraded!.code]).toEqual(["crm", pCrm, "bundle/budget"]);
  }
});

test("a router with a budget holds it over single samples", async () => {
  const router = { policy: { kind: "budget", share: 0.25 }, mix: { kind: "replace" } } as const;
  const budgeted = { ...bundle, router };
  const lanes = serveLanes(budgeted, settings, { remoteLlm: false, log: () => {} });
  const predictor = await loadPredictor(budgeted, { ...inThread, ...lanes.load });
  let asked = 0;
  for (const record of records) {
    const [answer] = await predictor.score([record]);
    expect(answer).not.toHaveProperty("degraded");
    if (answer!.route === "llm") asked += 1;
  }
  await predictor.dispose();
  expect(asked / records.length).toBeGreaterThan(0.15);
  expect(asked / records.length).toBeLessThan(0.36);
});
