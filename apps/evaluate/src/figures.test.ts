import { expect, test } from "vitest";
import { models } from "./figures.ts";

const predictions = {
  rows: Uint32Array.of(0, 1),
  labels: Float32Array.of(0, 1),
  signals: { historyLengths: Float64Array.of(1, 1) },
  crm: Float32Array.of(0.25, 0.5),
  llm: Float32Array.of(0.75, 0.125),
};
const bundle = { folder: "bundle", runConfig: undefined };

test("what a router serves that asks nobody and replaces is there, and is what the CRM says", () => {
  const router = { policy: { kind: "none" }, mix: { kind: "replace" } } as const;
  const served = models(predictions, { ...bundle, router }).at(-1)!;
  expect(served).toMatchObject({ name: "replace", shareToLlm: 0 });
  expect([...served.probabilities]).toEqual([...predictions.crm]);
});

test("an LLM that corrects the CRM is called so, and replaces nothing", () => {
  const router = { policy: { kind: "all" }, mix: { kind: "addLogits", weight: 1 } } as const;
  const titles = (runConfig?: string): unknown[] =>
    models(predictions, { ...bundle, runConfig, router }).map(({ title }) => title);
  expect(titles("stages: { llmAlone: { offset: crm } }")).toEqual([
    "CRM",
    "the LLM's correction alone",
    "CoReLLa, adding logits",
  ]);
  expect(titles()).toEqual(["CRM", "LLM alone", "CoReLLa, replacing", "CoReLLa, adding logits"]);
});
