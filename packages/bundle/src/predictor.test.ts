import type { RatingRecord } from "@corella/modality";
import { expect, test } from "vitest";
import type { Lane } from "./lane.ts";
import { createPredictor } from "./predictor.ts";

const probabilityOf: Record<string, [crm: number, llm: number]> = {
  easy: [0.95, 0.1],
  hard: [0.5, 0.9],
  harder: [0.49, 0.2],
};

function lane(model: 0 | 1, asked: string[][] = []): Lane {
  return {
    async score(records) {
      asked.push(records.map(({ item }) => item));
      return Float32Array.from(records, ({ item }) => probabilityOf[item]![model]);
    },
    dispose: async () => {},
  };
}

const records: RatingRecord[] = ["easy", "hard", "harder"].map((item) => ({ user: null, item, history: [] }));

test("the LLM is asked about the hard samples only, and its answer replaces the CRM's (method section 2)", async () => {
  const asked: string[][] = [];
  const predictor = createPredictor(
    { crm: lane(0), llm: lane(1, asked) },
    { policy: { kind: "threshold", entropy: 0.6 }, mix: { kind: "replace" } },
  );
  const [easy, hard, harder] = await predictor.score(records);
  expect(asked).toEqual([["hard", "harder"]]);
  expect(easy).toMatchObject({ route: "crm", probability: Math.fround(0.95) });
  expect(easy).not.toHaveProperty("pLlm");
  expect(hard).toMatchObject({
    route: "llm",
    probability: Math.fround(0.9),
    pCrm: 0.5,
    pLlm: Math.fround(0.9),
  });
  expect(hard!.entropy).toBeCloseTo(Math.LN2, 6);
  expect(harder!.probability).toBe(Math.fround(0.2));
});

test("logits are added: sigmoid(logit(.5) + .5 logit(.9)) is .75", async () => {
  const predictor = createPredictor(
    { crm: lane(0), llm: lane(1) },
    { policy: { kind: "threshold", entropy: 0.6 }, mix: { kind: "addLogits", weight: 0.5 } },
  );
  // logit(.9) = log 9; half of it is log 3; sigmoid(log 3) = 3 / 4.
  expect((await predictor.score(records))[1]!.probability).toBeCloseTo(0.75, 6);
});

test("a call may bring its own policy", async () => {
  const asked: string[][] = [];
  const predictor = createPredictor(
    { crm: lane(0), llm: lane(1, asked) },
    { policy: { kind: "all" }, mix: { kind: "replace" } },
  );
  const answers = await predictor.score(records, { policy: { kind: "none" } });
  expect(asked).toEqual([]);
  expect(answers.map(({ route }) => route)).toEqual(["crm", "crm", "crm"]);
  expect(await predictor.score([])).toEqual([]);
});
