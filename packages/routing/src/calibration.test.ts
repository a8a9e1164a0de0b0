import { logLoss } from "@corella/metrics";
import { expect, test } from "vitest";
import { drawn } from "./drawn.test-helper.ts";
import { calibrate, fitPlatt, fitTemperature, logit, sigmoid } from "./index.ts";

test("temperature and Platt scaling undo a known distortion", () => {
  const { pCrm, labels } = drawn({ count: 20_000, weight: 0 });
  const tooSure = pCrm.map((p) => sigmoid(2 * logit(p)));
  const scaled = fitTemperature(tooSure, labels);
  expect(scaled.temperature).toBeGreaterThan(1.9);
  expect(scaled.temperature).toBeLessThan(2.1);
  expect(scaled.logLoss).toBeLessThan(logLoss(tooSure, labels));
  expect(scaled.logLoss).toBe(logLoss(calibrate(tooSure, scaled), labels));

  const shifted = pCrm.map((p) => sigmoid(2 * logit(p) + 1));
  const platt = fitPlatt(shifted, labels);
  expect(Math.abs(platt.slope - 0.5)).toBeLessThan(0.03);
  expect(Math.abs(platt.intercept + 0.5)).toBeLessThan(0.05);
});

test("calibration of separable, useless and one-class rows stays finite", () => {
  for (const [p, y] of [
    [
      [0.2, 0.8],
      [0, 1],
    ],
    [
      [0.8, 0.2],
      [0, 1],
    ],
    [
      [0.5, 0.5],
      [0, 1],
    ],
    [
      [0.3, 0.6],
      [1, 1],
    ],
    [
      [0, 1],
      [0, 1],
    ],
  ] as const) {
    for (const fit of [fitTemperature(p, y), fitPlatt(p, y)]) {
      for (const value of [fit.slope, fit.intercept, fit.logLoss]) expect(Number.isFinite(value)).toBe(true);
    }
  }
  expect(fitTemperature([0.8, 0.2], [0, 1]).temperature).toBe(1000);
});
