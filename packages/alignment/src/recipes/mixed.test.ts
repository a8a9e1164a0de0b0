import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { routingSignals } from "@corella/bundle";
import { recordsAt } from "@corella/modality";
import { fitRouter, route } from "@corella/routing";
import { expect, test } from "vitest";
import { parseRunConfig } from "../config/config.ts";
import { prepareData } from "../data.ts";
import { smallData, writeSmallData } from "../small-data.test-helper.ts";
import { routingCurveOf, signalsAt } from "./mixed.ts";

const folder = await mkdtemp(join(tmpdir(), "corella-mixed-"));
await writeSmallData(folder);

test.each([[[]], [[{ name: "seen", type: "statistic", value: "count", by: "item" }]]])(
  "a router knows of rows what it knows of their records, with the further features %j",
  async (further) => {
    const features = [...smallData.features, ...further];
    const config = parseRunConfig({ name: "test", ...smallData, features }, "test.yaml");
    const data = await prepareData(config, folder, join(folder, "cache"));
    const { log, split, featureMap, catalogue } = data;
    const { historyLengths, userEvents, itemEvents } = signalsAt(data, split.test);
    const ofRecords = routingSignals(recordsAt(log, split.test, featureMap), { featureMap, catalogue });
    expect(Array.from(historyLengths)).toEqual(Array.from(ofRecords.historyLengths));
    expect(Array.from(userEvents!)).toEqual(Array.from(ofRecords.userEvents!));
    expect(itemEvents && Array.from(itemEvents)).toEqual(
      ofRecords.itemEvents && Array.from(ofRecords.itemEvents),
    );
    // The log is in the order of time, and no two of its events are of one instant.
    const before = (row: number, column: Int32Array): number =>
      column.subarray(0, row).filter((code) => code === column[row]).length;
    expect(Array.from(userEvents!)).toEqual(Array.from(split.test, (row) => before(row, log.user)));
    expect(Array.from(historyLengths)).toEqual(Array.from(userEvents!, (events) => Math.min(events, 5)));
    expect(itemEvents && Array.from(itemEvents)).toEqual(
      further.length === 0 ? undefined : Array.from(split.test, (row) => before(row, log.item)),
    );
  },
);

const labels = Uint8Array.from({ length: 400 }, (_, row) => (row % 3 === 0 ? 1 : 0));
// Of 50 values each, so that some rows are equally uncertain.
const pCrm = Float32Array.from(labels, (label, row) => (1 + ((row * 7) % 50)) / 60 + 0.1 * label);
const pLlm = Float32Array.from(labels, (label, row) => (1 + ((row * 11) % 50)) / 80 + 0.3 * label);

test("the curve of a bundle tells the thresholds that send its shares to the LLM", () => {
  const fitted = fitRouter({ pCrm, pLlm, labels }, { share: "auto", mix: "addLogits" });
  const { by, best, points } = routingCurveOf(fitted, pCrm);
  expect([by, best]).toEqual(["entropy", fitted.curve.best]);
  expect(points.length).toBeGreaterThan(15);
  for (const [index, { share, threshold, auc, logLoss, gain }] of points.entries()) {
    const { toLlm } = route(pCrm, { kind: "threshold", entropy: threshold! });
    expect(toLlm.length / labels.length).toBe(share);
    const point = fitted.curve.points[index]!;
    expect([auc, logLoss, gain]).toEqual([point.auc, point.logLoss, point.gain.mean]);
  }
});

test("a curve of a learned order has no thresholds of entropy, and what is no number is null", () => {
  const alone = { share: 0, auc: Number.NaN, logLoss: 0.5, gain: { mean: 0, standardError: Infinity } };
  const model = { longestHistory: 1, coefficients: [] };
  const told = routingCurveOf(
    { curve: { best: 0, points: [alone] }, hard: { kind: "gain", above: 0, model } },
    pCrm,
  );
  expect(told).toEqual({
    by: "gain",
    best: 0,
    points: [{ share: 0, threshold: null, auc: null, logLoss: 0.5, gain: 0, standardError: null }],
  });
});
