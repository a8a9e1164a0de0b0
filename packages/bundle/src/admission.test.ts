import type { RatingRecord } from "@corella/modality";
import { expect, test } from "vitest";
import type { Admitted, Routed } from "./admission.ts";
import type { Lane } from "./lane.ts";
import { createPredictor } from "./predictor.ts";

const records: RatingRecord[] = ["easy", "hard", "harder", "hardest"].map((item) => ({
  user: null,
  item,
  history: [],
}));
const pCrmOf: Record<string, number> = { easy: 0.9375, hard: 0.375, harder: 0.4375, hardest: 0.5 };
const router = { policy: { kind: "threshold", entropy: 0.6 }, mix: { kind: "replace" } } as const;

function lanes(asked: string[], fails = false): { crm: Lane; llm: Lane } {
  const dispose = async (): Promise<void> => {};
  return {
    crm: { score: async (batch) => Float32Array.from(batch, ({ item }) => pCrmOf[item]!), dispose },
    llm: {
      async score(batch) {
        asked.push(...batch.map(({ item }) => item));
        if (fails) throw new TypeError("x");
        return new Float32Array(batch.length).fill(0.25);
      },
      dispose,
    },
  };
}

const rowsOf = (...rows: number[]): Uint32Array => Uint32Array.from(rows);

test("what is admitted goes, what is refused says so, and the rest is as if it had not been routed", async () => {
  const seen: Routed[] = [];
  let settled = 0;
  const admit = (routed: Routed): Admitted => {
    seen.push(routed);
    return { rows: rowsOf(3), refused: rowsOf(2), settle: () => void (settled += 1) };
  };
  const asked: string[] = [];
  const predictor = createPredictor(lanes(asked), router, { admission: { admit } });
  const answers = await predictor.score(records);
  expect(asked).toEqual(["hardest"]);
  expect(answers.map(({ route }) => route)).toEqual(["crm", "crm", "crm", "llm"]);
  expect(answers.map(({ degraded }) => degraded?.reason)).toEqual([
    undefined,
    undefined,
    "budget",
    undefined,
  ]);
  expect(answers[2]).toMatchObject({ probability: 0.4375, degraded: { code: "bundle/budget" } });
  expect(settled).toBe(1);
  expect([...seen[0]!.toLlm]).toEqual([1, 2, 3]);
  // Of every record, also of those that are easy: -p ln p - (1 - p) ln (1 - p).
  expect([...seen[0]!.entropy].map((nats) => nats.toFixed(4))).toEqual([
    "0.2338",
    "0.6616",
    "0.6853",
    "0.6931",
  ]);
  await predictor.score([records[0]!]);
  expect(seen[1]!.toLlm).toHaveLength(0);
});

test("it may route in place of the bundle's policy, unless a call names one", async () => {
  const seen: [number, boolean][] = [];
  const admission = {
    policy: { kind: "all" } as const,
    admit({ toLlm, chosen }: Routed): Admitted {
      seen.push([toLlm.length, chosen]);
      return { rows: toLlm, refused: new Uint32Array(0) };
    },
  };
  const asked: string[] = [];
  const predictor = createPredictor(lanes(asked), router, { admission });
  await predictor.score(records);
  await predictor.score(records, { policy: { kind: "threshold", entropy: 0.69 } });
  expect(seen).toEqual([
    [4, false],
    [1, true],
  ]);
  expect(asked).toEqual(["easy", "hard", "harder", "hardest", "hardest"]);
});

test("it learns that the LLM is done, also when that has failed", async () => {
  let settled = 0;
  const admit = ({ toLlm }: Routed): Admitted => ({
    rows: toLlm,
    refused: new Uint32Array(0),
    settle: () => void (settled += 1),
  });
  const predictor = createPredictor(lanes([], true), router, { admission: { admit } });
  const answers = await predictor.score(records);
  expect(answers[3]!.degraded!.reason).toBe("failed");
  expect(settled).toBe(1);
});

test("what lanes with a queue refuse has its own reasons, and time is counted from the call", async () => {
  const hang: Lane = { score: () => new Promise(() => {}), dispose: async () => {} };
  const { crm } = lanes([]);
  const late = createPredictor({ crm, llm: hang }, router);
  for (const limit of [{ llmTimeoutMs: 10 }, { timeoutMs: 10 }, { timeoutMs: 10, llmTimeoutMs: 60_000 }]) {
    const answers = await late.score(records, limit);
    expect(answers[3]).toMatchObject({
      probability: 0.5,
      degraded: { reason: "timeout", code: "TimeoutError" },
    });
  }
  const slow = createPredictor({ crm: hang, llm: hang }, router);
  await expect(slow.score(records, { timeoutMs: 10 })).rejects.toMatchObject({ name: "TimeoutError" });
});
