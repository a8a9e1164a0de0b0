import { createGenerator } from "@corella/random";
import {
  catalogueFromLog,
  createPrompt,
  historyOf,
  loadLog,
  parseDataConfig,
  recordAt,
  recordsAt,
} from "@corella/modality";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { randomRuns, renderRun, targetRuns } from "./target-runs.ts";
import { llmPlan } from "./text-samples.ts";

let log: Awaited<ReturnType<typeof loadLog>>;
let rows: Uint32Array;

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), "corella-runs-"));
  const random = createGenerator(1, "log");
  const lines = Array.from(
    { length: 200 },
    (_, row) => `${random.integer(7)},${random.integer(30)},${1 + random.integer(5)},${1000 + row}`,
  );
  await writeFile(join(folder, "ratings.csv"), lines.join("\n"));
  const config = parseDataConfig({
    source: {
      ratings: { path: join(folder, "ratings.csv"), columns: { user: 0, item: 1, rating: 2, time: 3 } },
    },
    label: { threshold: 4 },
    history: { maxLength: 5 },
  });
  log = await loadLog(config);
  // Half of the log, as a split would leave it.
  rows = Uint32Array.from({ length: 100 }, (_, row) => row);
});

test("every row is in one run of its user, in order, and all runs of a user but the last are full", () => {
  const runs = targetRuns(log, rows, 4);
  expect(runs.flatMap((run) => [...run.rows]).toSorted((a, b) => a - b)).toEqual([...rows]);
  const users = new Map<number, number[]>();
  for (const { rows: run } of runs) {
    const user = log.user[run[0]!]!;
    expect([...run].every((row) => log.user[row] === user)).toBe(true);
    expect([...run]).toEqual([...run].toSorted((a, b) => log.time[a]! - log.time[b]!));
    users.set(user, [...(users.get(user) ?? []), run.length]);
  }
  for (const lengths of users.values())
    expect(lengths.slice(0, -1).every((length) => length === 4)).toBe(true);
});

test("a run's prompts tell the history before its first target, which is nobody's future", () => {
  const catalogue = catalogueFromLog(log);
  const prompt = createPrompt({ historyLength: 3, template: "{{user_history}} | {{target_item}}" });
  const { rows: run } = targetRuns(log, rows, 4).find((each) => each.rows.length === 4)!;
  const texts = renderRun({ log, catalogue }, prompt, { rows: run });
  const first = prompt.render(recordAt(log, run[0]!, 3), catalogue);
  expect(texts[0]).toBe(first);
  expect(new Set(texts.map((text) => text.split(" | ")[0]))).toEqual(new Set([first.split(" | ")[0]]));
  texts.forEach((text, i) => expect(text.endsWith(` | "${log.items.ids[log.item[run[i]!]!]}"`)).toBe(true));
  const told = [...historyOf(log, run[0]!, 3)];
  for (const row of run) expect(told.every((past) => log.time[past]! < log.time[row]!)).toBe(true);
});

test("runs are drawn until there are enough samples, and stay whole in batches", () => {
  const runs = randomRuns(targetRuns(log, rows, 4), 40, 1, "test");
  const count = runs.reduce((sum, run) => sum + run.rows.length, 0);
  expect(count).toBeGreaterThanOrEqual(40);
  expect(count).toBeLessThan(44);
  let next = 0;
  const places = runs.map((run) => run.rows.map(() => next++));
  const tokens = Array.from({ length: count }, (_, i) => ({ length: 10 + (i % 3) }));
  const config = { samples: 40, epochs: 2, batchSize: 9, learningRate: 1, weightDecay: 0, warmupSteps: 0 };
  const plan = llmPlan({ tokens, runs: places }, config, 1, "test");
  const seen = Array.from({ length: plan.steps / 2 }, (_, step) => plan.at(step));
  expect(seen.flatMap((batch) => [...batch]).toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: count }, (_, i) => i),
  );
  for (const batch of seen) {
    expect(batch.length).toBeLessThanOrEqual(9);
    for (const place of places)
      expect([0, place.length]).toContain([...place].filter((i) => batch.includes(i)).length);
  }
});

test("a run tells one user's statistics, those of its first row, and each target's own", () => {
  const template =
    "{{user.count}} {{user.mean}} of {{user_history}}|{{item.count}} {{item.mean}} of {{target_item}}";
  const prompt = createPrompt({ template, historyLength: 3 });
  const { rows: run } = targetRuns(log, rows, 4).find((each) => each.rows.length === 4)!;
  const catalogue = catalogueFromLog(log);
  const own = recordsAt(log, run, prompt).map((record) => prompt.render(record, catalogue).split("|"));
  const texts = renderRun({ log, catalogue }, prompt, { rows: run }).map((text) => text.split("|"));
  expect(texts.map(([, target]) => target)).toEqual(own.map(([, target]) => target));
  const counts = texts.map(([user]) => user!.split(" of ")[0]);
  expect(counts).toEqual(Array.from(run, () => own[0]![0]!.split(" of ")[0]));
  expect(own[3]![0]!.split(" ")[0]).not.toBe(own[0]![0]!.split(" ")[0]);
});
