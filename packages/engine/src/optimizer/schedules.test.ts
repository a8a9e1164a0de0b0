import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  constantSchedule,
  cosineSchedule,
  linearSchedule,
  type Decay,
  type PlateauOptions,
  type Schedule,
  type Warmup,
} from "../index.ts";
import { plateauStep, plateauStart, type PlateauState } from "./schedules.ts";

/** Made by tooling/reference/make_schedule_goldens.py. */
const golden = JSON.parse(readFileSync(join(import.meta.dirname, "../goldens/schedules.json"), "utf8")) as {
  readonly schedules: readonly { kind: keyof typeof makers; options: Warmup & Decay; factors: number[] }[];
  /** null: not a number */
  readonly measures: readonly (number | null)[];
  readonly plateaus: readonly { options: PlateauOptions; scales: number[] }[];
};
const makers: Readonly<Record<"constant" | "linear" | "cosine", (options: Warmup & Decay) => Schedule>> = {
  constant: constantSchedule,
  linear: linearSchedule,
  cosine: cosineSchedule,
};

describe("the factors of torch and transformers", () => {
  for (const { kind, options, factors } of golden.schedules) {
    test(`${kind} ${JSON.stringify(options)}`, () => {
      const schedule = makers[kind](options);
      // torch's cosine goes up again after its last step; here the floor stays.
      const compared = kind === "cosine" ? factors.slice(0, options.steps + 1) : factors;
      for (const [step, factor] of compared.entries()) expect(schedule(step)).toBeCloseTo(factor, 12);
      if (kind === "cosine") expect(schedule(39)).toBeCloseTo(options.floor ?? 0, 12);
    });
  }

  for (const { options, scales } of golden.plateaus) {
    test(`plateau ${JSON.stringify(options)}, resumed at every measure`, () => {
      let state = plateauStart;
      const seen = golden.measures.map((measure) => {
        state = JSON.parse(
          JSON.stringify(plateauStep(state, measure ?? Number.NaN, options)),
        ) as PlateauState;
        return state.scale;
      });
      for (const [i, scale] of scales.entries()) expect(seen[i]).toBeCloseTo(scale, 12);
      expect(new Set(scales).size).toBeGreaterThan(1);
    });
  }
});

test("a warm-up ends at 1, and no warm-up begins there", () => {
  expect([0, 1, 2, 3].map(constantSchedule({ warmupSteps: 4 }))).toEqual([0.25, 0.5, 0.75, 1]);
  expect([0, 1, 2, 3, 4].map(constantSchedule({ warmupSteps: 4, fromZero: true }))).toEqual([
    0, 0.25, 0.5, 0.75, 1,
  ]);
  expect(linearSchedule({ steps: 3 })(0)).toBe(1);
  expect(cosineSchedule({ steps: 3, warmupSteps: 3 })(3)).toBe(1);
});
