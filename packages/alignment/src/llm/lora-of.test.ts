import { loraParams, tinyLlamaConfig } from "@corella/llm";
import { expect, test } from "vitest";
import { loraOf } from "./lora-of.ts";

const decoder = tinyLlamaConfig({
  vocabularySize: 20,
  hiddenSize: 8,
  layers: 12,
  heads: 2,
  keyValueHeads: 1,
  intermediateSize: 16,
});
const lora = { rank: 4, alpha: 8, dropout: 0, targetModules: ["q_proj", "down_proj"], rsLora: false };

test("an adapter of the last blocks has the parameters of these blocks, and no other", () => {
  const all = loraParams(decoder, loraOf(lora, decoder));
  const last = loraParams(decoder, loraOf({ ...lora, lastLayers: 3 }, decoder));
  const expected = Object.fromEntries(
    Object.entries(all).filter(([name]) => /\.layers\.(9|10|11)\./.test(name)),
  );
  expect(Object.keys(expected)).toHaveLength(3 * 2 * 2);
  expect(last).toEqual(expected);
  expect(loraParams(decoder, loraOf({ ...lora, lastLayers: 12 }, decoder))).toEqual(all);
});

test("more blocks than there are, and a target that is none, are refused", () => {
  expect(() => loraOf({ ...lora, lastLayers: 13 }, decoder)).toThrow(
    expect.objectContaining({ code: "config/lora-layers" }),
  );
  expect(() => loraOf({ ...lora, lastLayers: 3, targetModules: ["q_prj"] }, decoder)).toThrow(
    expect.objectContaining({ code: "llm/lora-target" }),
  );
});
