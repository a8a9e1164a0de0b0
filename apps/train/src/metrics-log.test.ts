import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { MetricsLog } from "./metrics-log.ts";

const loss = (phase: string, step: number): { phase: string; step: number; loss: number } => ({
  phase,
  step,
  loss: 1,
});
const text = (...lines: object[]): string => lines.map((line) => `${JSON.stringify(line)}\n`).join("");

test("a resumed run writes what came after its checkpoint anew, behind a line that was cut off", async () => {
  const path = join(mkdtempSync(join(tmpdir(), "corella-metrics-")), "metrics.jsonl");
  writeFileSync(
    path,
    `${text(loss("stage-0", 1), loss("stage-1", 1), loss("stage-1", 2))}{"phase":"stage-1","st`,
  );
  const log = new MetricsLog(path);
  log.rewind("stage-1", 1);
  log.add(loss("stage-1", 2));
  await log.flush();
  expect(readFileSync(path, "utf8")).toBe(text(loss("stage-0", 1), loss("stage-1", 1), loss("stage-1", 2)));

  writeFileSync(path, `${text(loss("stage-1", 1))}{"pha`);
  log.rewind("stage-1", 5);
  await log.flush();
  expect(readFileSync(path, "utf8")).toBe(text(loss("stage-1", 1)));
});

test("a log that cannot be written is told by the flush that is awaited, and ends nothing before", async () => {
  const log = new MetricsLog(join(tmpdir(), "corella-nowhere", "metrics.jsonl"));
  for (let step = 0; step < 60; step++) log.add(loss("stage-1", step));
  await new Promise((resolve) => setTimeout(resolve, 50));
  await expect(log.flush()).rejects.toMatchObject({ code: "ENOENT" });
});
