import { shareCurve } from "@corella/routing";
import { expect, test } from "vitest";
import { renderReport } from "../index.ts";
import { sampleReport } from "../sample.test-helper.ts";
import { sharesSection } from "./shares-section.ts";

const pCrm = Float32Array.from({ length: 40 }, (_, row) => (row + 1) / 42);
const labels = pCrm.map((_, row) => (row % 3 === 0 ? 1 : 0));
const curve = shareCurve({ pCrm, pLlm: labels.map((y) => 0.2 + 0.6 * y), labels }, "replace");

test("a picture for AUC and logloss each, and the numbers of every share", () => {
  const html = sharesSection(curve);
  expect(html.match(/<svg/g)).toHaveLength(2);
  expect(html.match(/<tr>/g)).toHaveLength(1 + curve.points.length);
  expect(html).toContain(
    '<th scope="row">100.0 %</th><td data-label="AUC">1.0000</td><td data-label="logloss">0.2231</td>',
  ); // -log 0.8
  expect(html.match(/<td>best</g)).toHaveLength(1);
});

test("it stands in a report where there is a curve, with ids of its own", () => {
  const report = sampleReport(200, 20);
  const html = renderReport({ ...report, shares: curve });
  const ids = [...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(html).toContain("What each share to the LLM brings");
  expect(renderReport(report)).not.toContain("What each share");
  expect(sharesSection({ points: curve.points.slice(0, 1), best: 0 })).toBe("");
});
