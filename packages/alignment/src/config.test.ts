import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { z } from "zod";
import { parseRunConfig, runConfigSchema } from "./config.ts";

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

test("docs/configuration.md names every setting", () => {
  const text = readFileSync(join(import.meta.dirname, "../../../docs/configuration.md"), "utf8");
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
