import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { noRedis, redisServer } from "@corella/jobs/testing";
import { command, startCommand, type CommandResult } from "@corella/terminal/testing";
import { expect, test } from "vitest";

/** Each test starts several processes. */
const timeoutMs = 240_000;

function placesIn(folder: string): string[] {
  return ["out", "trials", "cache"].flatMap((place) => [`--${place}`, join(folder, place)]);
}

function tune(folder: string, ...options: string[]): CommandResult {
  return command("tune", ...options, ...placesIn(folder));
}

/** A folder with 300 ratings and a configuration that trains in seconds. */
function project(epochs = 2): string {
  const folder = mkdtempSync(join(tmpdir(), "corella-tune-"));
  const rows = Array.from({ length: 300 }, (_, i) => {
    const [user, item] = [i % 12, (i * 7 + Math.floor(i / 12)) % 20];
    return `${user},${item},${user % 2 === item % 2 ? 5 : 2},${1000 + i}`;
  });
  writeFileSync(join(folder, "ratings.csv"), rows.join("\n"));
  writeFileSync(
    join(folder, "small.yaml"),
    `name: small
data:
  source: { ratings: { path: ratings.csv, columns: { user: 0, item: 1, rating: 2, time: 3 } } }
  label: { threshold: 4 }
features: [{ name: user, type: categorical, field: user }, { name: item, type: categorical, field: item }]
crm: { model: DCNv2, embeddingDim: 4, crossLayers: 1, parallelUnits: [8] }
stages: { warmUp: { epochs: ${epochs}, batchSize: 64, patience: 1000 } }
`,
  );
  writeFileSync(
    join(folder, "search.yaml"),
    `config: small.yaml
search: { stages.warmUp.learningRate: [0.001, 0.01], crm.embeddingDim: [2, 4] }
seeds: 2
`,
  );
  return folder;
}

interface Line {
  readonly part: string;
  readonly settings: Record<string, unknown>;
  readonly seed: number;
  readonly validationAuc: number;
  readonly test?: { readonly auc: number };
}

function lines(folder: string): Line[] {
  const text = readFileSync(join(folder, "out/results.jsonl"), "utf8");
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
}

test(
  "a search in two processes: table, results, page, configuration and CRM; again, it reuses all",
  () => {
    const folder = project();
    const first = tune(folder, join(folder, "search.yaml"), "--parallel", "2");
    expect(first.stderr).not.toContain("error");
    expect(first.status).toBe(0);
    const found = lines(folder);
    const search = found.filter(({ part }) => part === "search");
    const seeds = found.filter(({ part }) => part === "seeds");
    expect(search).toHaveLength(4);
    expect(seeds.map(({ seed }) => seed)).toEqual([1, 2]);
    expect(seeds.every(({ test: scored }) => scored !== undefined)).toBe(true);
    const best = search.toSorted((a, b) => b.validationAuc - a.validationAuc)[0]!;
    expect(seeds[0]!.validationAuc).toBe(best.validationAuc);
    const mean = (seeds[0]!.test!.auc + seeds[1]!.test!.auc) / 2;
    expect(first.stdout).toMatch(new RegExp(`DCNv2 +2 +${mean.toFixed(4).replace(/^0/, "")} ±`));
    for (const simple of ["constant", "item mean", "user and item means"])
      expect(first.stdout).toContain(`\n${simple}`);
    expect(first.stdout).toMatch(/GAUC +ECE/);
    expect(first.stdout).toMatch(/validation AUC +validation logloss/);
    // Tables, and below them the verdict and the files.
    const tables = first.stdout.split("\n\n").slice(0, -1).join("\n");
    for (const line of tables.split("\n")) expect(line.length).toBeLessThan(111);
    expect(first.stdout).toMatch(/\nDCNv2 has an AUC of [.\d]+.* the best that needs no model/);
    for (const file of ["report.html", "best.yaml", "crm/crm.safetensors", "crm/manifest.json"])
      expect(existsSync(join(folder, "out", file)), file).toBe(true);

    const again = tune(folder, join(folder, "search.yaml"));
    expect(again.stderr.match(/kept from before/g)).toHaveLength(6);
    expect(again.stdout.split("\n\n").slice(1)).toEqual(first.stdout.split("\n\n").slice(1));

    // The best configuration alone, from the file that was written.
    const alone = tune(folder, "--config", join(folder, "out/best.yaml"), "--seeds", "2");
    expect(alone.stderr.match(/kept from before/g)).toHaveLength(3);
  },
  timeoutMs,
);

