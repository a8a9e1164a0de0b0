import { spawnSync } from "node:child_process";
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

test("a resumed run writes what came after its checkpoint anew, behind a line that was cut off", () => {
  const path = join(mkdtempSync(join(tmpdir(), "corella-metrics-")), "metrics.jsonl");
  writeFileSync(
    path,
    `${text(loss("stage-0", 1), loss("stage-1", 1), loss("stage-1", 2))}{"phase":"stage-1","st`,
  );
  const log = new MetricsLog(path);
  log.rewind("stage-1", 1);
  log.add(loss("stage-1", 2));
  expect(readFileSync(path, "utf8")).toBe(text(loss("stage-0", 1), loss("stage-1", 1), loss("stage-1", 2)));

  writeFileSync(path, `${text(loss("stage-1", 1))}{"pha`);
  log.rewind("stage-1", 5);
  expect(readFileSync(path, "utf8")).toBe(text(loss("stage-1", 1)));
});

test("what a phase said of itself before its first step is not there twice when it begins anew", () => {
  const path = join(mkdtempSync(join(tmpdir(), "corella-metrics-")), "metrics.jsonl");
  const validated = { phase: "stage-1", step: 0, validationAuc: 0.5, validationLogLoss: 0.7 };
  const killed = text(loss("stage-0", 1), validated, loss("stage-1", 1));
  writeFileSync(path, killed);
  const log = new MetricsLog(path);
  log.begin({ name: "stage-1", step: 0, validations: [] });
  expect(readFileSync(path, "utf8")).toBe(text(loss("stage-0", 1)));

  // A checkpoint that has it is not validated again.
  writeFileSync(path, killed);
  log.begin({ name: "stage-1", step: 0, validations: [{ step: 0, score: 0.5 }] });
  expect(readFileSync(path, "utf8")).toBe(text(loss("stage-0", 1), validated));
});

test("a line is in the file when it has been added: a process that is killed then loses none", () => {
  const path = join(mkdtempSync(join(tmpdir(), "corella-metrics-")), "metrics.jsonl");
  const killed = spawnSync(
    process.execPath,
    [
      "--conditions=source",
      "--import",
      "tsx",
      "--input-type=module",
      "--eval",
      `const { MetricsLog } = await import(${JSON.stringify(join(import.meta.dirname, "metrics-log.ts"))});
const log = new MetricsLog(${JSON.stringify(path)});
for (let step = 1; step <= 7; step++) log.add({ phase: "stage-1", step, loss: 1 });
process.kill(process.pid, "SIGKILL");`,
    ],
    { cwd: join(import.meta.dirname, "../../..") },
  );
  expect(killed.signal).toBe("SIGKILL");
  expect(readFileSync(path, "utf8")).toBe(
    text(...Array.from({ length: 7 }, (_, i) => loss("stage-1", i + 1))),
  );
});

test("a log that cannot be written is told of at the end, and ends nothing before", () => {
  const log = new MetricsLog(join(tmpdir(), "corella-nowhere", "metrics.jsonl"));
  for (let step = 0; step < 60; step++) log.add(loss("stage-1", step));
  expect(() => log.finish()).toThrow(expect.objectContaining({ code: "ENOENT" }));
});
