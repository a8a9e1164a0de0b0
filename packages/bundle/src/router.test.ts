import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fitMix, fitRouter, mixKinds, route, routeAndMix, type MixRule } from "@corella/routing";
import { expect, test } from "vitest";
import type { Lane } from "./lane.ts";
import { createPredictor } from "./predictor.ts";
import { readRouter, routerFile, type Router } from "./router.ts";

async function readBack(router: unknown): Promise<Router> {
  const folder = await mkdtemp(join(tmpdir(), "corella-router-"));
  await writeFile(join(folder, routerFile), JSON.stringify(router));
  return readRouter(folder);
}

const pCrm = Float32Array.from({ length: 60 }, (_, row) => ((row * 37) % 61) / 61);
const pLlm = Float32Array.from({ length: 60 }, (_, row) => ((row * 23 + 5) % 67) / 67);
const userEvents = Uint8Array.from({ length: 60 }, (_, row) => [0, 3, 30][row % 3]!);
const signals = { historyLengths: userEvents, userEvents };
const labels = Uint8Array.from({ length: 60 }, (_, row) => ((row * row) % 3) % 2);

/** Answers records by their place in the arrays above. */
function lane(probabilities: Float32Array): Lane {
  return {
    score: async (records) => Float32Array.from(records, ({ item }) => probabilities[Number(item)]!),
    dispose: async () => {},
  };
}

test.each(mixKinds)("%s: what was fitted is kept in the file, and online as it was offline", async (mix) => {
  const { policy, rule } = fitRouter({ pCrm, pLlm, labels, signals }, { share: 0.5, mix });
  const router = { policy, mix: rule };
  const read = await readBack(router);
  expect(read).toEqual(router);
  const predictor = createPredictor({ crm: lane(pCrm), llm: lane(pLlm) }, read);
  const records = Array.from(userEvents, (earlier, row) => ({
    user: null,
    item: String(row),
    history: [],
    earlier,
  }));
  const answers = await predictor.score(records);
  const offline = routeAndMix(pCrm, pLlm, policy, rule, signals).probabilities;
  expect(answers.map(({ probability }) => probability)).toEqual([...offline]);
});

test("a learned policy: the file keeps it, and records are routed as the log's rows were", async () => {
  const historyLengths = Array.from(pCrm, (_, row) => (row * 7) % 13);
  const model = { longestHistory: 8, coefficients: [0.1, 0.2, -0.1, 0.3, -0.4, -0.05] };
  const router: Router = { policy: { kind: "gain", above: 0.06, model }, mix: { kind: "replace" } };
  const read = await readBack(router);
  expect(read).toEqual(router);
  const predictor = createPredictor({ crm: lane(pCrm), llm: lane(pLlm) }, read);
  const records = historyLengths.map((length, row) => ({
    user: null,
    item: String(row),
    history: Array.from({ length }, () => ({ item: "a", rating: 3 })),
  }));
  const answers = await predictor.score(records);
  const { toLlm } = route(pCrm, router.policy, { historyLengths });
  expect(answers.flatMap((answer, row) => (answer.route === "llm" ? [row] : []))).toEqual([...toLlm]);
  expect(toLlm.length % 60).toBeGreaterThan(5);
});

test("the router of a bundle from before calibrations still opens", async () => {
  const before = { policy: { kind: "threshold", entropy: 0.6 }, mix: { kind: "addLogits", weight: 0.5 } };
  expect(await readBack(before)).toEqual(before);
  expect(await readBack({ ...before, mix: { kind: "replace" } })).toMatchObject({ mix: { kind: "replace" } });
});

test("a calibration that falls is refused when it is used, and an unknown one when it is read", async () => {
  const falling: MixRule = {
    kind: "replace",
    calibration: { kind: "isotonic", at: [0, 1], value: [0.6, 0.4] },
  };
  const predictor = createPredictor(
    { crm: lane(pCrm), llm: lane(pLlm) },
    await readBack({ policy: { kind: "all" }, mix: falling }),
  );
  const [answer] = await predictor.score([{ user: null, item: "3", history: [] }]);
  expect(answer!.degraded).toMatchObject({ reason: "failed", code: "routing/bad-rule" });
  await expect(
    readBack({ policy: { kind: "all" }, mix: { kind: "replace", calibration: { kind: "beta" } } }),
  ).rejects.toMatchObject({ code: expect.stringContaining("bundle/") });
});

test("where the LLM is of no use the router asks nothing", async () => {
  const { policy, rule } = fitRouter(
    { pCrm, pLlm: pLlm.map(() => 0.5), labels },
    { share: 1, mix: "addLogits" },
  );
  expect([policy, rule]).toEqual([{ kind: "none" }, { kind: "addLogits", weight: 0, bias: 0 }]);
  expect(
    fitMix("addLogits", { pCrm, pLlm: pCrm.map((p) => 1 - p), labels: pCrm.map((p) => (p > 0.5 ? 1 : 0)) })
      .rule.weight,
  ).toBe(0);
});
