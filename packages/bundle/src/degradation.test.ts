import { Worker } from "node:worker_threads";
import { CorellaError } from "@corella/errors";
import type { RatingRecord } from "@corella/modality";
import { afterEach, describe, expect, test } from "vitest";
import type { Lane } from "./lane.ts";
import { createPredictor, type Predictor } from "./predictor.ts";
import { connectLane } from "./worker-lane.ts";

const records: RatingRecord[] = ["easy", "hard", "harder"].map((item) => ({ user: null, item, history: [] }));
const pCrmOf: Record<string, number> = { easy: 0.9375, hard: 0.5, harder: 0.5 };

/** Batches that the CRM was asked about. */
let askedOfCrm: number[] = [];
afterEach(() => {
  askedOfCrm = [];
});
const crm: Lane = {
  async score(batch) {
    askedOfCrm.push(batch.length);
    return Float32Array.from(batch, ({ item }) => pCrmOf[item]!);
  },
  dispose: async () => {},
};

function llmThat(score: Lane["score"]): Lane {
  return { score, dispose: async () => {} };
}

function predictorWith(llm: Lane): Predictor {
  return createPredictor(
    { crm, llm },
    { policy: { kind: "threshold", entropy: 0.6 }, mix: { kind: "replace" } },
  );
}

/** The answers: the CRM's to all, with the same mark on both hard samples; the CRM was asked once. */
async function expectDegraded(
  predictor: Predictor,
  expected: { reason: string; code: string },
  options: Parameters<Predictor["score"]>[1] = {},
): Promise<unknown> {
  const answers = await predictor.score(records, options);
  expect(askedOfCrm).toEqual([3]);
  expect(answers.map(({ probability }) => probability)).toEqual([0.9375, 0.5, 0.5]);
  expect(answers.map(({ pCrm }) => pCrm)).toEqual([0.9375, 0.5, 0.5]);
  for (const answer of answers) {
    expect(answer.route).toBe("crm");
    expect(answer).not.toHaveProperty("pLlm");
  }
  expect(answers[0]).not.toHaveProperty("degraded");
  expect(answers[1]!.degraded).toMatchObject(expected);
  expect(answers[2]!.degraded).toBe(answers[1]!.degraded);
  return answers[1]!.degraded!.cause;
}

const neverAnswers = llmThat(() => new Promise(() => {}));

describe("the CRM's answers are kept, and say why", () => {
  test("when the LLM throws a known error or a defect, later or at once", async () => {
    const known = new CorellaError({ code: "llm/remote-status", message: "503" });
    const failing = predictorWith(llmThat(() => Promise.reject(known)));
    expect(await expectDegraded(failing, { reason: "failed", code: "llm/remote-status" })).toBe(known);
    askedOfCrm = [];
    const throwing = predictorWith(
      llmThat(() => {
        throw new TypeError("a defect");
      }),
    );
    await expectDegraded(throwing, { reason: "failed", code: "TypeError" });
  });

  test("when the LLM's answers are no probabilities", async () => {
    const predictor = predictorWith(llmThat(async (batch) => new Float32Array(batch.length).fill(NaN)));
    await expectDegraded(predictor, { reason: "failed", code: "routing/not-a-probability" });
  });

  test("when the LLM never answers and its time is up", async () => {
    const llmSignal = AbortSignal.timeout(20);
    await expectDegraded(
      predictorWith(neverAnswers),
      { reason: "timeout", code: "TimeoutError" },
      { llmSignal },
    );
  });

  test("when its time was up before it could be asked", async () => {
    let asked = false;
    const llm = llmThat(async (batch) => {
      asked = true;
      return new Float32Array(batch.length);
    });
    const llmSignal = AbortSignal.abort(new DOMException("too late", "TimeoutError"));
    await expectDegraded(predictorWith(llm), { reason: "timeout", code: "TimeoutError" }, { llmSignal });
    expect(asked).toBe(false);
  });

  test("when the wait for it is aborted, whatever its lane makes of that", async () => {
    const wrapping = llmThat(
      (_, signal) =>
        new Promise((_resolve, reject) => {
          signal!.addEventListener("abort", () =>
            reject(new CorellaError({ code: "llm/other", message: "x" })),
          );
        }),
    );
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 10);
    await expectDegraded(
      predictorWith(wrapping),
      { reason: "aborted", code: "AbortError" },
      { llmSignal: abort.signal, signal: new AbortController().signal },
    );
  });

  test("when its thread dies, at this call and at the next", async () => {
    const worker = new Worker(
      `const { parentPort } = require("node:worker_threads");
       parentPort.on("message", () => process.exit(3));
       parentPort.postMessage({ kind: "ready" });`,
      { eval: true },
    );
    const predictor = predictorWith(await connectLane(worker, "llm"));
    const cause = await expectDegraded(predictor, { reason: "failed", code: "bundle/lane" });
    expect(cause).toMatchObject({ message: "The thread of the LLM ended: exit code 3." });
    askedOfCrm = [];
    await expectDegraded(predictor, { reason: "failed", code: "bundle/lane" });
    await predictor.dispose();
  });
});

describe("what cannot be kept is an error", () => {
  test("a call that nobody waits for, while either model works", async () => {
    for (const lanes of [
      { crm, llm: neverAnswers },
      { crm: neverAnswers, llm: crm },
    ]) {
      const predictor = createPredictor(lanes, { policy: { kind: "all" }, mix: { kind: "replace" } });
      const abort = new AbortController();
      const answer = predictor.score(records, {
        signal: abort.signal,
        llmSignal: AbortSignal.timeout(60_000),
      });
      setTimeout(() => abort.abort(), 10);
      await expect(answer).rejects.toMatchObject({ name: "AbortError" });
    }
    expect(askedOfCrm).toEqual([3]);
  });

  test("a call that nobody waits for is an abort also where the LLM's time is up", async () => {
    const signal = AbortSignal.abort();
    await expect(predictorWith(neverAnswers).score(records, { signal, llmSignal: signal })).rejects.toBe(
      signal.reason,
    );
    expect(askedOfCrm).toEqual([]);
  });

  test("a CRM that fails", async () => {
    const failure = new CorellaError({ code: "bundle/lane", message: "x" });
    let asked = 0;
    const failing = llmThat(() => {
      asked += 1;
      return Promise.reject(failure);
    });
    const predictor = createPredictor(
      { crm: failing, llm: crm },
      { policy: { kind: "none" }, mix: { kind: "replace" } },
    );
    await expect(predictor.score(records)).rejects.toBe(failure);
    expect(asked).toBe(1);
  });

  test("an LLM alone that fails, or whose time is up", async () => {
    const failing = createPredictor({ llm: llmThat(() => Promise.reject(new TypeError("x"))) });
    await expect(failing.score(records)).rejects.toThrow(TypeError);
    const late = createPredictor({ llm: neverAnswers });
    await expect(late.score(records, { llmSignal: AbortSignal.timeout(10) })).rejects.toMatchObject({
      name: "TimeoutError",
    });
  });
});

test("lanes and router that do not fit are refused", () => {
  const router = { policy: { kind: "none" }, mix: { kind: "replace" } } as const;
  expect(() => createPredictor({})).toThrow(expect.objectContaining({ code: "bundle/empty" }));
  expect(() => createPredictor({ crm }, router)).toThrow(expect.objectContaining({ code: "bundle/router" }));
  expect(() => createPredictor({ crm, llm: crm })).toThrow(
    expect.objectContaining({ code: "bundle/router" }),
  );
});
