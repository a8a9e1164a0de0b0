import { expect, test } from "vitest";
import { parseRunConfig } from "../config/config.ts";
import { withRunSettings } from "../config/load-config.ts";
import { smallData } from "../small-data.test-helper.ts";
import { systemParts } from "./parts.ts";

const dense = {
  ...smallData,
  features: [...smallData.features, { name: "text", type: "text", vectors: "v.safetensors" }],
  prompt: { template: "{{user_history}}{{target_item}}:", separator: "", emptyHistory: "" },
  llm: { supervision: "dense" },
  routing: { policy: "learned", mix: "platt" },
};

const namesOf = (content: object): string[] =>
  systemParts(parseRunConfig(content, "test.yaml")).map(({ name }) => name);

test("the parts of a configuration, each with what the part before it lacks", () => {
  const parts = systemParts(parseRunConfig(dense, "test.yaml"));
  const settings = parts.map(({ variant }) => {
    const { recipe, features, llm, stages, routing } = parseRunConfig(
      withRunSettings(dense, variant.settings),
      "test.yaml",
    );
    const vectors = features!.filter(({ type }) => type === "text").length;
    return [recipe, vectors, llm.supervision, stages.skip ?? [], routing.policy, routing.mix];
  });
  expect(parts.map(({ name }, at) => [name, ...settings[at]!])).toEqual([
    ["crm-without-vectors", "crm-only", 0, "dense", [], "learned", "platt"],
    ["crm", "crm-only", 1, "dense", [], "learned", "platt"],
    ["replace", "corella", 1, "single", ["joint"], "entropy", "addLogits"],
    ["add-logits", "corella", 1, "single", ["joint"], "entropy", "addLogits"],
    ["dense", "corella", 1, "dense", ["joint"], "entropy", "addLogits"],
    ["joint", "corella", 1, "dense", [], "entropy", "addLogits"],
    ["learned", "corella", 1, "dense", [], "learned", "addLogits"],
    ["by-segment", "corella", 1, "dense", [], "learned", "addLogitsBySegment"],
  ]);
  expect(parts.filter(({ prediction }) => prediction !== undefined).map(({ name }) => name)).toEqual([
    "replace",
  ]);
});

test("what a configuration does not have has no row", () => {
  const { routing: _, ...plain } = { ...dense, features: smallData.features, llm: {} };
  expect(namesOf(plain)).toEqual(["crm", "replace", "add-logits", "joint", "learned", "by-segment"]);
  const corrects = { ...plain, stages: { skip: ["joint"], llmAlone: { offset: "crm" } } };
  expect(namesOf(corrects)).toEqual(["crm", "add-logits", "learned", "by-segment"]);
});
