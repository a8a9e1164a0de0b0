import { openBundle, openLlmLane } from "@corella/bundle";
import { recordsAt } from "@corella/modality";
import { beforeAll, expect, test } from "vitest";
import type { RunConfig } from "../config/config.ts";
import { probabilitiesOf } from "../predictions.ts";
import type { TrainingResult } from "../train.ts";
import { denseConfig, interruptedRun, manifestOf, smallConfig, smallRun } from "./small-run.test-helper.ts";

/** The small log's events, each with the item's mean at its own moment. */
const config = denseConfig(smallConfig, "\n{{title}} {{item.mean | round(1)}}");

let whole: TrainingResult;

beforeAll(async () => {
  whole = (await smallRun(config)).result;
});

test("interrupted in every phase, a run ends with the same bundle", async () => {
  const { phases, manifest } = await interruptedRun(config);
  expect(phases).toEqual(["stage-1", "stage-0", "stage-2", "stage-3"]);
  expect(manifest).toBe(await manifestOf(whole));
});

test("what passes over many events say is what the bundle answers one sample at a time", async () => {
  const { test: part, data, bundleFolder } = whole;
  const bundle = await openBundle(bundleFolder);
  const lane = await openLlmLane(bundle);
  const expected = probabilitiesOf(part, "llm")!;
  for (const [i, row] of part.rows.slice(0, 60).entries()) {
    const [alone] = await lane.score(recordsAt(data.log, [row], bundle));
    expect(Math.abs(alone! - expected[i]!)).toBeLessThan(1e-5);
  }
  await lane.dispose();
});

test(
  "the joint stage aligns means over each question's tokens, in one pass and prompt by prompt",
  { timeout: 240_000 },
  async () => {
    const { warmUp, joint } = config.stages;
    const brief = { ...warmUp, epochs: 1 };
    const pooled = (pooling: "last" | "mean", of: RunConfig): RunConfig => ({
      ...of,
      stages: {
        ...config.stages,
        warmUp: brief,
        skip: ["llmAlone"],
        joint: { ...joint, projection: { ...joint.projection, pooling } },
      },
    });
    const said = async (of: RunConfig): Promise<Record<string, Float32Array>> => {
      const { result } = await smallRun(of);
      return Object.fromEntries(
        ["crm-stage-1", "llm"].map((name) => [name, probabilitiesOf(result.test, name)!]),
      );
    };
    for (const of of [config, smallConfig]) {
      const [last, mean] = [await said(pooled("last", of)), await said(pooled("mean", of))];
      expect(mean["crm-stage-1"]).toEqual(last["crm-stage-1"]);
      expect(mean["llm"]).not.toEqual(last["llm"]);
      expect(mean["llm"]!.every((p) => p > 0 && p < 1)).toBe(true);
    }
  },
);