test(
  "successive halving in units: rungs and processor time in text, results and page",
  () => {
    const folder = project(4);
    const { stdout, stderr, status } = tune(
      folder,
      join(folder, "search.yaml"),
      "--scheduler",
      "asha",
      "--seeds",
      "1",
    );
    expect(status, stderr).toBe(0);
    expect(stderr).toContain(
      "Rungs end after 0.5 epochs, 2 epochs and the whole training; of 4 trials one goes on",
    );
    expect(stderr).toMatch(/#\d is promoted to rung 2\n/);
    expect(stdout).toMatch(
      /\nrung +ends after +trials +promoted +paused +ended +best AUC\n1 +0\.5 epochs +4 +1 +3 +0 /,
    );
    expect(stdout).toMatch(/\nCPU time of the search: \d+:\d\d\n/);
    const found = readFileSync(join(folder, "out/results.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { part: string; rung?: number; cpuSeconds: number; status: string });
    expect(found.map(({ rung }) => rung).toSorted()).toEqual([0, 0, 0, 1, undefined]);
    expect(found.map(({ part, status: how }) => (part === "seeds" ? how : ""))).toContain("finished");
    expect(found.every(({ cpuSeconds }) => cpuSeconds > 0)).toBe(true);
    const page = readFileSync(join(folder, "out/report.html"), "utf8");
    for (const heading of [
      "Rungs of successive halving",
      "Promotions, in their order",
      "CPU time of the search",
    ])
      expect(page).toContain(heading);
  },
  timeoutMs,
);

test.skipIf(noRedis() !== undefined)(
  "on workers behind a queue the trials end as they do here, one process for all units of a worker",
  async () => {
    const [here, there] = [project(4), project(4)];
    const options = ["--scheduler", "asha", "--seeds", "1", "--threads", "1"];
    const how = (folder: string): string[] => [join(folder, "search.yaml"), ...options];
    expect(tune(here, ...how(here)).status).toBe(0);
    const server = await redisServer();
    await server.start();
    const worker = startCommand("worker", "--redis", server.url, "--queue", "searches", "--slots", "1");
    try {
      const { status, stderr } = tune(there, ...how(there), "--workers", server.url, "--queue", "searches");
      expect(status, stderr).toBe(0);
    } finally {
      worker.kill("SIGTERM");
      expect(await once(worker, "exit")).toEqual([0, null]);
      await server.remove();
    }
    const results = (folder: string): unknown[] =>
      lines(folder)
        .map(({ part, settings, seed, validationAuc }) => ({ part, settings, seed, validationAuc }))
        .toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
    expect(results(there)).toEqual(results(here));
    expect(attemptProcesses(there)).toBe(1);
  },
  timeoutMs,
);

/** How many processes have trained trials. */
function attemptProcesses(folder: string): number {
  const notes = readdirSync(join(folder, "trials"), { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith("spent.jsonl"),
  );
  const processes = notes.flatMap((name) =>
    readFileSync(join(folder, "trials", name), "utf8")
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { attempt: string }).attempt.split("/")[1]),
  );
  return new Set(processes).size;
}

test(
  "an interrupted search says how it goes on, and does",
  async () => {
    const folder = project(100);
    const child = startCommand("tune", join(folder, "search.yaml"), ...placesIn(folder), "--seeds", "1");
    const ended = new Promise<number | null>((resolve) => child.on("exit", resolve));
    let shown = "";
    await new Promise<void>((resolve, reject) => {
      child.stderr!.on("data", (text: Buffer) => {
        shown += text.toString();
        if (/finished in/.test(shown)) resolve();
      });
      void ended.then(() => reject(new Error(shown)));
    });
    child.kill("SIGINT");
    const code = await ended;
    expect(shown).toContain("error [train/interrupted]");
    expect(code).toBe(130);
    const resumed = tune(folder, join(folder, "search.yaml"), "--seeds", "1");
    expect(resumed.status).toBe(0);
    expect(resumed.stderr).toContain("#1 finished, kept from before");
    expect(lines(folder).filter(({ part }) => part === "search")).toHaveLength(4);
  },
  timeoutMs,
);

test.each([
  ["no configuration", [], "tune/no-config"],
  ["a setting that is searched", ["configs/search-crm.yaml", "--set", "crm.dropout=0"], "config/set"],
  [
    "a misspelt setting",
    ["--config", "configs/movietweetings.yaml", "--set", "crm.dropuot=1"],
    "crm/unknown-parameter",
  ],
])(
  "%s is one clear error",
  (_, options, code) => {
    const { status, stderr } = tune(mkdtempSync(join(tmpdir(), "corella-tune-")), ...options);
    expect(status).toBe(1);
    expect(stderr).toContain(`error [${code}]`);
    expect(stderr).not.toContain("    at ");
  },
  timeoutMs,
);
