// A search of 32 trials by asynchronous successive halving on two workers against the same grid trained whole, and the same
// with processes killed at random moments. Writes JSON lines: best validation AUC and setting, processor seconds (of all processes,
// starts and the seed's test figures included) and seconds of each part. Usage, from the project's root:
//   node --conditions=source --import tsx tooling/bench/src/experiments/asha.ts <results.jsonl> [--config configs/movietweetings.yaml]
//     [--kills 20] [--seed 1] [--tiny] [--parts grid,asha,kills,workers]
// `workers` needs redis-server: two `pnpm worker` processes take the units, each in a process of its own.
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { redisServer } from "@corella/jobs/testing";
import { createGenerator } from "@corella/random";

const root = join(import.meta.dirname, "../../../..");
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    config: { type: "string", default: join(root, "configs/movietweetings.yaml") },
    kills: { type: "string", default: "20" },
    seed: { type: "string", default: "1" },
    tiny: { type: "boolean", default: false },
    parts: { type: "string", default: "grid,asha,kills,workers" },
  },
});
const [out] = positionals;
if (out === undefined) throw new Error("Name the file that gets the results.");
const parts = new Set(values.parts.split(","));
const random = createGenerator(Number(values.seed), "kills");
const folder = await mkdtemp(join(tmpdir(), "corella-asha-"));

// 4 x 2 x 2 x 2; a tiny one tries the script itself.
await writeFile(
  join(folder, "search.yaml"),
  `config: ${JSON.stringify(resolve(values.config))}
search:
  stages.warmUp.learningRate: ${values.tiny ? "[0.001, 0.003]" : "[0.001, 0.002, 0.004, 0.008]"}
  crm.embeddingDim: [8, 16]
  crm.dropout: ${values.tiny ? "[0.2]" : "[0, 0.2]"}
  stages.warmUp.embeddingL2: ${values.tiny ? "[0]" : "[0, 1.0e-5]"}
seeds: 1
`,
);

/** A process whose time, and that of all processes that it waited for, is told when it ends. */
interface Timed {
  readonly child: ChildProcess;
  readonly ended: Promise<{
    readonly code: number | null;
    readonly cpuSeconds: number;
    readonly said: string;
  }>;
}

function start(app: string, ...options: readonly string[]): Timed {
  const main = join(root, "apps", app, "src/main.ts");
  const node = [process.execPath, "--conditions=source", "--import", "tsx", main, ...options];
  // `exec` is left out: the shell stays, to tell the time.
  const child = spawn("bash", ["-c", `TIMEFORMAT='cpu %U %S'; time "$@"`, "bash", ...node], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text: Buffer) => (said += text));
  const ended = new Promise<Awaited<Timed["ended"]>>((done) => {
    child.on("close", (code) => {
      const [, user, system] = /cpu ([\d.]+) ([\d.]+)\s*$/.exec(said) ?? [];
      done({ code, cpuSeconds: Number(user) + Number(system), said });
    });
  });
  return { child, ended };
}

function tuneOptions(name: string, ...what: readonly string[]): string[] {
  const of = (place: string): string => join(folder, name, place);
  const cache = join(folder, "cache");
  return [...what, "--out", of("out"), "--trials", of("trials"), "--cache", cache];
}

/** Processes below another one that runs, itself left out. */
function descendants(pid: number): number[] {
  const { stdout } = spawnSync("ps", ["-o", "pid=", "--ppid", String(pid)], { encoding: "utf8" });
  const children = stdout.trim().split(/\s+/).filter(Boolean).map(Number);
  return children.flatMap((child) => [child, ...descendants(child)]);
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has just ended by itself.
  }
}

interface Line {
  readonly settings: Record<string, unknown>;
  readonly validationAuc: number;
  readonly part: string;
  readonly status: string;
}

