import { cutPrompt } from "@corella/llm";
import { catalogueFromLog, createPrompt, recordAt } from "@corella/modality";
import { expect, test } from "vitest";
import { createLlmPrompt } from "./llm-prompt.ts";
import { countPromptCuts, describePromptCuts, fittingLimit } from "./prompt-cuts.ts";
import { tinyLlm, tinyLog } from "./testing.ts";

const log = tinyLog();
const catalogue = catalogueFromLog(log);
const records = Array.from({ length: 40 }, (_, i) => recordAt(log, 100 + 5 * i));
const llm = await tinyLlm(log);
const lengthOf = (text: string): number => llm.tokenizer.countTokens(text);
const readLengthOf = (text: string): number => lengthOf(cutPrompt(text, llm.answers));
const events = (text: string): number => text.split("/").length;

test("cut prompts and what they tell are those that the LLM reads", () => {
  const { maxTokens: _, ...unlimited } = llm.prompt;
  const whole = records.map((record) => createPrompt(unlimited).render(record, catalogue));
  const lengths = whole.map(lengthOf).toSorted((a, b) => a - b);
  for (const maxTokens of [lengths[0]! - 1, lengths[20]!, lengths.at(-1)!]) {
    const asking = { ...llm, maxTokens };
    const cuts = countPromptCuts(asking, records, catalogue);
    const prompt = createLlmPrompt(asking);
    const read = records.map((record) => prompt.render(record, catalogue));
    expect(cuts).toMatchObject({ prompts: 40, maxTokens, lengths });
    expect(cuts.readLengths).toEqual(whole.map(readLengthOf).toSorted((a, b) => a - b));
    expect(cuts.cut).toBe(
      read.filter((text, i) => text !== whole[i] || readLengthOf(text) > maxTokens).length,
    );
    const missing = read.reduce((sum, text, i) => sum + events(whole[i]!) - events(text), 0);
    expect(cuts.wanted - cuts.told).toBeCloseTo(missing / 40, 9);
  }
});

test("the space that belongs to the answer is no part of what the LLM reads, and where it alone is too long nothing is cut", () => {
  const record = { ...records[0]!, history: [] };
  const length = lengthOf(createPrompt({ ...llm.prompt, maxTokens: undefined }).render(record, catalogue));
  expect(llm.answers.dangling).toBe(" ");
  const asking = { ...llm, maxTokens: length - 1 };
  const lengths = { lengths: [length], readLengths: [length - 1] };
  expect(countPromptCuts(asking, [record], catalogue)).toMatchObject({ cut: 0, ...lengths });
  expect(countPromptCuts({ ...asking, maxTokens: length - 2 }, [record], catalogue).cut).toBe(1);
  // Before the answers are known the prompt is counted to its end.
  const unknown = { ...asking, answers: undefined };
  expect(countPromptCuts(unknown, [record], catalogue)).toMatchObject({ cut: 1, readLengths: [length] });
});

test("the limit that fits a share of the prompts is a multiple of 32, and no smaller one does", () => {
  const lengths = Array.from({ length: 200 }, (_, i) => i + 1);
  expect(fittingLimit({ lengths }, 0.95)).toBe(192);
  expect(fittingLimit({ lengths }, 0.96)).toBe(192);
  expect(fittingLimit({ lengths }, 0.97)).toBe(224);
  expect(fittingLimit({ lengths: [32] }, 0.99)).toBe(32);
  expect(fittingLimit({ lengths: [] }, 0.99)).toBe(32);
});

test("it is told in a sentence", () => {
  const cuts = {
    prompts: 4,
    cut: 3,
    told: 3.64,
    wanted: 9.99,
    maxTokens: 128,
    lengths: [120, 200, 210, 250],
    readLengths: [119, 199, 209, 249],
  };
  expect(describePromptCuts(cuts)).toBe(
    "3 of 4 prompts looked at are cut to 128 tokens: on average they tell 3.6 of 10.0 events of the history. 256 tokens would hold 95 % of them.",
  );
  expect(describePromptCuts({ ...cuts, cut: 0 })).toBe("0 of 4 prompts looked at are cut to 128 tokens.");
});
