import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseSearch, tuneUnits } from "@corella/alignment";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createProcesses } from "./processes.ts";

const own = process.execArgv;
beforeAll(() => {
  process.execArgv = ["--conditions=source", "--import", "tsx"];
});
afterAll(() => {
  process.execArgv = own;
});

/** The processes that have trained trials. */
function trainers(folder: string): number[] {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const notes = files.filter((name) => name.endsWith("spent.jsonl"));
  const attempts = notes.flatMap((name) => [
    ...readFileSync(join(folder, name), "utf8").matchAll(/"attempt":"[^"]*\/(\d+)\//g),
  ]);
  return [...new Set(attempts.map(([, pid]) => Number(pid)))];
}

test("a process that was killed while it had nothing to do is not asked again", async () => {
  const folder = mkdtempSync(join(tmpdir(), "corella-processes-"));
  const rows = Array.from({ length: 200 }, (_, i) => `${i % 12},${(i * 7) % 20},${i % 3 ? 5 : 2},${i}`);
  writeFileSync(join(folder, "ratings.csv"), rows.join("\n"));
  const content = {
    data: {
      source: { ratings: { path: "ratings.csv", columns: { user: 0, item: 1, rating: 2, time: 3 } } },
      label: { threshold: 4 },
    },
    features: [{ name: "item", type: "categorical", field: "item" }],
    crm: { model: "FM", embeddingDim: 2 },
    stages: { warmUp: { epochs: 1, batchSize: 64 } },
  };
  const places = { baseFolder: folder, cacheFolder: join(folder, "cache") };
  const trialsFolder = join(folder, "trials");
  const { runUnit, stop } = createProcesses({ ...places, threads: 1 });
  let killed: number | undefined;
  const listener = {
    async ended() {
      if (killed !== undefined) return;
      [killed] = trainers(trialsFolder);
      process.kill(killed!, "SIGKILL");
      await vi.waitFor(() => expect(() => process.kill(killed!, 0)).toThrow("ESRCH"), 10_000);
      await delay(100);
    },
  };
  const search = parseSearch({ seeds: 2, stopping: "none" }, "s.yaml");
  const options = { ...places, trialsFolder, place: "c.yaml", slots: () => 1, runUnit, listener };
  try {
    const { seeds } = await tuneUnits(content, search, options);
    expect(seeds).toHaveLength(2);
    expect(trainers(trialsFolder)).toHaveLength(2);
  } finally {
    stop();
  }
}, 60_000);