async function write(part: string, cpuSeconds: number, startedMs: number, more: object = {}): Promise<void> {
  const text = await readFile(join(folder, part, "out/results.jsonl"), "utf8");
  const lines = text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line)
    .filter((line) => line.status !== "diverged");
  const trials = lines.filter((line) => line.part === "search");
  const best = trials.toSorted((a, b) => b.validationAuc - a.validationAuc)[0]!;
  const seconds = (performance.now() - startedMs) / 1000;
  const { settings } = best;
  // The best as it is at its end: the only seed is its own.
  const { validationAuc } = lines.find((each) => each.part === "seeds")!;
  const line = { part, trials: trials.length, validationAuc, settings, cpuSeconds, seconds, ...more };
  await appendFile(out!, `${JSON.stringify(line)}\n`);
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** Runs a search to its end. @param killed how many processes of it are to be killed on the way @returns processor seconds */
async function search(name: string, options: readonly string[], kills = 0): Promise<number> {
  let [cpuSeconds, killed] = [0, 0];
  for (;;) {
    const { child, ended } = start("tune", ...tuneOptions(name, join(folder, "search.yaml"), ...options));
    const state = { isOver: false };
    void ended.then(() => (state.isOver = true));
    while (!state.isOver && killed < kills) {
      await Promise.race([ended, delay(1000 + 14_000 * random.uniform())]);
      // A unit's process more often than the search itself.
      const [main, ...units] = descendants(child.pid!);
      const victim = random.uniform() < 0.3 ? main : (units[random.integer(units.length || 1)] ?? main);
      if (state.isOver || victim === undefined) continue;
      kill(victim);
      killed += 1;
    }
    const { code, cpuSeconds: of, said } = await ended;
    cpuSeconds += of;
    if (code === 0) return cpuSeconds;
    if (kills === 0) throw new Error(said);
  }
}

/** Results of units that two searches both have, and how many of them differ in a byte. */
async function compareResults(a: string, b: string): Promise<{ compared: number; unlike: number }> {
  const names = async (part: string): Promise<string[]> =>
    (await readdir(join(folder, part, "trials"), { recursive: true })).filter((name) => /result-/.test(name));
  const theirs = new Set(await names(b));
  const both = (await names(a)).filter((name) => theirs.has(name));
  let unlike = 0;
  for (const name of both) {
    const [one, other] = await Promise.all(
      [a, b].map((part) => readFile(join(folder, part, "trials", name), "utf8")),
    );
    if (one !== other) unlike += 1;
  }
  return { compared: both.length, unlike };
}

// Prepared data are not counted for whoever comes first.
const prepared = start(
  "tune",
  ...tuneOptions("prepare", "--config", values.config, "--seeds", "1", "--set", "stages.warmUp.epochs=1"),
);
await prepared.ended;

const local = ["--parallel", "2", "--threads", "1"];
if (parts.has("grid")) {
  const startedMs = performance.now();
  await write("grid", await search("grid", [...local, "--scheduler", "none"]), startedMs);
}
if (parts.has("asha")) {
  const startedMs = performance.now();
  await write("asha", await search("asha", [...local, "--scheduler", "asha"]), startedMs);
}
if (parts.has("kills")) {
  const startedMs = performance.now();
  const kills = Number(values.kills);
  const cpuSeconds = await search("kills", [...local, "--scheduler", "asha"], kills);
  await write("kills", cpuSeconds, startedMs, { kills, ...(await compareResults("asha", "kills")) });
}
if (parts.has("workers")) {
  const redis = await redisServer();
  await redis.start();
  const startedMs = performance.now();
  const workers = [1, 2].map(() => start("worker", "--redis", redis.url, "--slots", "1"));
  let cpuSeconds = await search("workers", ["--workers", redis.url, "--threads", "1", "--scheduler", "asha"]);
  for (const { child } of workers) for (const pid of descendants(child.pid!)) process.kill(pid, "SIGTERM");
  for (const { ended } of workers) cpuSeconds += (await ended).cpuSeconds;
  await write("workers", cpuSeconds, startedMs, await compareResults("asha", "workers"));
  await redis.remove();
}
await rm(folder, { recursive: true });
